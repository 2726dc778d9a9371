/** The recount says of events what the publisher says, of any weather, and finds what was changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../test/support/random.ts';
import { stormOf } from '../../../test/support/storm.ts';
import { openWorld, settle, weather } from '../../analytics/testing/judged.ts';
import type { Made } from '../../analytics/testing/place.ts';
import type { Row } from '../../sql/engine.ts';
import { deepOptionsOf } from '../testing/raw-export.ts';
import { type DeepOptions, verifyDeep } from './deep.ts';
import { EventsComparison } from './events.ts';
import { parseRawRow } from './raw-row.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
const WORLDS = stormOf(24, 1);
const HOUR = 3_600;

/** The place's hours of the day are by no clock of these rows. */
const isOfEvents = (difference: string) => difference.startsWith('anomaly_events');

/** Gaps, several values an hour, whole degrees, faults and spells; in some worlds of several years. */
function strange(city: string, seed: number): Made[] {
  const random = createRandom(seed);
  const pick = <T>(...of: readonly T[]) => of[Math.floor(random() * of.length)] as T;
  const digits = pick(1, 10, 1e9);
  const minutes = pick(false, true);
  const years = pick(0, 1, 3);
  let [spell, left, gap] = [0, 0, 0];
  const season = (year: number): Made[] =>
    weather(city, seed + year).flatMap((one) => {
      if (left === 0 && random() < 0.01) [spell, left] = [30 * (random() - 0.5), pick(1, 2, 5, 30)];
      if (gap === 0 && random() < 0.004) gap = pick(2, 8, 30, 300);
      left = Math.max(0, left - 1);
      gap = Math.max(0, gap - 1);
      if (gap > 0) return [];
      const by = left > 0 ? spell : 0;
      const back = Math.round(year * 365.2425) * 24 * HOUR;
      const some = (value: number) =>
        random() < 0.02 ? null : Math.round(value * digits) / digits;
      return (minutes ? [0, 1_200, 2_399] : [0]).map((second) => ({
        ...{ ...one, at: one.at - back + second },
        temperature: some((one.temperature ?? 0) + by + random()),
        humidity: some(Math.min(100, Math.max(0, (one.humidity ?? 0) - 2 * by))),
        pressure: some(1_010 + by / 2 + 2 * random()),
        speed: some(Math.abs(by / 3) + 4 * random()),
      }));
    });
  return Array.from({ length: years + 1 }, (_, year) => season(years - year)).flat();
}

test(`events of any weather are recounted as they were published (seed ${SEED})`, async () => {
  let count = 0;
  for (let world = 0; world < WORLDS; world += 1) {
    await using place = await openWorld();
    const made = [...strange('a', SEED + 2 * world), ...strange('b', SEED + 2 * world + 1)];
    await place.add(made);
    const publication = await settle(await place.refresher());
    const { differences, sums } = await verifyDeep(deepOptionsOf(place, publication, made));
    assert.deepEqual(differences.filter(isOfEvents), [], `world ${world}`);
    assert.match(String(sums['recounted events']), /^\d+ of 2 cities$/);
    count += Number.parseInt(String(sums['recounted events']), 10);
  }
  assert.ok(count > 0, 'there was no event');
});

test('a change of any column of an event is found, and an event too many or too few', async () => {
  await using place = await openWorld();
  const made = strange('a', 12);
  await place.add(made);
  const options = deepOptionsOf(place, await settle(await place.refresher()), made);
  const publication = await options.publication();
  assert.ok(publication !== null);
  const month = (await options.judgedMonths(publication)).at(-1) ?? assert.fail();
  const [first, ...others] = await options.events(publication, month);
  assert.ok(first !== undefined);
  const found = async (rows: readonly Row[]) => {
    const events: DeepOptions['events'] = async (of, asked) =>
      asked === month ? rows : options.events(of, asked);
    return (await verifyDeep({ ...options, events })).differences.filter(isOfEvents).join('\n');
  };
  assert.equal(await found([first, ...others]), '');
  const name = `${first.began_at} a ${first.variable}`;
  const changes: Readonly<Record<string, unknown>> = {
    ...{ value: Number(first.value) + 1e-4, expected: Number(first.expected) + 1e-4 },
    ...{ score: Number(first.score) * 1.000_001, flagged_count: Number(first.flagged_count) + 1 },
    ...{ ended_at: '2030-01-01T00:00:00Z', peak_at: '2030-01-01T00:00:00Z', severity: 'other' },
    ...{ other_variables: 'rain_1h_mm', record: 'other', season_years: 7 },
    spread: Number(first.spread) + 1e-6,
  };
  for (const [column, value] of Object.entries(changes)) {
    const text = await found([{ ...first, [column]: value }, ...others]);
    assert.match(
      text,
      new RegExp(`^anomaly_events ${name} ${column}: .* published, .* from the raw`),
    );
    assert.equal(text.split('\n').length, 1, text);
  }
  assert.match(
    await found(others),
    /^anomaly_events .*: not published, but it follows from the raw/,
  );
  const added = { ...first, city_id: 'c' };
  assert.match(
    await found([added, first, ...others]),
    /^anomaly_events \S+ c \S+: published, but it does not follow from the raw export$/,
  );
});

test('of more cities than there is room for, some are left out, and the rest is compared', async () => {
  const line = (city: string, day: number) =>
    JSON.stringify({
      ...{ city_id: city, observed_at: `2024-01-${String(day).padStart(2, '0')}T00:00:00Z` },
      temperature_c: 1,
    });
  const asked: string[] = [];
  const comparison = new EventsComparison({
    months: ['2024-01'],
    read: async (month) => {
      asked.push(month);
      return ['a', 'b', 'c'].map((city_id) => ({
        ...{ city_id, variable: 'temperature_c', began_at: '2024-01-02T00:00:00Z' },
      }));
    },
    daysHeldMost: 25,
  });
  for (let day = 1; day <= 12; day += 1) {
    for (const city of ['a', 'b', 'c']) {
      const row = parseRawRow(line(city, day));
      if (typeof row === 'string') assert.fail(row);
      comparison.add(row, row);
    }
  }
  const differences = await comparison.end();
  assert.deepEqual(asked, ['2024-01']);
  assert.equal(comparison.summary, '0 of 2 of 3 cities');
  assert.deepEqual(
    differences.map((text) => text.split(' ')[2]),
    ['a', 'b'],
  );
});
