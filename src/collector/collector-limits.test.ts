/** The loop with parts of paper: what it asks of its budget, and how much it can carry. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import type { City } from '../model/city.ts';
import type { Observation } from '../model/observation.ts';
import type { Budget } from './budget.ts';
import { startCollector } from './collector.ts';
import type { CollectorMemory } from './memory.ts';
import { openTestClock } from './testing/clock.ts';

const START = Date.parse('2026-11-23T10:03:00Z');
const INTERVAL_MS = 600_000;

const makeCities = (count: number): City[] =>
  Array.from({ length: count }, (_, index) => ({
    city_id: `city-${index}`,
    name: `City ${index}`,
    country: '',
    latitude: 0,
    longitude: 0,
    time_zone: 'Etc/UTC',
  }));

function start(options: {
  readonly cities: number;
  readonly concurrency: number;
  readonly perMinute?: number;
  readonly latencyMs?: number;
  readonly book?: Budget['book'];
}) {
  const { perMinute = 1_000_000, latencyMs = 50 } = options;
  const clock = openTestClock(START);
  const asked = new Map<string, number>();
  const newest = new Map<string, string>();
  let [calls, underWay, mostUnderWay, booked] = [0, 0, 0, 0];
  const memory: CollectorMemory = {
    knows: ({ city_id, observed_at }) => newest.get(city_id) === observed_at,
    remember: ({ city_id, observed_at }) => void newest.set(city_id, observed_at),
    newestOf: () => null,
    [Symbol.dispose]() {},
  };
  const count = { used: 0, limit: 1_000_000_000 };
  const budget: Pick<Budget, 'book' | 'counts'> = {
    book:
      options.book ??
      (async (wanted = 1) => {
        booked += wanted;
        return { calls: wanted, refused: null };
      }),
    counts: () => ({ minute: { used: 0, limit: perMinute }, day: count, month: count }),
  };
  const collector = startCollector({
    source: {
      name: 'paper',
      simulated: false,
      async observe(city, signal): Promise<Observation> {
        calls += 1;
        underWay += 1;
        mostUnderWay = Math.max(mostUnderWay, underWay);
        asked.set(city.city_id, (asked.get(city.city_id) ?? 0) + 1);
        await clock.wait(latencyMs, signal);
        underWay -= 1;
        const at = new Date(Math.floor(clock.now() / INTERVAL_MS) * INTERVAL_MS).toISOString();
        return {
          city_id: city.city_id,
          city: city.name,
          country: '',
          observed_at: at,
          collected_at: at,
          source: 'paper',
          interval_s: 600,
          utc_offset_s: 0,
          provider_city_id: null,
          response: null,
          temperature_c: 1,
        };
      },
    },
    cities: makeCities(options.cities),
    log: { append: async () => [] },
    budget,
    memory,
    intervalSeconds: 600,
    delaySeconds: 15,
    concurrency: options.concurrency,
    retries: 3,
    logger: silentLogger,
    clock,
    random: () => 0.5,
  });
  return {
    clock,
    collector,
    asked,
    count: () => ({ calls, booked, mostUnderWay }),
  };
}

describe('the limits of polling', () => {
  test('without a booking no call is made', async () => {
    let broken = true;
    const { collector, clock, asked } = start({
      cities: 5,
      concurrency: 8,
      async book() {
        if (broken) throw new IsobarError('DISK_FULL', 'ledger.sqlite: disk is full');
        return { calls: 1, refused: null };
      },
    });
    await clock.advance(3_600_000);
    assert.equal(asked.size, 0);
    assert.match(collector.status().message, /disk is full/);
    broken = false;
    await clock.advance(15_000);
    assert.equal(asked.size, 5);
    await collector.stop();
  });

  test('every call is booked, and no more are under way than allowed', async () => {
    const { collector, clock, count } = start({ cities: 500, concurrency: 16, latencyMs: 2_000 });
    await clock.advance(INTERVAL_MS);
    const { calls, booked, mostUnderWay } = count();
    assert.equal(mostUnderWay, 16);
    assert.ok(calls >= 500 && booked === calls, `${calls} calls, ${booked} booked`);
    await collector.stop();
  });

  test('200,000 cities are asked evenly, each once before any is asked again', async () => {
    const { collector, clock, asked, count } = start({
      cities: 200_000,
      concurrency: 256,
      perMinute: 20_000,
    });
    // At 20,000 calls a minute ten minutes pass before the last one had its turn.
    await clock.advance(15_000);
    assert.ok(Math.abs(asked.size - 5_000) < 300, String(asked.size));
    assert.equal(count().calls, asked.size);
    assert.deepEqual([collector.status().city_count, collector.status().state], [200_000, 'live']);
    await collector.stop();
  });

  test('2,000 cities are all asked in each interval', async () => {
    const { collector, clock, asked } = start({ cities: 2_000, concurrency: 32 });
    await clock.advance(INTERVAL_MS);
    assert.equal(asked.size, 2_000);
    await clock.advance(INTERVAL_MS);
    const counts = [...asked.values()];
    assert.ok(Math.min(...counts) >= 2 && Math.max(...counts) <= 4, String(Math.max(...counts)));
    await collector.stop();
  });
});
