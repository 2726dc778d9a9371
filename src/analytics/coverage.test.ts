import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { openDuckdbEngine } from '../sql/duckdb.ts';
import type { SqlEngine, SqlSession } from '../sql/engine.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { materializeDays, OBSERVED } from './compute.ts';
import { queryText } from './queries.ts';
import { cover, type Observed } from './testing/coverage.ts';

interface Made extends Observed {
  readonly temperature?: boolean;
  readonly humidity?: boolean;
  /** Which partial aggregate it is counted in, when not all in one; they follow each other in time. */
  readonly part?: number;
}

interface Found {
  readonly coverage_pct: number;
  readonly temperature_c_coverage_pct: number;
  readonly humidity_pct_coverage_pct: number;
}

const HOUR = 3_600;
const DAY = 86_400;
const START = Date.UTC(2024, 0, 1) / 1_000;

describe('coverage', () => {
  let engine: SqlEngine;
  let session: SqlSession;
  before(async () => {
    engine = await openDuckdbEngine({ memoryMib: 256, threads: 1, tempFolder: tmpdir() });
    session = await engine.session();
  });
  after(async () => {
    await session[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  /** One row per city, in order; `merge` joins the partial aggregates of each before. */
  async function compute(cities: readonly (readonly Made[])[], merge = false): Promise<Found[]> {
    const rows = cities.flatMap((made, city) =>
      made.map(({ at, interval, temperature = true, humidity = true, part = 0 }) => {
        const values = `${temperature ? 1 : 'NULL'}, ${humidity ? 1 : 'NULL'}`;
        return `(${city + 1_000}, ${part}, ${at}, ${interval}, ${values})`;
      }),
    );
    const given = ['city_id', 'city', 'country', 'observed_at', 'interval_s'];
    const values = ['temperature_c', 'humidity_pct'];
    const none = Object.entries(OBSERVATION_COLUMNS)
      .filter(([name]) => ![...given, ...values].includes(name))
      .map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`);
    await session.materialize(
      'observations',
      `SELECT ${OBSERVED}, month FROM (
         SELECT CAST(c AS VARCHAR) AS city_id, CAST(p AS VARCHAR) AS month, 'C' AS city,
           'XX' AS country, to_timestamp(s) AS observed_at, CAST(i AS INTEGER) AS interval_s,
           CAST(t AS DOUBLE) AS temperature_c, CAST(h AS DOUBLE) AS humidity_pct, ${none.join(', ')}
         FROM (VALUES ${rows.join(', ')}) made(c, p, s, i, t, h)
       ) timed`,
    );
    await materializeDays(session);
    for (const kind of ['city_statistics', 'coverage'] as const) {
      await session.materialize(`${kind}_partials`, queryText(`${kind}_partial`));
      if (!merge) continue;
      await session.materialize('merged', queryText(`${kind}_merge`));
      await session.materialize(`${kind}_partials`, 'SELECT * FROM merged');
    }
    const found = await session.query<Found>(queryText('city_statistics'));
    assert.equal(found.length, cities.length);
    return found;
  }

  async function coverageOf(made: readonly Made[]): Promise<number> {
    const [found] = await compute([made]);
    return found?.coverage_pct ?? Number.NaN;
  }

  const every = (interval: number, count: number, jitter: (slot: number) => number = () => 0) =>
    Array.from({ length: count }, (_, slot) => ({
      at: START + slot * interval + jitter(slot),
      interval,
    }));

  test('times beside the full hour are complete', async () => {
    assert.equal(await coverageOf(every(HOUR, 72)), 100);
    assert.equal(await coverageOf(every(HOUR, 72, (slot) => (slot % 2 === 0 ? -2 : 2))), 100);
    assert.equal(await coverageOf(every(HOUR, 72, (slot) => (slot % 2 === 0 ? 0 : -60))), 100);
    assert.equal(await coverageOf([{ at: START, interval: HOUR }]), 100);
  });

  test('local midnights are complete over both changes of the clocks', async () => {
    const offset = (day: number) => (day >= 90 && day < 300 ? 2 : 1) * HOUR;
    assert.equal(await coverageOf(every(DAY, 366, (day) => -offset(day))), 100);
  });

  test('a provider that takes 8 to 15 minutes for ten is complete', async () => {
    const gaps = [8, 9, 14, 10, 15, 8, 12, 10, 9, 15, 11, 13];
    let at = START;
    const made = Array.from({ length: 200 }, (_, index) => {
      at += (gaps[index % gaps.length] ?? 0) * 60;
      return { at, interval: 600 };
    });
    assert.equal(await coverageOf(made), 100);
  });

  test('rows without any value count for nothing, and each variable for itself', async () => {
    const none = every(HOUR, 48).map((row) => ({ ...row, temperature: false, humidity: false }));
    const late = every(HOUR, 48).map((row, slot) => ({ ...row, temperature: slot >= 12 }));
    const ended = every(HOUR, 48).map((row, slot) => {
      const held = slot < 24;
      return { ...row, temperature: held && slot !== 7, humidity: held };
    });
    const shares = (await compute([none, late, ended])).map((row) => [
      row.coverage_pct,
      row.temperature_c_coverage_pct,
      row.humidity_pct_coverage_pct,
    ]);
    assert.deepEqual(shares, [
      [0, 0, 0],
      [100, 75, 100],
      [50, (100 * 23) / 48, 50],
    ]);
  });

  test('more observations than expected fill no hole', async () => {
    const dense = every(HOUR / 3, 720).map((row) => ({ ...row, interval: HOUR }));
    assert.equal(await coverageOf(dense), 100);
    const holed = await coverageOf(dense.filter((_, index) => index < 240 || index >= 480));
    assert.ok(Math.abs(holed - (100 * 2) / 3) < 1, String(holed));
    const corrected = every(HOUR, 48).flatMap((row) => [row, { ...row, at: row.at + 300 }]);
    assert.equal(await coverageOf(corrected.filter((_, index) => index < 48 || index >= 72)), 75);
  });

  test('where the source changes the longer interval counts, and a hole between them is one', async () => {
    const hourly = every(HOUR, 48);
    const after = (seconds: number) =>
      every(600, 144).map((row) => ({ ...row, at: START + 47 * HOUR + seconds + row.at - START }));
    assert.equal(await coverageOf([...hourly, ...after(HOUR)]), 100);
    // Two days of hours, eight days of nothing, a day of ten minutes.
    const holed = await coverageOf([...hourly, ...after(8 * DAY + HOUR)]);
    assert.ok(Math.abs(holed - (100 * 3) / 11) < 0.1, String(holed));
    const both = every(600, 144).map((row, slot) => ({ ...row, interval: slot % 6 ? 600 : HOUR }));
    assert.equal(await coverageOf(both), 100);
  });

  test('drift over years adds up to nothing', async () => {
    assert.equal(
      await coverageOf(every(HOUR + 7, 5_000).map((row) => ({ ...row, interval: HOUR }))),
      100,
    );
  });

  const series = fc.record({
    interval: fc.constantFrom(60, 600, HOUR, DAY),
    count: fc.integer({ min: 2, max: 60 }),
    // Thousandths of an interval.
    jitter: fc.array(fc.integer({ min: -499, max: 499 }), { minLength: 60, maxLength: 60 }),
    dropped: fc.uniqueArray(fc.integer({ min: 1, max: 58 }), { maxLength: 30 }),
    parts: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 4 }),
  });
  const some = fc.array(series, { minLength: 1, maxLength: 12 });

  test('any jitter of less than half an interval is complete, at any cut into partial aggregates', async () => {
    await fc.assert(
      fc.asyncProperty(some, fc.boolean(), async (all, merge) => {
        const cities = all.map(({ interval, count, jitter, parts }) =>
          every(interval, count, (slot) =>
            Math.trunc(((jitter[slot] ?? 0) * interval) / 1_000),
          ).map((row, slot) => ({ ...row, part: parts.filter((from) => from <= slot).length })),
        );
        for (const found of await compute(cities, merge)) {
          assert.equal(found.coverage_pct, 100);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('of n slots k that are not at an end make (n − k) of n, with jitter of a fifth', async () => {
    await fc.assert(
      fc.asyncProperty(some, async (all) => {
        const kept = all.map(({ interval, count, jitter, dropped }) =>
          every(interval, count, (slot) =>
            Math.trunc(((jitter[slot] ?? 0) * interval) / 2_500),
          ).filter((_, slot) => slot === 0 || slot >= count - 1 || !dropped.includes(slot)),
        );
        for (const [city, found] of (await compute(kept)).entries()) {
          const { count = 1 } = all[city] ?? {};
          const share = (100 * (kept[city]?.length ?? 0)) / count;
          assert.ok(Math.abs(found.coverage_pct - share) < 1e-9, `${found.coverage_pct} ${share}`);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('whatever is observed: as said, never above 100, in any order and any cut', async () => {
    const anything = fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: 200_000 }),
        interval: fc.constantFrom(600, HOUR),
        temperature: fc.boolean(),
        humidity: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    );
    const cities = fc.array(anything, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cities, fc.boolean(), async (all, merge) => {
        // No two observations of a city have the same time.
        const made = all.map((rows) =>
          [...new Map(rows.map((row) => [row.at, { ...row, at: START + row.at }])).values()].map(
            (row) => ({ ...row, part: Math.floor((row.at - START) / 40_000) }),
          ),
        );
        const found = await compute(made, merge);
        for (const [city, rows] of made.entries()) {
          const row = found[city];
          const { held, expected } = cover(
            rows,
            rows.filter(({ temperature, humidity }) => temperature || humidity),
          );
          assert.equal(row?.coverage_pct, (100 * held) / expected);
          assert.ok((row?.coverage_pct ?? 101) <= 100);
          const warm = cover(
            rows,
            rows.filter(({ temperature }) => temperature),
          );
          assert.equal(row?.temperature_c_coverage_pct, (100 * warm.held) / warm.expected);
        }
      }),
      { numRuns: 12 },
    );
  });
});
