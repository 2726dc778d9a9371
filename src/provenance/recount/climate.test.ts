/** Days, months, what is usual and records are recounted as they were published, of any history. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../../test/support/random.ts';
import { stormOf } from '../../../test/support/storm.ts';
import { type Made, openPlace, type Place, timeOf } from '../../analytics/testing/place.ts';
import {
  CLIMATE_DATASETS,
  CLIMATE_KEYS,
  type ClimateDataset,
} from '../../model/climate-datasets.ts';
import type { DateRange } from '../../model/climate-spells.ts';
import type { Row } from '../../sql/engine.ts';
import { deepOptionsOf, rawLine } from '../testing/raw-export.ts';
import { DayTally } from './day-tally.ts';
import { type DeepOptions, verifyDeep } from './deep.ts';
import { Extremes } from './extremes.ts';
import { MonthTally } from './month-tally.ts';
import { OneOf } from './one-of.ts';
import { parseRawRow, type RawRow } from './raw-row.ts';

const HOUR_S = 3_600;
const DAY_S = 86_400;
/** Winters from 28 December on, so that some months are full in each of them. */
const WINTERS = [0, 366, 731];
const WINTER_DAYS = 70;

/** Clocks of cities: from the days of a winter on, seconds ahead of UTC. */
const CLOCKS = {
  utc: [[0, 0]],
  unknown: [[0, null]],
  /** Known from February on. */
  'known later': [
    [0, null],
    [38, 45_900],
  ],
  west: [[0, -43_200]],
  east: [[0, 50_400]],
  'quarter hours': [[0, 20_700]],
  'half an hour of summer': [
    [0, 37_800],
    [30, 39_600],
    [60, 37_800],
  ],
  'summer time': [
    [0, 3_600],
    [30, 7_200],
    [60, 3_600],
  ],
} as const;

interface City {
  readonly clock: keyof typeof CLOCKS;
  readonly interval: number;
  /** Shares of the observations that are there, and that say what fell. */
  readonly kept: number;
  readonly fallen: number;
  readonly level: number;
  /** Digits after the point; many of temperatures that hardly differ. */
  readonly decimals: number;
}

const city: fc.Arbitrary<City> = fc.record({
  clock: fc.constantFrom(...(Object.keys(CLOCKS) as City['clock'][])),
  interval: fc.constantFrom(HOUR_S, 3 * HOUR_S),
  kept: fc.constantFrom(0.02, 0.7, 0.97, 1),
  fallen: fc.constantFrom(0.3, 1),
  level: fc.constantFrom(-5, 10, 26),
  decimals: fc.constantFrom(0, 1, 3, 12),
});

function clockAt(clock: City['clock'], day: number): number | null {
  return CLOCKS[clock].findLast(([from]) => day >= from)?.[1] ?? null;
}

function makeHistory(cities: readonly City[], seed: number): Made[] {
  const random = createRandom(seed);
  const all: Made[] = [];
  for (const [index, { clock, interval, kept, fallen, level, decimals }] of cities.entries()) {
    const rounded = (value: number) => Number(value.toFixed(decimals));
    const some = (value: number) => (random() < 0.95 ? rounded(value) : null);
    // Sums of tenths are a wet day's millimetre but for their last digits.
    const rain = () => (random() < fallen ? Math.floor(4 * random()) / 10 : null);
    for (const [winter, day] of WINTERS.entries()) {
      for (let within = 0; within < WINTER_DAYS * DAY_S; within += interval) {
        if (random() > kept) continue;
        const wave = 3 * Math.sin((2 * Math.PI * within) / DAY_S) + 10 * Math.sin(within / 2e6);
        const odd = random() < 0.004 ? 45 : 0;
        const temperature = decimals > 3 ? 1e-5 * random() : wave + random();
        all.push({
          city: `city-${index}`,
          at: day * DAY_S + within + Math.floor(1_800 * random()) + (random() < 0.1 ? 0.25 : 0),
          temperature: some(level + winter + temperature + odd),
          humidity: some(Math.round(100 * random())),
          direction: some(Math.round(360 * random())),
          speed: some(random() < 0.2 ? 0 : 15 * random()),
          pressure: some(1_010 + random()),
          gust: random() < 0.3 ? rounded(20 + 10 * random()) : null,
          rain: rain(),
          snow: random() < 0.2 ? rain() : null,
          offset: clockAt(clock, within / DAY_S),
          interval,
        });
      }
    }
  }
  return all;
}

