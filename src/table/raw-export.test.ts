import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isErrorCode } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import { type ExportLease, openRawExporter, type RawExporter } from './raw-export.ts';
import { observation, openTestLake, type TestLake, timeAt } from './testing/lake.ts';

const DAY = 86_400;

async function exporterOf(
  lake: TestLake,
  now: () => Date = () => new Date(),
  lease: ExportLease = leaseOf('export-0.1'),
  on: Storage = lake.storage,
): Promise<RawExporter> {
  const { observations, storage, session, scratch } = await lake.open(on);
  return openRawExporter({
    observations,
    storage,
    session,
    scratch,
    lease: async () => lease,
    openHourSeconds: 300,
    openHourRowsMax: 3,
    clock: now,
  });
}

function leaseOf(name: string): { -readonly [K in keyof ExportLease]: ExportLease[K] } {
  return {
    name,
    isHeld: true,
    process: { place: '', pid: 1, began: '' },
    hasEnded: () => false,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Every line of every exported hour. */
function exportedLines(lake: TestLake): Record<string, unknown>[] {
  const folder = join(lake.folder, 'lake/weather_data/raw');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl'))
    .flatMap((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('each observation is in the files once, late and superseding ones too', async () => {
  await using lake = await openTestLake();
  const { sink } = await lake.open();
  const exporter = await exporterOf(lake);
  lake.log.put(0, observation('a', 0), observation('a', 3_600), observation('b', 10));
  await sink.land(0);
  assert.equal(await exporter.run(), 2);
  assert.equal(await exporter.run(), 0, 'nothing is new');
  lake.log.put(0, observation('c', 20), observation('a', 0, { collectedAt: 60, temperature_c: 7 }));
  await sink.land(0);
  assert.equal(await exporter.run(), 1, 'only the hour that changed');
  const lines = exportedLines(lake);
  assert.deepEqual(lines.map((line) => `${line.city_id} ${line.observed_at}`).sort(), [
    `a ${timeAt(0)}`,
    `a ${timeAt(3_600)}`,
    `b ${timeAt(10)}`,
    `c ${timeAt(20)}`,
  ]);
  const newest = lines.find((line) => line.observed_at === timeAt(0));
  assert.equal(newest?.temperature_c, 7);
  assert.deepEqual(newest?.response, { main: { temp: 10 } });
  const manifest = join(lake.folder, 'lake/weather_data/raw/_manifest/2024-10-31.json');
  const { hours } = JSON.parse(readFileSync(manifest, 'utf8'));
  assert.deepEqual([hours['22'].revision, hours['23'].revision, hours['22'].rows], [2, 1, 3]);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('an hour that is not over is written seldom, and not at all when it is large', async () => {
  await using lake = await openTestLake();
  const { sink } = await lake.open();
  let now = Date.parse(timeAt(60));
  const exporter = await exporterOf(lake, () => new Date(now));
  lake.log.put(0, observation('a', 0));
  await sink.land(0);
  assert.equal(await exporter.run(), 1);
  lake.log.put(0, observation('b', 30));
  await sink.land(0);
  assert.equal(await exporter.run(), 0, 'its turn comes after five minutes');
  now += 301_000;
  assert.equal(await exporter.run(), 1);
  lake.log.put(0, ...['c', 'd', 'e'].map((city) => observation(city, 40)));
  await sink.land(0);
  now += 301_000;
  assert.equal(await exporter.run(), 0, 'it has become too large');
  now = Date.parse(timeAt(3_601));
  assert.equal(await exporter.run(), 1, 'it is over');
  assert.equal(exportedLines(lake).length, 5);
  assert.equal(await exporter.run(), 0);
});

test('an export that is stopped leaves the rest pending, and the next one finishes it', async () => {
  await using lake = await openTestLake();
  const { sink } = await lake.open();
  const exporter = await exporterOf(lake);
  lake.log.put(0, ...Array.from({ length: 12 }, (_, day) => observation('a', day * DAY)));
  await sink.land(0);
  const stop = new AbortController();
  const running = exporter.run({ signal: stop.signal });
  const seen = () => exportedLinesOrNone(lake);
  while (seen() < 2) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  const first = await running;
  assert.ok(first >= 2 && first < 12, String(first));
  assert.equal(Object.keys((await exporter.cursor()).pending).length, 12 - first);
  assert.deepEqual((await lake.verify()).differences, []);
  assert.equal(await exporter.run(), 12 - first);
  assert.equal(exportedLines(lake).length, 12);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('an exporter that wakes late puts an older hour back, and the next one repairs it', async () => {
  await using lake = await openTestLake();
  const { sink } = await lake.open();
  lake.log.put(0, observation('a', 0));
  await sink.land(0);
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const slow: Storage = Object.assign(Object.create(lake.storage), {
    async replace(path: string, content: Parameters<Storage['replace']>[1]) {
      if (path.endsWith('.jsonl')) {
        reached.resolve();
        await gate.promise;
      }
      await lake.storage.replace(path, content);
    },
  });
  const lost = leaseOf('export-0.1');
  let now = Date.now();
  const clock = () => new Date(now);
  const sleeper = await exporterOf(lake, clock, lost, slow);
  const running = sleeper.run();
  await reached.promise;
  lost.isHeld = false;
  lake.log.put(0, observation('b', 10));
  await sink.land(0);
  const exporter = await exporterOf(lake, clock, leaseOf('export-0.2'));
  assert.equal(await exporter.run(), 24, 'the whole day');
  assert.equal(exportedLines(lake).length, 2);
  gate.resolve();
  await assert.rejects(running, (error) => isErrorCode(error, 'ABORTED'));
  assert.equal(exportedLines(lake).length, 1, 'the older hour came over the newer one');
  await exporter.run();
  assert.equal(exportedLines(lake).length, 2);
  assert.deepEqual((await lake.verify()).differences, []);
  now += 400_000;
  assert.equal(await exporter.run(), 0, 'the note is gone');
});

test('the hours of an exporter that ended are written again once', async () => {
  await using lake = await openTestLake();
  const { sink } = await lake.open();
  lake.log.put(0, observation('a', 0));
  await sink.land(0);
  const broken: Storage = Object.assign(Object.create(lake.storage), {
    replace: (path: string, content: Parameters<Storage['replace']>[1]) =>
      path.endsWith('2024-10-31.json')
        ? new Promise(() => {})
        : lake.storage.replace(path, content),
  });
  // It is killed before its manifest.
  void (await exporterOf(lake, undefined, leaseOf('export-0.1'), broken)).run();
  while (exportedLinesOrNone(lake) < 1) await new Promise((resolve) => setImmediate(resolve));
  const exporter = await exporterOf(lake, undefined, {
    ...leaseOf('export-0.2'),
    hasEnded: () => true,
  });
  assert.equal(await exporter.run(), 24);
  assert.equal(await exporter.run(), 0);
  assert.deepEqual((await lake.verify()).differences, []);
});

function exportedLinesOrNone(lake: TestLake): number {
  try {
    return exportedLines(lake).length;
  } catch {
    return 0;
  }
}
