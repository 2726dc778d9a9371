import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { CITY_ID_PATTERN } from '../model/city.ts';
import { loadCities } from './cities.ts';

describe('the list of cities', () => {
  let folder: string;
  let count = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isobar-cities-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function load(content: string | Uint8Array) {
    count += 1;
    const path = join(folder, `list-${count}`);
    await writeFile(path, content);
    return loadCities(path);
  }

  async function problemsOf(content: string | Uint8Array): Promise<readonly string[]> {
    const error = await load(content).then(
      (cities) => assert.fail(`it was taken: ${JSON.stringify(cities)}`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof IsobarError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    const [first, ...problems] = error.message.split('\n  ');
    assert.equal(first, `${error.details.path}:`);
    return problems;
  }

  test('a pipe or a device is refused by name, without waiting', async () => {
    for (const path of ['/dev/zero', folder]) {
      await assert.rejects(loadCities(path), { code: 'FILE_NOT_REGULAR' });
    }
  });

  test('tags are words with blanks between them in CSV, a list or a text in JSON', async () => {
    const tagsOf = async (content: string) => (await load(content)).map(({ tags }) => tags);
    const csv = 'name,lat,lon,tags\nOslo,60,10,coast  North coast\nRome,42,12,\n';
    assert.deepEqual(await tagsOf(csv), [['coast', 'north'], undefined]);
    const place = { name: 'Oslo', lat: 60, lon: 10 };
    const json = [
      { ...place, tags: ['coast', 'north'] },
      { ...place, id: 'two', tags: 'coast' },
    ];
    assert.deepEqual(await tagsOf(JSON.stringify(json)), [['coast', 'north'], ['coast']]);
    assert.deepEqual(await problemsOf('name,lat,lon,tags\nOslo,60,10,a:b ok\n'), [
      'line 2: tag “a:b” is not made of up to 32 of a-z, 0-9, “-” and “_”',
    ]);
  });

  test('CSV: quotes, byte order mark, CRLF, empty lines, foreign columns, any case', async () => {
    const cities = await load(
      '\uFEFFCITY,LAT,Lng,Country,population\r\n' +
        '"Washington, ""D.C.""",38.9,-77.04,US,1\r\n' +
        '\r\n' +
        ' São Paulo ,-23.55,-46.63,BR,2\r\n' +
        '"two\r\nlines",0,0,,3\r\n',
    );
    assert.deepEqual(cities, [
      {
        city_id: 'washington-d-c-us',
        name: 'Washington, "D.C."',
        country: 'US',
        latitude: 38.9,
        longitude: -77.04,
        time_zone: 'America/New_York',
      },
      {
        city_id: 'sao-paulo-br',
        name: 'São Paulo',
        country: 'BR',
        latitude: -23.55,
        longitude: -46.63,
        time_zone: 'America/Sao_Paulo',
      },
      {
        city_id: 'two-lines',
        name: 'two\r\nlines',
        country: '',
        latitude: 0,
        longitude: 0,
        time_zone: 'Etc/GMT',
      },
    ]);
  });

  test('every alias, in CSV with each separator and in JSON, means the same', async () => {
    const expected = [
      {
        city_id: 'x',
        name: 'Here',
        country: 'GB',
        latitude: 51.5,
        longitude: -0.12,
        time_zone: 'Europe/Paris',
        elevation_m: 11,
      },
    ];
    const values = ['x', 'Here', 'GB', 51.5, -0.12, 'Europe/Paris', 11];
    for (const names of [
      ['city_id', 'name', 'country', 'latitude', 'longitude', 'time_zone', 'elevation_m'],
      ['ID', 'City', 'COUNTRY', 'lat', 'lon', 'timezone', 'Elevation'],
      ['Id', 'Name', 'Country', 'Lat', 'LNG', 'TimeZone', 'ELEV'],
    ]) {
      for (const separator of [',', ';', '\t']) {
        assert.deepEqual(
          await load(`${names.join(separator)}\n${values.join(separator)}`),
          expected,
        );
      }
      const object = Object.fromEntries(names.map((name, index) => [name, values[index]]));
      assert.deepEqual(await load(JSON.stringify([object])), expected);
    }
  });

  test('names without Latin letters get an id of their place', async () => {
    const cities = await load('name,lat,lon,country\n東京,35.6762,139.6503,JP\n');
    assert.deepEqual(
      cities.map((city) => city.city_id),
      ['35.6762n-139.6503e'],
    );
    assert.equal(cities[0]?.time_zone, 'Asia/Tokyo');
  });

  test('reports all problems at once, with their lines', async () => {
    const problems = await problemsOf(
      [
        'id,name,lat,lon,time_zone',
        'a,A,1,2,',
        'a,B,1,2,',
        'Ä,C,1,2,',
        'd,,91,-181,Mars/Olympus',
        'e,E,north,,+02:00',
        `f,${'x'.repeat(257)},1,2,`,
        'g,G,1,2,Europe/Paris,more',
        ',Same,1,2,',
        ',Same,30,40,',
        'h,H,NaN,Infinity,Etc/UTC',
      ].join('\n'),
    );
    assert.deepEqual(problems, [
      'line 3: id a is taken by line 2',
      'line 4: id “Ä” is not made of up to 64 of a-z, 0-9, “-”, “_” and “.”',
      'line 5: name is missing',
      'line 5: latitude 91 is outside -90 to 90',
      'line 5: longitude -181 is outside -180 to 180',
      'line 5: time zone “Mars/Olympus” is unknown',
      'line 6: latitude “north” is not a number',
      'line 6: longitude is missing',
      'line 6: time zone “+02:00” is unknown',
      'line 7: name is longer than 256 characters',
      'line 8: 6 fields where the header has 5',
      'line 10: id same is taken by line 9; give each an id of its own',
      'line 11: latitude “NaN” is not a number',
      'line 11: longitude “Infinity” is not a number',
    ]);
  });

  test('an elevation is metres of a place on Earth', async () => {
    const problems = await problemsOf('name,lat,lon,elev\nA,1,2,9001\nB,3,4,12 m\nC,5,6,\n');
    assert.deepEqual(problems, [
      'line 2: elevation_m “9001” is not a number of metres from -450 to 9000',
      'line 3: elevation_m “12 m” is not a number of metres from -450 to 9000',
    ]);
  });

  test('of many problems 50 are listed and the rest counted', async () => {
    const lines = Array.from({ length: 70 }, (_, index) => `c${index},C,x,0`);
    const problems = await problemsOf(['id,name,lat,lon', ...lines].join('\n'));
    assert.equal(problems.length, 51);
    assert.equal(problems[49], 'line 51: latitude “x” is not a number');
    assert.equal(problems[50], 'and 20 more');
  });

  test('rejects a file that is not a list of cities', async () => {
    assert.deepEqual(await problemsOf(''), [
      'line 1: no column name or city',
      'line 1: no column latitude or lat',
      'line 1: no column longitude or lon or lng',
    ]);
    assert.deepEqual(await problemsOf('name,lat,lon\n'), ['it holds no city']);
    assert.deepEqual(await problemsOf('[]'), ['it holds no city']);
    assert.deepEqual(await problemsOf('{"cities": []}'), ['not a JSON array of cities']);
    assert.match((await problemsOf('[{"name":'))[0] ?? '', /^not JSON: /);
    assert.deepEqual(await problemsOf('[7]'), ['entry 1: not an object']);
    assert.match((await problemsOf('name,lat,lon\n"x,1,2\n'))[0] ?? '', /Quote Not Closed/);
    assert.deepEqual(await problemsOf(Uint8Array.of(0xff, 0xfe, 0x6e, 0)), ['save it as UTF-8']);
    assert.deepEqual(await problemsOf(Uint8Array.of(0x6e, 0xe4)), ['it is not UTF-8']);
    await assert.rejects(loadCities(join(folder, 'nowhere')), /nowhere:\n {2}ENOENT/);
  });

  test('200,000 cities are read, one more is not', async () => {
    const line = (index: number) =>
      `City ${index},${(index % 1_700) / 10 - 85},${(index % 3_570) / 10 - 179},XX`;
    const lines = Array.from({ length: 200_000 }, (_, index) => line(index));
    const cities = await load(['name,lat,lon,country', ...lines].join('\n'));
    assert.equal(cities.length, 200_000);
    assert.ok(cities.every((city) => CITY_ID_PATTERN.test(city.city_id)));
    assert.deepEqual(await problemsOf(`[${'{},'.repeat(200_000)}{}]`), [
      '200001 cities are more than 200000',
    ]);
  });
});
