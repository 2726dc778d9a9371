/** Verify's own checks, tested by breaking files one way at a time: it must find each. */
import assert from 'node:assert/strict';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verifyWorkspace } from '../src/cli/commands/verify.ts';
import { loadConfig } from '../src/config/load.ts';
import { silentLogger } from '../src/logger.ts';
import { formatRecord, type Observation } from '../src/model/observation.ts';
import { openMaintenance } from '../src/pipeline/maintenance.ts';
import { openWorkspace, type Workspace } from '../src/pipeline/workspace.ts';

const TABLE = 'lake/weather_data/table';
let whole = '';

before(async () => {
  whole = mkdtempSync(join(tmpdir(), 'isobar-verify-'));
  await using workspace = await open(whole);
  await fill(workspace);
});

after(() => rmSync(whole, { recursive: true, force: true }));

function open(folder: string): Promise<Workspace> {
  const flags = { data: folder, 'table.checkpoint_commits': '4' };
  return openWorkspace(loadConfig({ file: null, env: {}, flags }).config, false);
}

/** Several commits with duplicates, a superseded row and garbage; exported and published. */
async function fill(workspace: Workspace): Promise<void> {
  await landRounds(workspace, 0, 7);
  const maintenance = await openMaintenance(workspace);
  await maintenance.exporter.run({ closing: true });
  await (await workspace.refresher(silentLogger)).refresh();
}

async function landRounds(workspace: Workspace, from: number, to: number): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  for (let round = from; round < to; round++) {
    const records = [0, 1, 2, 3].map((index) => observation(`city-${index}`, round * 4 + index));
    if (round > 2) records.push({ ...observation('city-1', 1), collected_at: at(round * 60) });
    const values = records.map((record) => ({ key: record.city_id, value: formatRecord(record) }));
    await log.append([...values, { key: 'city-0', value: Buffer.from('garbage') }]);
    for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
  }
}

function at(minutes: number): string {
  return new Date(Date.UTC(2024, 9, 31, 20) + minutes * 60_000).toISOString();
}

function observation(city_id: string, hour: number): Observation {
  return {
    city_id,
    city: city_id,
    country: 'US',
    observed_at: at(hour * 60),
    collected_at: at(hour * 60),
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: 0,
    provider_city_id: 1,
    temperature_c: 10 + hour / 7,
    humidity_pct: 50,
    response: '{"main":{"temp":10}}',
  };
}

/** Breaks a copy and resolves with what verify finds. */
async function breakIt(broken: (folder: string) => void | Promise<void>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-verify-'));
  try {
    cpSync(whole, folder, { recursive: true });
    await broken(folder);
    await using workspace = await open(folder);
    return (await verifyWorkspace(workspace)).differences.join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => pattern.test(path))
    .sort();
}

function first(folder: string, pattern: RegExp): string {
  const [path] = filesOf(folder, pattern);
  assert.ok(path, `no file is like ${pattern}`);
  return path;
}

/** A data file that the table uses; its folder holds superseded ones, too. */
async function liveFile(folder: string, table: 'observations' | 'rejected'): Promise<string> {
  await using workspace = await open(folder);
  const { files } = await workspace[table].refresh();
  const [file] = files;
  assert.ok(file);
  return join(folder, 'lake', file.storagePath);
}

/** Writes the rows of `select` (over `rows`) in the place of a data file, length and all. */
async function rewriteRows(folder: string, path: string, select: string): Promise<void> {
  await using workspace = await open(folder);
  const session = await workspace.session();
  await session.execute(`CREATE TEMP TABLE rows AS SELECT * FROM read_parquet('${path}')`);
  await session.copy(select, `${path}.new`, 'parquet');
  const bytes = readFileSync(`${path}.new`);
  unlinkSync(`${path}.new`);
  writeFileSync(path, bytes);
}

test('an undamaged lake has no differences', async () => {
  assert.equal(await breakIt(() => {}), '');
});

/** The text that names the newest checkpoint. */
function pointerOf(folder: string): string {
  return readFileSync(join(folder, TABLE, 'observations/_delta_log/_last_checkpoint'), 'utf8');
}

