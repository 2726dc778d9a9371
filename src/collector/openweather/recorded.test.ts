import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CITY_ID_PATTERN } from '../../model/city.ts';
import { parseRecorded } from './recorded.ts';

const NOW = Date.parse('2026-11-23T16:00:00Z');
const options = { source: 'import:test', intervalSeconds: 600, collectedAt: NOW };
const answer = (change: object) =>
  JSON.stringify({
    coord: { lat: 55.75, lon: 37.62 },
    main: { temp: 3 },
    dt: 1_600_000_000,
    id: 524901,
    name: 'Moscow',
    sys: { country: 'RU' },
    ...change,
  });
const cityOf = (change: object) => parseRecorded(answer(change), options).city;
const reasonOf = (body: string) => {
  const { record } = parseRecorded(body, options);
  return 'invalid' in record ? record.invalid : null;
};

test('a city without configuration: id from name and country, zone from the coordinates', () => {
  assert.deepEqual(cityOf({}), {
    city_id: 'moscow-ru',
    name: 'Moscow',
    country: 'RU',
    latitude: 55.75,
    longitude: 37.62,
    time_zone: 'Europe/Moscow',
  });
});

test('names that are not Latin get the number of the provider, no name the place', () => {
  const ids = [
    [{ name: 'Москва' }, 'owm-524901'],
    [{ name: 'Аbc' }, 'owm-524901'], // Its first letter is Cyrillic.
    [{ name: '東京', id: 0 }, '55.75n-37.62e'],
    [{ name: '', id: 0, sys: {}, coord: { lat: -58.1312, lon: -136.5365 } }, '58.1312s-136.5365w'],
    [{ name: '', id: 0, coord: { lat: 0, lon: 0 } }, '0n-0e'],
    [{ name: '', id: 7 }, 'owm-7'],
    [{ name: "Tver'" }, 'tver-ru'],
    [{ name: 'Umeå Kommun', sys: { country: 'SE' } }, 'umea-kommun-se'],
    [{ name: 'Kochi', sys: { country: 'India' } }, 'kochi-india'],
    [{ name: 'Somewhere', sys: {} }, 'somewhere'],
  ] as const;
  for (const [change, id] of ids) {
    assert.equal(cityOf(change)?.city_id, id);
    assert.match(id, CITY_ID_PATTERN);
  }
  assert.equal(cityOf({ name: '', id: 7 })?.name, 'owm-7');
});

test('the offset of a recorded answer without timezone follows the zone of its place', () => {
  const offset = (lat: number, lon: number, time: string) => {
    const body = answer({ coord: { lat, lon }, dt: Date.parse(time) / 1_000 });
    const { record } = parseRecorded(body, options);
    return 'invalid' in record ? record.invalid : record.utc_offset_s;
  };
  assert.equal(offset(40.71, -74.01, '2020-03-08T06:59:59Z'), -18_000);
  assert.equal(offset(40.71, -74.01, '2020-03-08T07:00:00Z'), -14_400);
  assert.equal(offset(27.7, 85.32, '2020-01-01T00:00:00Z'), 20_700);
  assert.equal(offset(-31.55, 159.08, '2020-01-01T00:00:00Z'), 39_600);
  assert.equal(offset(-31.55, 159.08, '2020-07-01T00:00:00Z'), 37_800);
});

test('what makes no observation is an invalid record, never an exception', () => {
  assert.equal(reasonOf(answer({ coord: {} })), 'coord.lat is missing');
  assert.equal(reasonOf(answer({ coord: null })), 'coord.lat is missing');
  assert.equal(
    reasonOf(answer({ coord: { lat: 91, lon: 0 } })),
    'coord.lat is out of range (91; -90 to 90)',
  );
  assert.equal(reasonOf(answer({ name: 7 })), 'name is not text (7)');
  assert.match(reasonOf(answer({ name: 'x'.repeat(257) })) ?? '', /^name is longer than 256 char/);
  assert.equal(reasonOf(answer({ dt: NOW / 1_000 + 601 }))?.slice(0, 3), 'dt ');
  assert.match(reasonOf('{"cod":"404","message":"city not found"}') ?? '', /recorded: 404, “city/);
  assert.match(reasonOf('{"dt": 1') ?? '', /not a JSON object/);
  assert.equal(reasonOf(answer({ note: 'x'.repeat(1024 * 1024) })), 'longer than 1 MiB');
});

test('a field that cannot be used is named, and an empty list in place of an object is none', () => {
  const { record } = parseRecorded(answer({ rain: [], wind: { speed: 3, deg: 415.2 } }), options);
  assert.ok(!('invalid' in record));
  assert.deepEqual(
    [record.rain_1h_mm, record.wind_speed_ms, record.wind_direction_deg],
    [null, 3, null],
  );
  assert.deepEqual(record.rejected_fields, [
    { field: 'wind_direction_deg', value: '415.2', reason: 'out of range (0 to 360 °)' },
  ]);
});
