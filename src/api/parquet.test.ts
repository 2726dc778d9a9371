import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SqlSession } from '../sql/engine.ts';
import { observation } from '../table/testing/lake.ts';
import { formatParquet } from './parquet.ts';
import { ROUTES } from './route-table.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const HOUR_S = 3_600;
const HISTORY = Array.from({ length: 600 }, (_, slot) => [
  observation('berlin', (slot - 600) * HOUR_S, {
    temperature_c: slot === 560 ? 45 : 10 + (slot % 7),
    wind_speed_ms: 3 + (slot % 5),
    wind_direction_deg: (slot * 37) % 360,
  }),
  observation('cairo', (slot - 600) * HOUR_S, { city: '=Cairo, "the city" ☀' }),
]).flat();

let api: TestApi;
let session: SqlSession;
const folder = mkdtempSync(join(tmpdir(), 'isobar-parquet-'));

before(async () => {
  api = await openTestApi({ observations: HISTORY });
  await api.land({ check: true });
  session = await api.lake.engine.session();
});

after(async () => {
  await session?.[Symbol.asyncDispose]();
  await api?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** As DuckDB reads it: another program than the one that wrote it. */
async function read(bytes: Buffer): Promise<Record<string, unknown>[]> {
  const path = join(folder, 'answer.parquet');
  writeFileSync(path, bytes);
  return session.query(`SELECT * FROM read_parquet('${path}')`, {});
}

async function typesOf(bytes: Buffer): Promise<Record<string, string>> {
  const path = join(folder, 'answer.parquet');
  writeFileSync(path, bytes);
  const rows = await session.query<{ column_name: string; column_type: string }>(
    `DESCRIBE SELECT * FROM read_parquet('${path}')`,
    {},
  );
  return Object.fromEntries(rows.map((row) => [row.column_name, row.column_type]));
}

async function download(url: string): Promise<Buffer> {
  const answer = await api.app.inject({ url, headers: { 'accept-encoding': 'gzip' } });
  assert.equal(answer.statusCode, 200, url);
  assert.equal(answer.headers['content-type'], 'application/vnd.apache.parquet');
  assert.equal(answer.headers['content-encoding'], undefined, 'it is compressed in itself');
  const route = url.split('?')[0]?.slice('/api/'.length);
  assert.equal(answer.headers['content-disposition'], `attachment; filename="${route}.parquet"`);
  return answer.rawPayload;
}

const FILES = ROUTES.filter(({ query }) => query !== null && 'format' in query.properties);
/** They take no range. */
const TIMELESS = [
  ...['/api/climatology', '/api/recent-hours', '/api/climate-normals', '/api/records'],
  ...['/api/forecast', '/api/live-statistics', '/api/live-trends'],
];
/** Theirs is one of days of the city's clock. */
const OF_DAYS = [
  ...['/api/daily-summaries', '/api/monthly-summaries'],
  ...['/api/heat-waves', '/api/growing-seasons'],
];
/** They need whole months, what nothing issues here, neighbours, heat, and years that begin then. */
const EMPTY = [
  ...['/api/climate-normals', '/api/forecast', '/api/station-drift'],
  ...['/api/heat-waves', '/api/growing-seasons'],
];
const QUERY = 'city=berlin&city=cairo&from=2024-10-20T00:00:00Z';

for (const { path } of FILES) {
  test(`${path}: what is read from Parquet is what JSON says`, async () => {
    const both = 'city=berlin&city=cairo';
    const ofDays = OF_DAYS.includes(path) ? `${both}&from=2024-10-01` : QUERY;
    const query = TIMELESS.includes(path) ? both : ofDays;
    const url = path === '/api/cities' ? path : `${path}?${query}`;
    const sign = url.includes('?') ? '&' : '?';
    const { data } = (await api.app.inject(url)).json();
    const rows = await read(await download(`${url}${sign}format=parquet`));
    const csv = (await api.app.inject(`${url}${sign}format=csv`)).body.split('\r\n');
    const columns = csv[0]?.split(',') ?? [];
    assert.ok(rows.length > 0 || EMPTY.includes(path));
    assert.equal(rows.length, csv.length - 2);
    if (rows.length > 0) assert.deepEqual(Object.keys(rows[0] ?? {}), columns);
    if (path === '/api/series' || path === '/api/cities') return;
    assert.deepEqual(rows.map(plain), data.map(plain));
  });
}

/** Instants to the millisecond and numbers as they are, whichever way they came. */
function plain(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(row).map(([name, value]) => {
    const isTime = name.endsWith('_at') && typeof value === 'string';
    return [name, isTime ? new Date(value).toISOString() : value];
  });
  return Object.fromEntries(entries);
}

test('columns have their types even without rows and values', async () => {
  const few = await typesOf(await download('/api/raw-data?format=parquet&city=berlin&limit=1'));
  const none = await typesOf(
    await download('/api/raw-data?format=parquet&to=2000-01-01T00:00:00Z'),
  );
  assert.deepEqual(none, few);
  assert.deepEqual(
    [none.observed_at, none.temperature_c, none.log_offset, none.city],
    ['TIMESTAMP WITH TIME ZONE', 'DOUBLE', 'BIGINT', 'VARCHAR'],
  );
});

test('the file says what it is of', async () => {
  const path = join(folder, 'noted.parquet');
  writeFileSync(path, await download('/api/city-statistics?format=parquet'));
  const [note] = await session.query<{ key: string; value: string }>(
    `SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata('${path}')`,
    {},
  );
  assert.equal(note?.key, 'isobar');
  const { simulated, source, table_version } = JSON.parse(note?.value ?? '');
  assert.deepEqual([simulated, source, table_version], [false, ['openweathermap'], 0]);
});

test('values of every kind come back without loss', async () => {
  const columns = [
    { name: 'flag', type: 'boolean' },
    { name: 'count', type: 'integer' },
    { name: 'value', type: 'number' },
    { name: 'at', type: 'time' },
    { name: 'word', type: 'text' },
  ] as const;
  const rows = [
    {
      flag: true,
      count: 2 ** 40,
      value: -0.1,
      at: '1969-12-31T23:59:59.999Z',
      word: ['a', 1],
    },
    { flag: null, count: null, value: null, at: null, word: null },
    { flag: false, count: -1, value: 1e300, at: '2024-11-01T01:00:00+01:00', word: '' },
  ];
  const [first, second, third] = await read(formatParquet(columns, rows, {}));
  assert.equal(new Date(String(first?.at)).toISOString(), '1969-12-31T23:59:59.999Z');
  assert.deepEqual(
    [first?.flag, first?.count, first?.value, first?.word],
    [true, 2 ** 40, -0.1, '["a",1]'],
  );
  assert.deepEqual(Object.values(second ?? {}), [null, null, null, null, null]);
  assert.equal(new Date(String(third?.at)).toISOString(), '2024-11-01T00:00:00.000Z');
  assert.deepEqual([third?.flag, third?.count, third?.value, third?.word], [false, -1, 1e300, '']);
});
