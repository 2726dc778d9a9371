import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { finishRow } from '../analytics/export.ts';
import { ALL_ROWS, CLIMATE_DATASETS } from '../model/climate-datasets.ts';
import { DATASETS } from '../model/datasets.ts';
import { writeHours } from '../table/raw-hours.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { observation } from '../table/testing/lake.ts';
import { formatColumnsDocument, PROVIDER_FIELDS } from './columns-document.ts';
import { openTestApi } from './testing/api.ts';

const DOCUMENT = formatColumnsDocument(OBSERVATION_COLUMNS);
const DELTA_TYPES: Readonly<Record<string, string>> = {
  VARCHAR: 'string',
  DOUBLE: 'double',
  INTEGER: 'integer',
  BIGINT: 'long',
  TIMESTAMPTZ: 'timestamp',
};

/** The cells of the table below this heading, without those of its head. */
function cellsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = DOCUMENT.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  const rows = body.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) => row.split(' | ').map((cell) => cell.replace(/[`|]/g, '').trim()));
}

test('docs/columns.md has the columns of the files, and no others', async () => {
  const hours = Array.from({ length: 48 }, (_, hour) => hour);
  await using api = await openTestApi({
    observations: hours.map((hour) => {
      return observation('berlin', hour * 3_600, { temperature_c: hour === 30 ? 60 : hour % 3 });
    }),
  });
  const { folder, engine, scratch } = api.lake;
  const { observations } = await api.lake.open();
  const log = '_delta_log/00000000000000000000.json';
  const lines = (await readFile(join(folder, 'lake', observations.folder, log), 'utf8'))
    .trim()
    .split('\n');
  const { metaData } = lines.map((line) => JSON.parse(line)).find((line) => 'metaData' in line);
  const { fields } = JSON.parse(metaData.schemaString) as { fields: Record<string, string>[] };
  const columns = cellsOf('observations');
  assert.deepEqual(
    [
      ...columns.map(([name, type = '']) => [name, DELTA_TYPES[type]]),
      ['observed_month', 'string'],
    ],
    fields.map(({ name, type }) => [name, type]),
  );

  await using session = await engine.session();
  const { table, publications } = api.context;
  const paths = await table.localPaths((await table.refresh()).files);
  const { value } = await writeHours({
    session,
    scratch,
    paths,
    hours: ['2024-11-01T00:00:00Z'],
  }).next();
  const [line = ''] = String(value?.content).split('\n');
  assert.deepEqual(
    Object.keys(JSON.parse(line)),
    columns.map(([name]) => name),
  );

  const publication = await publications.latest();
  for (const dataset of DATASETS) {
    const [row] = (await publication?.rows(dataset)) ?? [];
    const names = cellsOf(dataset).map(([name]) => name);
    assert.ok(row !== undefined, dataset);
    assert.deepEqual(Object.keys(finishRow(dataset, { ...row })).sort(), names.sort(), dataset);
  }
  for (const dataset of CLIMATE_DATASETS) {
    const [row] = (await publication?.climate(dataset, ALL_ROWS)) ?? [];
    const names = cellsOf(dataset).map(([name]) => name);
    assert.deepEqual(Object.keys(row ?? {}), names, dataset);
  }
});

test('the provider’s fields are those that the collector reads', () => {
  const cases = new URL('../collector/openweather/testcases/', import.meta.url);
  const read = (name: string) => JSON.parse(readFileSync(new URL(name, cases), 'utf8'));
  const seen = new Set<string>();
  for (const name of ['rain-1h', 'snow-1h', 'dt-a-little-ahead']) {
    const response = read(`${name}/response.json`);
    const { record: expected } = read(`${name}/expected.json`);
    for (const [column, field] of Object.entries(PROVIDER_FIELDS)) {
      const value = field.split('.').reduce((object, key) => object?.[key], response);
      if (value === undefined) continue;
      const given = column === 'observed_at' ? new Date(value * 1_000).toISOString() : value;
      assert.equal(
        String(expected[column]).replace('.000Z', 'Z'),
        String(given).replace('.000Z', 'Z'),
      );
      seen.add(column);
    }
  }
  assert.deepEqual([...seen].sort(), Object.keys(PROVIDER_FIELDS).sort());
});

test('docs/columns.md is current', () => {
  const text = readFileSync(new URL('../../docs/columns.md', import.meta.url), 'utf8');
  assert.equal(text, DOCUMENT, 'run `npm run docs`');
});
