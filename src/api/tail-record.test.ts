import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRecord } from '../model/observation.ts';
import { VARIABLE_NAMES } from '../model/variables.ts';
import { parquetSql } from '../sql/text.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { observation, openTestLake } from '../table/testing/lake.ts';
import { parseTailRecord } from './tail-record.ts';

const COLUMNS = [
  ...['city', 'country', 'observed_at', 'collected_at', 'source', 'interval_s', 'utc_offset_s'],
  ...[...VARIABLE_NAMES, 'condition_id', 'condition'],
];

/** Columns and what records may have in them. */
const GIVEN: Readonly<Record<string, readonly unknown[]>> = {
  observed_at: [
    ...['2024-10-31T22:00:00.000456Z', '2024-10-31T22:00:00.1234567Z', '2024-10-31T22:00:00.5Z'],
    ...['2024-10-31T22:00:00', '2024-10-31T22:00:00+01:00', '2024-10-31T22:00:00.25-0130'],
    ...[
      '2024-10-31 22:00:00Z',
      '2024-10-31T22:00Z',
      '2024-02-30T22:00:00Z',
      '2024-02-29T22:00:00Z',
    ],
    ...['1949-12-31T23:59:59.999999Z', '1950-01-01T00:00:00Z', '1955-05-05T05:05:05.050505Z'],
    ...['2024-10-31T24:00:00Z', '2024-10-31T22:00:60Z', '', 'x', null, 5],
  ],
  temperature_c: [
    '12.5',
    ' 7 ',
    '1e1',
    '.5',
    '5.',
    '+5',
    '',
    'x',
    'NaN',
    true,
    1e300,
    [],
    -0,
    null,
  ],
  interval_s: [0, 1, -5, '600', 600.5, 600.4, 31_536_000, 31_536_001, '1e2', 'x', null],
  utc_offset_s: [64_800, 64_801, -64_800, '3600', -3600.5, 'x', null],
  condition_id: ['800', 800.5, 1e12, null],
  city: ['', 'x'.repeat(256), 'x'.repeat(257), '\u{1f326}'.repeat(200), 5, true, null],
  country: ['', 'x'.repeat(257), 5],
  condition: ['', 'x'.repeat(257), 5, null],
  source: ['', null, 'x'],
  invalid: ['reason', null],
};

test('a record says before it has landed what the table says afterwards', async () => {
  await using lake = await openTestLake(1);
  const { observations, sink } = await lake.open();
  const records = Object.entries(GIVEN).flatMap(([column, values]) =>
    values.map((value, index) => ({
      ...observation(`${column.replaceAll('_', '-')}-${index}`, 0, { collectedAt: 7_200 }),
      [column]: value,
    })),
  );
  records.push(observation('No Id', 0));
  const bytes = records.map((record) => formatRecord(record));
  lake.log.put(0, ...bytes);
  while ((await sink.land(0)) !== null);
  const { files } = await observations.refresh();
  const source = parquetSql(await observations.localPaths(files), OBSERVATION_COLUMNS);
  const rows = await lake.session.query(`SELECT city_id, ${COLUMNS.join(', ')} FROM ${source}`);
  const landed = new Map(rows.map((row) => [row.city_id, row]));
  for (const [index, record] of records.entries()) {
    const parsed = parseTailRecord(bytes[index] ?? new Uint8Array());
    const columns: Record<string, unknown> = { ...parsed };
    const found =
      parsed === null ? undefined : ['city_id', ...COLUMNS].map((name) => columns[name]);
    const row: Record<string, unknown> | undefined = landed.get(record.city_id);
    const wanted = row && ['city_id', ...COLUMNS].map((name) => row[name]);
    assert.deepEqual(found, wanted, JSON.stringify(record));
  }
});
