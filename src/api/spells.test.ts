import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { openAccess } from '../access/access.ts';
import { openAudit } from '../access/audit.ts';
import { parseScope } from '../access/scope.ts';
import type { City } from '../model/city.ts';
import { addDays, daysBetween } from '../model/climate.ts';
import type { GrowingSeasonRow, HeatWaveRow } from '../model/climate-spells.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const DAY_S = 86_400;

/** A value at noon of each day from `first` on, which stands for the day; null for none. */
function days(city: string, first: string, values: readonly (number | null)[]) {
  return values.flatMap((temperature_c, at) => {
    if (temperature_c === null) return [];
    const noon = (daysBetween('2024-11-01', addDays(first, at)) + 0.5) * DAY_S;
    return [observation(city, noon, { interval_s: DAY_S, utc_offset_s: 0, temperature_c })];
  });
}

const repeat = (value: number | null, count: number) => Array<number | null>(count).fill(value);

const CITIES: readonly City[] = [
  place('aswan', 24),
  place('few', 50),
  place('oslo', 60),
  place('sydney', -34),
];

function place(city_id: string, latitude: number): City {
  const name = city_id.toUpperCase();
  return { city_id, name, country: 'XX', latitude, longitude: 20, time_zone: 'UTC' };
}

/** Of 2022 to 2023, so that quality control has no say: the values are hardly those of a place. */
const HISTORY = [
  // Hot from 2022-12-30 on, over the year's end; three times after that, once with a day missing.
  ...days('aswan', '2022-12-25', [
    ...[...repeat(20, 5), ...repeat(31, 4), 29.9, ...repeat(30, 3), 20],
    ...[...repeat(33, 2), null, ...repeat(33, 2), 20, ...repeat(40, 60), 20],
  ]),
  // 9 of 10 days of 2022, and one too few of 2023.
  ...days('few', '2022-01-01', [...repeat(9, 329), ...repeat(null, 36)]),
  ...days('few', '2023-01-01', [...repeat(9, 328), ...repeat(null, 37)]),
  // Not in the list of cities, so without coordinates.
  ...days('lost', '2022-01-01', [...repeat(0, 50), ...repeat(31, 315)]),
  ...days('oslo', '2022-01-01', [...repeat(0, 100), ...repeat(12, 180), ...repeat(1, 85)]),
  ...days('oslo', '2023-01-01', repeat(1, 365)),
  // Of its year from July 2022 on everything is known, of the years around it half.
  ...days('sydney', '2022-01-01', [...repeat(12, 181), ...repeat(3, 40), ...repeat(12, 250)]),
  ...days('sydney', '2023-04-17', repeat(2, 200)),
];