/** Publishes these observations, checked by quality control; resolves with what is verified. */
async function publish(
  place: Place,
  parts: readonly (readonly Made[])[],
  corrected: readonly Made[],
): Promise<{ readonly options: DeepOptions; readonly failed: number }> {
  for (const [at, id] of ['city-0', 'city-1', 'city-2'].entries()) {
    place.stations.set(id, { latitude: 30 * at, longitude: 20, elevation_m: 30 });
  }
  const refresher = await place.refresher();
  for (const part of parts) {
    if (part.length === 0) continue;
    await place.add(part);
    await refresher.refresh();
  }
  if (corrected.length > 0) await place.correct(corrected);
  await refresher.check();
  const publication = (await refresher.refresh()) ?? assert.fail();
  const isCorrected = new Set(corrected.map(monthOf));
  const kept = parts.flat().filter((one) => !isCorrected.has(monthOf(one)));
  const options = deepOptionsOf(place, publication, [...kept, ...corrected]);
  const failed = (publication.quality?.months ?? []).reduce((sum, month) => sum + month.failed, 0);
  return { options, failed };
}

const monthOf = ({ at }: Made) => timeOf(at).slice(0, 7);

/** Hours of the day are of another clock in these places. */
async function differencesOf(options: DeepOptions): Promise<readonly string[]> {
  const { differences } = await verifyDeep(options);
  return differences.filter((one) => !one.startsWith('hourly_trends'));
}

test('histories of any clocks, gaps, rain and faults are recounted as they were published', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        cities: fc.array(city, { minLength: 1, maxLength: 2 }),
        seed: fc.integer({ min: 1, max: 1e6 }),
        corrected: fc.integer({ min: 0, max: 11 }),
        rowsHeldMost: fc.constantFrom(20, 10_000),
      }),
      async ({ cities, seed, corrected, rowsHeldMost }) => {
        const all = makeHistory(cities, seed);
        if (all.length === 0) return;
        const months = [...new Set(all.map(monthOf))].sort();
        const wrong = months[corrected % months.length];
        const corrections = all
          .filter((one) => monthOf(one) === wrong)
          .map((one) => ({ ...one, temperature: (one.temperature ?? 9) - 20 }));
        await using place = await openPlace();
        // Months come in two commits, the newest first.
        const isEarly = (one: Made) => one.at < 366 * DAY_S;
        const parts = [all.filter((one) => !isEarly(one)), all.filter(isEarly)];
        const { options } = await publish(place, parts, corrections);
        assert.deepEqual(await differencesOf({ ...options, rowsHeldMost }), []);
      },
    ),
    { numRuns: stormOf(15, 2), endOnFailure: true },
  );
});

const HOURLY: City = {
  ...{ clock: 'summer time', interval: HOUR_S, kept: 1 },
  ...{ fallen: 1, level: 10, decimals: 1 },
};

let place: Place;
let options: DeepOptions;
before(async () => {
  place = await openPlace();
  const cities: City[] = [
    HOURLY,
    { ...HOURLY, clock: 'unknown', decimals: 3 },
    { ...HOURLY, clock: 'west', interval: 3 * HOUR_S },
  ];
  const published = await publish(place, [makeHistory(cities, 7)], []);
  assert.ok(published.failed > 5, `${published.failed} values failed`);
  options = published.options;
});
after(() => place[Symbol.asyncDispose]());

/** What differs when this is done to the rows that are published. */
function differencesWith(
  change: (dataset: ClimateDataset, rows: readonly Row[], range: DateRange) => readonly Row[],
  rowsHeldMost = 10_000,
): Promise<readonly string[]> {
  return differencesOf({
    ...options,
    rowsHeldMost,
    climateRows: async (publication, dataset, range) =>
      change(dataset, await options.climateRows(publication, dataset, range), range),
  });
}

/** Another value of the same kind, hardly further away than is compared. */
function other(value: unknown): unknown {
  if (typeof value === 'number') return value + 3e-9 * Math.max(1, Math.abs(value));
  if (typeof value === 'boolean') return !value;
  return typeof value === 'string' ? `${value}x` : 0;
}

const nameOf = (dataset: ClimateDataset, row: Row) =>
  `${dataset} ${CLIMATE_KEYS[dataset].map((key) => row[key]).join(' ')}`;