test('a table that others land on meanwhile adds up', async () => {
  const place = mkdtempSync(join(tmpdir(), 'isobar-verify-'));
  cpSync(whole, place, { recursive: true });
  try {
    await using workspace = await open(place);
    await using others = await open(place);
    let landed = false;
    const list: Workspace['storage']['list'] = async function* (folder, options) {
      yield* workspace.storage.list(folder, options);
      if (landed || !folder.endsWith('observations/_delta_log')) return;
      landed = true;
      const before = pointerOf(place);
      await landRounds(others, 7, 12);
      assert.notEqual(pointerOf(place), before);
    };
    const storage = new Proxy(workspace.storage, {
      get: (target, name) => (name === 'list' ? list : Reflect.get(target, name)),
    });
    const watched = new Proxy(workspace, {
      get: (target, name) => (name === 'storage' ? storage : Reflect.get(target, name)),
    });
    const { differences } = await verifyWorkspace(watched);
    assert.deepEqual([landed, differences], [true, []]);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test('a dropped row is found', async () => {
  const found = await breakIt(async (folder) =>
    rewriteRows(folder, await liveFile(folder, 'observations'), 'SELECT * FROM rows OFFSET 1'),
  );
  assert.match(found, /bytes, the table says|sha256/);
  assert.match(found, /in no place/);
});

test('a doubled row is found', async () => {
  const found = await breakIt(async (folder) =>
    rewriteRows(
      folder,
      await liveFile(folder, 'observations'),
      'FROM rows UNION ALL (FROM rows LIMIT 1)',
    ),
  );
  assert.match(found, /in more than one place/);
  assert.match(found, /is there 2 times/);
});

test('a changed digit is found, in a data file, in the export and in what was published', async () => {
  const inTable = await breakIt(async (folder) =>
    rewriteRows(
      folder,
      await liveFile(folder, 'observations'),
      'SELECT * REPLACE (temperature_c + 0.125 AS temperature_c) FROM rows',
    ),
  );
  assert.match(inTable, /sha256|bytes, the table says/);
  assert.match(inTable, /differs from the table/);
  const inExport = await breakIt((folder) => {
    const path = first(folder, /raw\/year.*jsonl$/);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace('"humidity_pct":50', '"humidity_pct":51'),
    );
  });
  assert.match(inExport, /differs from its manifest/);
  const inAnalytics = await breakIt((folder) => {
    const path = first(folder, /city_statistics\.jsonl$/);
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(/"observation_count":\d/, '"observation_count":9'),
    );
  });
  assert.match(inAnalytics, /differs from publication/);
});

test('a flipped byte anywhere in a data file is found', async () => {
  const choices: readonly ((folder: string) => string | Promise<string>)[] = [
    (folder) => liveFile(folder, 'observations'),
    (folder) => liveFile(folder, 'rejected'),
    (folder) => first(folder, /_data\/.*parquet$/),
    (folder) => first(folder, /_partials\/.*parquet$/),
  ];
  for (const choose of choices) {
    const found = await breakIt(async (folder) => {
      const path = await choose(folder);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x10;
      writeFileSync(path, bytes);
    });
    assert.match(found, /sha256/, String(choose));
  }
});

test('a deleted commit is found: the first, one in the middle, the last', async () => {
  const log = join(TABLE, 'observations/_delta_log');
  const commits = (folder: string) => filesOf(join(folder, log), /\d{20}\.json$/);
  for (const choose of [
    (paths: string[]) => paths[Math.floor(paths.length / 2)],
    (paths: string[]) => paths.at(-2),
    (paths: string[]) => paths.at(-1),
  ]) {
    const found = await breakIt((folder) => unlinkSync(choose(commits(folder)) ?? ''));
    assert.match(found, /missing/);
  }
});

test('a missing, cut or foreign file is found', async () => {
  const missing = await breakIt(async (folder) =>
    unlinkSync(await liveFile(folder, 'observations')),
  );
  assert.match(missing, /the file is missing|LAKE_MISSING/);
  const cut = await breakIt(async (folder) =>
    truncateSync(await liveFile(folder, 'observations'), 100),
  );
  assert.match(cut, /100 bytes, the table says/);
  const foreign = await breakIt((folder) => {
    const path = first(join(folder, TABLE, 'observations/_delta_log'), /0{20}\.json$/);
    writeFileSync(path, 'not a commit\n');
  });
  assert.match(foreign, /TABLE_CORRUPT|not JSON/);
});

test('a file of the export without observations, and one that is gone, are found', async () => {
  const gone = await breakIt((folder) => unlinkSync(first(folder, /raw\/year.*jsonl$/)));
  assert.match(gone, /the file is missing/);
  const strange = await breakIt((folder) => {
    const path = first(folder, /raw\/year.*jsonl$/);
    cpSync(path, path.replace(/weather_\d\d/, 'weather_05'));
  });
  assert.match(strange, /has a file, but no observation/);
});

test('an hour that is due may be newer than its manifest: its exporter died in between', async () => {
  const found = await breakIt(async (folder) => {
    await using workspace = await open(folder);
    const log = await workspace.log();
    await log.append([{ key: 'city-0', value: formatRecord(observation('city-9', 3)) }]);
    const sink = await workspace.sink();
    for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
    const manifest = first(folder, /_manifest\/\d{4}-\d{2}-\d{2}\.json$/);
    const [day] = filesOf(folder, /_manifest\/\d{4}-\d{2}-\d{2}\.json$/).map((path) =>
      readFileSync(path, 'utf8'),
    );
    const maintenance = await openMaintenance(workspace);
    const cursor = first(folder, /_cursor\.json$/);
    const before = readFileSync(cursor, 'utf8');
    await maintenance.exporter.run({ closing: true });
    writeFileSync(manifest, day ?? '');
    writeFileSync(cursor, before);
  });
  assert.equal(found, '');
});