describe('heat waves and growing seasons', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-spells-'));
  const access = openAccess(folder, { idleMs: 3_600_000, longestMs: 36_000_000 });
  let api: TestApi;
  before(async () => {
    api = await openTestApi({ observations: HISTORY, cities: CITIES });
  });
  after(async () => {
    await api?.[Symbol.asyncDispose]();
    access[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  const ask = (url: string, headers = {}) => api.app.inject({ url: `/api/${url}`, headers });
  const get = async (url: string) => (await ask(url)).json();
  const wavesOf = async (query: string) =>
    (await get(`heat-waves?${query}`)).data.map((wave: HeatWaveRow) => [
      ...[wave.date_from, wave.date_to, wave.day_count, wave.temperature_c_max],
    ]);
  const WAVES = [
    ['2022-12-30', '2023-01-02', 4, 31],
    ['2023-01-04', '2023-01-06', 3, 30],
    ['2023-01-14', '2023-03-14', 60, 40],
  ];
  const [NEW_YEAR, SHORT, LONG] = WAVES;

  test('a heat wave goes on over the end of a year, and a missing day ends one', async () => {
    assert.deepEqual(await wavesOf('city=aswan'), WAVES);
    const { data, meta } = await get('heat-waves?city=aswan&limit=1');
    assert.deepEqual([data[0].city, meta.row_count], ['ASWAN', 1]);
    assert.equal(meta.coverage_pct > 0 && meta.analytics_version, 1);
  });

  test('the limit is a parameter', async () => {
    assert.deepEqual(await wavesOf('city=aswan&least_c=35'), [LONG]);
    assert.deepEqual(await wavesOf('city=aswan&least_c=29.9'), [
      ['2022-12-30', '2023-01-06', 8, 31],
      LONG,
    ]);
    for (const value of ['-1', '14.9', '61', 'hot', '']) {
      const { code, field } = await get(`heat-waves?least_c=${value}`);
      assert.deepEqual([code, field], ['PARAMETER_INVALID', 'least_c'], value);
    }
  });

  test('a range selects what reaches into it, whole, however far it goes on', async () => {
    assert.deepEqual(await wavesOf('city=aswan&from=2023-01-01&to=2023-01-02'), [NEW_YEAR]);
    assert.deepEqual(await wavesOf('city=aswan&from=2023-01-02&to=2023-01-05'), [NEW_YEAR, SHORT]);
    assert.deepEqual(await wavesOf('city=aswan&from=2023-01-03&to=2023-01-04'), []);
    assert.deepEqual(await wavesOf('city=aswan&to=2022-12-31'), [NEW_YEAR]);
    assert.deepEqual(await wavesOf('city=aswan&to=2022-12-30'), []);
    // Its ends are further away than the days around the range that are read.
    assert.deepEqual(await wavesOf('city=aswan&from=2023-02-17&to=2023-02-18'), [LONG]);
    assert.deepEqual(await wavesOf('city=aswan&from=2023-03-14'), [LONG]);
    assert.deepEqual(await wavesOf('city=aswan&from=2023-03-15'), []);
    assert.deepEqual(await wavesOf('city=lost&from=2022-06-01&to=2022-06-02'), [
      ['2022-02-20', '2022-12-31', 315, 31],
    ]);
  });

  const seasonsOf = async (query: string) =>
    (await get(`growing-seasons?${query}`)).data.map((row: GrowingSeasonRow) => [
      ...[row.year, row.hemisphere, row.complete_day_count],
      ...[row.day_count, row.date_from, row.date_to],
    ]);

  test('a growing season is that of the north, and 0 days where it never begins', async () => {
    assert.deepEqual(await seasonsOf('city=oslo'), [
      [2022, 'north', 365, 180, '2022-04-11', '2022-10-07'],
      [2023, 'north', 365, 0, null, null],
    ]);
  });

  test('south of the equator a year is from July on', async () => {
    const around = [2021, 'south', 181, null, null, null];
    const whole = [2022, 'south', 365, 250, '2022-08-10', '2023-04-16'];
    assert.deepEqual(await seasonsOf('city=sydney'), [
      ...[around, whole],
      [2023, 'south', 125, null, null, null],
    ]);
    assert.deepEqual(await seasonsOf('city=sydney&from=2022-07-01&to=2022-07-02'), [whole]);
    assert.deepEqual(await seasonsOf('city=sydney&from=2022-07-02&to=2023-07-01'), []);
    assert.deepEqual(await seasonsOf('city=oslo&to=2022-01-01'), []);
  });

  test('too few days, and a city of which no coordinates are known, have none', async () => {
    assert.deepEqual(await seasonsOf('city=few'), [
      [2022, 'north', 329, 365, '2022-01-01', '2022-12-31'],
      [2023, 'north', 328, null, null, null],
    ]);
    assert.deepEqual(await seasonsOf('city=lost'), [[2022, null, 365, null, null, null]]);
  });

  for (const route of ['heat-waves', 'growing-seasons']) {
    test(`${route}: pages join to the whole, also in the middle of a city`, async () => {
      const whole = await get(route);
      assert.ok(whole.data.length >= 4);
      for (const limit of [1, 2, 3]) {
        const paged: unknown[] = [];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
          const { data, meta } = await get(`${route}?limit=${limit}${after}`);
          assert.ok(data.length <= limit);
          paged.push(...data);
          cursor = meta.next_cursor;
        }
        assert.deepEqual(paged, whole.data);
      }
      const csv = await ask(`${route}?format=csv`);
      assert.equal(csv.body.trim().split('\n').length, whole.data.length + 1);
      assert.equal(csv.body.split('\r\n')[0], Object.keys(whole.data[0]).join(','));
      const { rawPayload } = await ask(`${route}?format=parquet`);
      const file = new Uint8Array(rawPayload).buffer as ArrayBuffer;
      assert.equal((await parquetReadObjects({ file })).length, whole.data.length);
      const { etag } = (await ask(route)).headers;
      const again = await ask(route, { 'if-none-match': String(etag) });
      assert.equal(again.statusCode, 304);
    });

    test(`${route}: what cannot be asked is named`, async () => {
      for (const query of ['from=2023-02-30', 'from=2023-01-02&to=2023-01-02', 'cursor=aswan']) {
        assert.equal((await get(`${route}?${query}`)).code, 'PARAMETER_INVALID', query);
      }
      assert.equal((await get(`${route}?city=nowhere`)).code, 'CITY_UNKNOWN');
    });

    test(`${route}: whoever is limited to cities sees theirs alone`, async () => {
      const audit = openAudit(folder);
      await using own = await openTestApi({
        observations: HISTORY,
        cities: CITIES,
        change: (context) => ({ ...context, access: { access, audit } }),
      });
      const key = await access.addKey(route, 'viewer', null, parseScope('aswan,sydney'));
      const headers = { authorization: `Bearer ${key}` };
      const seen = await own.app.inject({ url: `/api/${route}`, headers });
      const both = await get(`${route}?city=aswan&city=sydney`);
      assert.deepEqual(seen.json().data, both.data);
      const hidden = await own.app.inject({ url: `/api/${route}?city=lost`, headers });
      assert.equal(hidden.json().code, 'CITY_UNKNOWN');
      await audit[Symbol.asyncDispose]();
    });
  }

  test('other coordinates are another answer of the same version', async () => {
    let moved = CITIES;
    await using other = await openTestApi({
      observations: HISTORY,
      change: (context) => ({ ...context, cities: () => moved }),
    });
    const look = () => other.app.inject('/api/growing-seasons?city=oslo');
    const before = await look();
    moved = CITIES.map((city) => ({ ...city, latitude: -city.latitude }));
    const later = await look();
    assert.notEqual(later.headers.etag, before.headers.etag);
    assert.equal(later.json().data[0].hemisphere, 'south');
    assert.equal(later.json().meta.analytics_version, before.json().meta.analytics_version);
  });

  test('a page reads the days of no more cities than it needs', async () => {
    const read: (readonly string[])[] = [];
    await using counted = await openTestApi({
      observations: HISTORY,
      cities: CITIES,
      change: (context) => ({
        ...context,
        publications: {
          compute: context.publications.compute,
          failure: null,
          async latest() {
            const version = await context.publications.latest();
            if (version === null) return null;
            return {
              ...version,
              cityDays(selection, signal) {
                read.push(selection.cities);
                return version.cityDays(selection, signal);
              },
            };
          },
        },
      }),
    });
    await counted.app.inject('/api/growing-seasons?limit=1');
    assert.deepEqual(read.splice(0), [['aswan']]);
    await counted.app.inject('/api/growing-seasons?limit=3');
    assert.deepEqual(read.splice(0), [['aswan'], ['few']]);
    await counted.app.inject('/api/growing-seasons?limit=1&cursor=oslo,2022');
    assert.deepEqual(read.splice(0), [['oslo'], ['sydney']]);
    await counted.app.inject('/api/heat-waves?from=2023-06-01&limit=1');
    assert.ok(!read.flat().includes('aswan'), 'it has no day then');
  });
});
