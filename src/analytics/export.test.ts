import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLocalStorage } from '../lake/local.ts';
import { openDuckdbEngine } from '../sql/duckdb.ts';
import { isLarge, readDataset, readDatasetPart } from './export.ts';
import type { Publication } from './publication.ts';

test('of a large dataset a part is read: these cities, from one on, and so many rows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-export-'));
  try {
    await using storage = await openLocalStorage(join(folder, 'lake'));
    await using engine = await openDuckdbEngine({ memoryMib: 128, threads: 1, tempFolder: folder });
    await using session = await engine.session();
    const file = join(folder, 'trends.parquet');
    const cities = "unnest(['a', 'b', 'c', 'd']) AS city_id";
    await session.copy(
      `SELECT city_id, city_id AS city, clock, hour FROM (SELECT ${cities}),
       (SELECT unnest(['local', 'utc']) AS clock), (SELECT range AS hour FROM range(24))`,
      file,
      'parquet',
    );
    const path = 'weather_data/analytics/_data/trends.parquet';
    await storage.putIfAbsent(path, { file });
    const trends = { path, rows: 192, sha256: '' };
    const publication = {
      version: 1,
      datasets: { hourly_trends: trends },
    } as unknown as Publication;
    assert.ok(isLarge(publication, 'hourly_trends'));
    const all = await readDataset(storage, session, publication, 'hourly_trends');
    const part = (cities: string[], fromCity: string | null, limit: number) =>
      readDatasetPart(storage, session, publication, 'hourly_trends', { cities, fromCity, limit });
    const [first, later, chosen] = await Promise.all([
      part([], null, 50),
      part([], 'c', 1_000),
      part(['d', 'b'], null, 1_000),
    ]);
    assert.deepEqual(first, all.slice(0, 50));
    assert.deepEqual(later, all.slice(96));
    assert.deepEqual(new Set(chosen.map((row) => row.city_id)), new Set(['b', 'd']));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
