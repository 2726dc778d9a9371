/** A full disk and a folder that turns read-only: a clear error, and everything lands afterwards. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyWorkspace } from '../src/cli/commands/verify.ts';
import { loadConfig } from '../src/config/load.ts';
import { IsobarError, isErrorCode } from '../src/errors.ts';
import type { Log } from '../src/log/log.ts';
import { formatRecord } from '../src/model/observation.ts';
import { openWorkspace, type Workspace } from '../src/pipeline/workspace.ts';
import type { Sink } from '../src/table/landing.ts';
import { mountSmallDisk } from './support/small-disk.ts';

const NO_MOUNT = 'mounting a small disk is not allowed here';

async function open(folder: string): Promise<Workspace> {
  return openWorkspace(loadConfig({ file: null, env: {}, flags: { data: folder } }).config, false);
}

async function append(log: Log, from: number, count: number): Promise<void> {
  const at = (index: number) => new Date(Date.UTC(2024, 0, 1) + index * 600_000).toISOString();
  const records = Array.from({ length: count }, (_, index) => ({
    key: `city-${index % 7}`,
    value: formatRecord({
      city_id: `city-${index % 7}`,
      city: 'A city',
      country: 'DE',
      observed_at: at(from + index),
      collected_at: at(from + index),
      source: 'openweathermap',
      interval_s: 600,
      utc_offset_s: 0,
      provider_city_id: null,
      temperature_c: (index % 300) / 10,
      response: `{"padding":"${String(Math.sin(from + index)).repeat(12)}"}`,
    }),
  }));
  await log.append(records);
}

async function landAll(log: Log, sink: Sink): Promise<void> {
  for (let partition = 0; partition < log.partitionCount; partition++) {
    while ((await sink.land(partition)) !== null) {}
  }
}

async function assertWhole(workspace: Workspace): Promise<void> {
  const log = await workspace.log();
  let appended = 0;
  for (let partition = 0; partition < log.partitionCount; partition++) {
    appended += Number((await log.range(partition)).next);
  }
  const report = await verifyWorkspace(workspace);
  assert.deepEqual(report.differences, []);
  assert.equal(report.sums['offsets committed'], appended);
}

test('a full disk is a clear error, the log keeps what came, and all lands once there is room', async (t) => {
  const disk = await mountSmallDisk(12);
  if (disk === null) return t.skip(NO_MOUNT);
  await using _disk = disk;
  await using workspace = await open(disk.folder);
  const log = await workspace.log();
  const sink = await workspace.sink();
  await append(log, 0, 2_000);
  await landAll(log, sink);
  // Something else takes what is left but for a little.
  const ballast = join(disk.folder, 'ballast');
  let size = 8_000_000;
  for (; size > 100_000; size -= 100_000) {
    try {
      writeFileSync(ballast, Buffer.alloc(size));
      break;
    } catch {
      rmSync(ballast, { force: true });
    }
  }
  let failure: unknown = null;
  for (let round = 1; round < 60 && failure === null; round++) {
    try {
      await append(log, round * 2_000, 500);
      await landAll(log, sink);
    } catch (error) {
      failure = error;
    }
  }
  assert.ok(failure instanceof IsobarError, String(failure));
  assert.ok(isErrorCode(failure, 'DISK_FULL', 'LOG_FULL'), `${failure.code}: ${failure.message}`);
  rmSync(ballast);
  await landAll(log, sink);
  await append(log, 1_000_000, 100);
  await landAll(log, sink);
  await assertWhole(workspace);
});

test('a lake that turns read-only is a clear error, and all lands when it can be written again', async (t) => {
  const disk = await mountSmallDisk(32);
  if (disk === null) return t.skip(NO_MOUNT);
  await using _disk = disk;
  {
    await using workspace = await open(disk.folder);
    const log = await workspace.log();
    await append(log, 0, 500);
  }
  await disk.setReadOnly(true);
  {
    await using workspace = await open(disk.folder);
    const landing = workspace.log().then(async (log) => landAll(log, await workspace.sink()));
    await assert.rejects(landing, (error) => isErrorCode(error, 'DATA_UNWRITABLE'));
  }
  await disk.setReadOnly(false);
  await using workspace = await open(disk.folder);
  await landAll(await workspace.log(), await workspace.sink());
  await assertWhole(workspace);
});