test('each column of each dataset is compared, in the first row and in the last', async () => {
  assert.deepEqual(await differencesOf(options), []);
  // Not more at once than are named of a dataset.
  for (let from = 0; from < 40; from += 10) {
    const wanted: string[] = [];
    const found = await differencesWith((dataset, rows) =>
      rows.map((row) => {
        if (row !== rows[0] && row !== rows.at(-1)) return row;
        const columns = Object.keys(row).filter((name) => !CLIMATE_KEYS[dataset].includes(name));
        const chosen = columns.slice(from, from + 10);
        for (const name of chosen) {
          wanted.push(`${nameOf(dataset, row)} ${name}: ${other(row[name])} published`);
        }
        return { ...row, ...Object.fromEntries(chosen.map((name) => [name, other(row[name])])) };
      }),
    );
    const named = found.map((one) => one.replace(/, \S+ from the raw export$/, ''));
    assert.deepEqual(named.toSorted(), wanted.toSorted());
  }
});

test('a row that is missing, twice, or too many is named', async () => {
  const chosen: string[] = [];
  const differing = (change: (row: Row) => readonly Row[]) =>
    differencesWith((dataset, rows) => {
      const middle = rows[Math.floor(rows.length / 2)];
      if (middle === undefined) return rows;
      chosen.push(nameOf(dataset, middle));
      return rows.flatMap((row) => (row === middle ? change(row) : [row]));
    });
  const without = await differing(() => []);
  assert.equal(chosen.length, CLIMATE_DATASETS.length);
  const named = (text: string) => chosen.splice(0).map((name) => `${name}: ${text}`);
  assert.deepEqual(without, named('not published, but it follows from the raw export'));
  const twice = await differing((row) => [row, row]);
  assert.deepEqual(twice, named('it is published twice'));
  const added = await differing((row) => [row, { ...row, city_id: 'nowhere' }]);
  assert.deepEqual(
    added,
    named('published, but it does not follow from the raw export').map((text) =>
      text.replace(/city-\d/, 'nowhere'),
    ),
  );
});

test('a day in no range of the raw export is found: before, between and after', async () => {
  const dates = ['1999-12-31', '2024-06-01', '2024-12-27', '2024-12-29', '2099-01-01'];
  let ranges = 0;
  const found = await differencesWith((dataset, rows, { from, to }) => {
    if (dataset !== 'daily_summaries') return rows;
    ranges += 1;
    const asked = dates.filter(
      (date) => (from === null || date >= from) && (to === null || date < to),
    );
    return [...rows, ...asked.map((date) => ({ city_id: 'city-9', date }))];
    // Months are read up to the gap between two winters, too: there are four of three cities.
  }, 12);
  assert.ok(ranges > 10, `${ranges} ranges`);
  const text = 'published, but it does not follow from the raw export';
  assert.deepEqual(
    found,
    dates.map((date) => `daily_summaries city-9 ${date}: ${text}`),
  );
});

test('a wet day that only the order of adding decides may be one or not', () => {
  const tenths = (count: number, amount: number) => {
    const tally = new DayTally('oslo', 0);
    for (let hour = 0; hour < count; hour += 1) tally.add(rainOf(hour, amount));
    return tally;
  };
  assert.deepEqual([...tenths(20, 0.05).wet], [true, false]);
  assert.deepEqual([...tenths(10, 0.1).wet], [true, null]);
  assert.deepEqual([...tenths(20, 0.06).wet], [true]);
  assert.deepEqual([...tenths(20, 0.04).wet], [false]);
  const month = new MonthTally('1970-01');
  for (const day of [tenths(20, 0.05), tenths(10, 0.1), tenths(20, 0.04)]) month.add(day);
  const { wet_day_count: count } = month.row('oslo', 'Oslo');
  assert.ok(count instanceof OneOf);
  assert.deepEqual(
    [null, 0, 1, 2, 3].filter((one) => count.allows(one)),
    [0, 1, 2],
  );
});

function rainOf(hour: number, amount: number): RawRow {
  const line = rawLine({
    ...{ city: 'oslo', at: hour * HOUR_S, interval: HOUR_S, rain: amount },
    ...{ temperature: null, humidity: null, direction: null },
  });
  const row = parseRawRow(line);
  return typeof row === 'object' ? row : assert.fail(row);
}

test('of extremes that are reached twice the earlier time counts, in whatever order they are joined', () => {
  const [early, late] = [new Extremes(), new Extremes()];
  early.add(1, '2024-01-01T00:00:00.5Z');
  late.add(1, '2024-01-01T00:00:01Z');
  for (const parts of [
    [early, late],
    [late, early],
  ]) {
    const joined = new Extremes();
    for (const part of parts) joined.join(part);
    assert.deepEqual(
      [joined.minAt, joined.maxAt],
      ['2024-01-01T00:00:00.5Z', '2024-01-01T00:00:00.5Z'],
    );
  }
});
