import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import type { Anomaly } from '../model/datasets.ts';
import { formatReason } from './anomaly-reason.ts';
import { ANOMALY_COLUMNS } from './columns.ts';
import { type Publication, putPublication } from './publication.ts';
import { openAnomalySource, type PublishedAnomalies } from './published-anomalies.ts';
import { openPlace, type Place } from './testing/place.ts';

const STDDEV = 4;

/** Anomalies of some cities over some months. */
function someAnomalies(count: number): Anomaly[] {
  return Array.from({ length: count }, (_, at) => {
    const anomaly = {
      city_id: `city-${at % 7}`,
      city: `City’s “${at % 7}”`,
      observed_at: new Date(Date.UTC(2023, at % 14, 1 + (at % 27), at % 24)).toISOString(),
      variable: 'temperature_c',
      value: 30 + at / 7,
      expected: 15.5,
      score: 3.5,
      threshold: 3,
      rule: 'three_sigma',
      observation_count: 900,
    } as const;
    return { ...anomaly, reason: formatReason(anomaly, STDDEV) };
  }).map((row) => ({ ...row, observed_at: row.observed_at.replace('.000Z', 'Z') }));
}

/** Publishes the rows in one of the two forms. */
async function publish(
  place: Place,
  version: number,
  rows: readonly Anomaly[],
  form: 'jsonl' | 'parquet',
): Promise<void> {
  const path = `${ANALYTICS_FOLDER}/_data/${version}.${form}`;
  const lines = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  if (form === 'jsonl') await place.storage.putIfAbsent(path, lines);
  else await place.storage.putIfAbsent(path, { file: await parquetOf(place, version, rows) });
  const bytes = await place.storage.read(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = { path, rows: rows.length, sha256 };
  const publication: Publication = {
    version,
    table_version: version,
    computed_at: '2024-01-01T00:00:00Z',
    engine: 'duckdb',
    ...{ coverage_pct: null, observed_from: null, observed_to: null, not_enough_values: [] },
    datasets: { city_statistics: file, hourly_trends: file, anomalies: file },
    aggregates: null,
  };
  await putPublication(place.storage, publication, null);
}

async function parquetOf({ session, scratch }: Place, version: number, rows: readonly Anomaly[]) {
  const file = join(scratch, `${version}.parquet`);
  const text = (value: unknown) => `'${String(value).replaceAll("'", "''")}'`;
  const values = rows.map((row) => {
    const all: Record<string, unknown> = { ...row, stddev: STDDEV };
    return `(${Object.keys(ANOMALY_COLUMNS).map((name) => text(all[name]))})`;
  });
  const casts = Object.entries(ANOMALY_COLUMNS).map(
    ([name, type]) => `CAST(${name} AS ${type}) AS ${name}`,
  );
  await session.copy(
    `SELECT ${casts.join(', ')} FROM (VALUES ${values.join(', ')}) v(${Object.keys(ANOMALY_COLUMNS)})`,
    file,
    'parquet',
  );
  return file;
}

async function readAll(published: PublishedAnomalies | null): Promise<Map<string, Anomaly[]>> {
  assert.ok(published !== null);
  const buckets = new Map<string, Anomaly[]>();
  const wanted = new Set(Object.keys(await published.digests()));
  for await (const { bucket, rows } of published.read(wanted)) {
    assert.ok(!buckets.has(bucket), 'a bucket comes as a whole');
    buckets.set(
      bucket,
      rows.toSorted((a, b) => (a.observed_at < b.observed_at ? -1 : 1)),
    );
  }
  assert.deepEqual([...buckets.keys()].sort(), [...wanted].sort());
  return buckets;
}

test('lines and Parquet are cut into the same buckets of the same rows', async () => {
  await using place = await openPlace();
  const rows = someAnomalies(300);
  const source = openAnomalySource(place.storage, place.session);
  assert.equal(await source.latest(), null);
  await publish(place, 1, rows, 'jsonl');
  const lines = await readAll(await source.latest());
  await publish(place, 2, rows, 'parquet');
  const parquet = await readAll(await source.latest());
  assert.deepEqual(new Map([...parquet].sort()), new Map([...lines].sort()));
  assert.equal([...lines.values()].flat().length, rows.length);
});

for (const form of ['jsonl', 'parquet'] as const) {
  test(`a row that changes changes the digest of its bucket alone (${form})`, async () => {
    await using place = await openPlace();
    const rows = someAnomalies(300);
    const source = openAnomalySource(place.storage, place.session);
    await publish(place, 1, rows, form);
    const before = await (await source.latest())?.digests();
    const changed = rows.map((row, at) => (at === 17 ? { ...row, value: row.value + 0.1 } : row));
    await publish(place, 2, changed.slice(0, -1), form);
    const published = await source.latest();
    const after = (await published?.digests()) ?? {};
    const stale = Object.keys(before ?? {}).filter((key) => after[key] !== before?.[key]);
    assert.ok(stale.length === 2 || stale.length === 1, `${stale.length} buckets changed`);
    const read: string[] = [];
    for await (const { bucket } of published?.read(new Set(stale)) ?? []) read.push(bucket);
    assert.ok(read.every((bucket) => stale.includes(bucket)));
  });
}

test('a file whose content was changed is refused, and read again once it is whole', async () => {
  await using place = await openPlace();
  await publish(place, 1, someAnomalies(20), 'jsonl');
  const path = `${ANALYTICS_FOLDER}/_data/1.jsonl`;
  const file = await place.storage.localPath(path);
  const whole = readFileSync(file);
  await place.storage.replace(path, Buffer.from('{}\n'));
  const published = await openAnomalySource(place.storage, place.session).latest();
  assert.ok(published !== null);
  await rejects(published.digests(), 'TABLE_CORRUPT');
  await place.storage.replace(path, whole);
  assert.ok(Object.keys(await published.digests()).length > 0);
});
