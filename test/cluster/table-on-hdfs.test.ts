/** The table on real HDFS, unchanged: land, supersede, export, compact, vacuum, verify. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HdfsStorage } from '../../src/lake/hdfs.ts';
import { makeBackup, restoreBackup } from '../../src/table/backup.ts';
import { compact } from '../../src/table/compaction.ts';
import { openRawExporter } from '../../src/table/raw-export.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { type Opened, observation, openTestLake } from '../../src/table/testing/lake.ts';
import { vacuum } from '../../src/table/vacuum.ts';
import { verifyLake } from '../../src/table/verify.ts';
import { createRandom } from '../support/random.ts';
import { makeHdfsPlace } from './hdfs-place.ts';
import { absent, service } from './services.ts';

const hdfs = service('hdfs');
const DAY_MS = 86_400_000;
const CITIES = ['a', 'b', 'c', 'd', 'e'];

async function verify(opened: Opened) {
  const { observations, rejected, storage, session, scratch } = opened;
  const tables = [observations, rejected];
  const report = await verifyLake({
    tables,
    observations,
    rejected,
    storage,
    session,
    scratch,
  });
  assert.deepEqual(report.differences, []);
  return report;
}

/** Temperature by city and time, as the table has it. */
async function rowsOf(opened: Opened): Promise<Map<string, number>> {
  const { observations, session } = opened;
  const state = await observations.refresh();
  await session.define('rows', await observations.localPaths(state.files), OBSERVATION_COLUMNS);
  const rows = await session.query<{ city_id: string; observed_at: string; temperature_c: number }>(
    'SELECT city_id, observed_at, temperature_c FROM rows',
  );
  return new Map(rows.map((row) => [`${row.city_id} ${row.observed_at}`, row.temperature_c]));
}

describe('the table on HDFS', { skip: hdfs === null ? absent('hdfs') : false }, () => {
  it('holds the newest of each observation, whatever was done to it', async () => {
    if (hdfs === null) return;
    const random = createRandom(4);
    await using place = await makeHdfsPlace(hdfs);
    await using storage = await place.open();
    await using lake = await openTestLake();
    const opened = await lake.open(storage);
    const expected = new Map<string, { collectedAt: number; temperature: number }>();
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 60; i++) {
        const city = CITIES[Math.floor(random() * CITIES.length)] ?? '';
        const at = Math.floor(random() * 40) * 43_200;
        const collectedAt = at + Math.floor(random() * 600);
        const temperature = Math.round(random() * 400) / 10;
        const record = observation(city, at, { collectedAt, temperature_c: temperature });
        lake.log.put(Math.floor(random() * 2), record);
        const key = `${city} ${record.observed_at}`;
        const before = expected.get(key);
        // Of equals the one of the higher content wins: not this test's business.
        if (before?.collectedAt === collectedAt)
          expected.set(key, { collectedAt, temperature: NaN });
        else if (before === undefined || collectedAt > before.collectedAt) {
          expected.set(key, { collectedAt, temperature });
        }
      }
      await opened.sink.land(0);
      await opened.sink.land(1);
    }
    const assertRows = async (on: Opened) => {
      const rows = await rowsOf(on);
      assert.deepEqual([...rows.keys()].sort(), [...expected.keys()].sort());
      for (const [key, { temperature }] of expected) {
        if (!Number.isNaN(temperature)) assert.equal(rows.get(key), temperature, key);
      }
    };
    await assertRows(opened);
    await verify(opened);

    const exporter = openRawExporter({
      ...opened,
      lease: async () => ({
        name: 'export-0.1',
        isHeld: true,
        process: { place: '', pid: 1, began: '' },
        hasEnded: () => false,
        [Symbol.asyncDispose]: async () => {},
      }),
      openHourSeconds: 300,
      openHourRowsMax: 1_000,
    });
    assert.ok((await exporter.run()) > 10);
    await verify(opened);

    const { observations } = opened;
    const done = await compact({ ...opened, simulated: false, fileBytesMax: 1 << 26 });
    assert.ok(done.some(({ filesBefore }) => filesBefore > 1));
    await assertRows(opened);
    const clock = () => new Date(Date.now() + 9 * DAY_MS);
    const removed = await vacuum({ table: observations, storage, keepDays: 7, clock });
    assert.ok(removed.dataFiles > 0 && removed.commits > 0);
    // Another process, with nothing in memory and another cache.
    await using later = await place.open({ cacheFolder: `${place.scratch}/cache-2` });
    const again = await lake.open(later);
    await assertRows(again);
    await verify(again);
  });

  it('is backed up on this machine, and brought back to HDFS', async () => {
    if (hdfs === null) return;
    await using place = await makeHdfsPlace(hdfs);
    await using storage = await place.open();
    await using lake = await openTestLake();
    const opened = await lake.open(storage);
    for (let round = 0; round < 6; round++) {
      for (const city of CITIES) lake.log.put(0, observation(city, round * 864_000));
      lake.log.put(0, observation('a', 0, { collectedAt: round, temperature_c: round }));
      await opened.sink.land(0);
    }
    const { observations, rejected, session, scratch } = opened;
    const common = { tables: [observations, rejected], session, scratch, simulated: false };
    await makeBackup({ ...common, from: storage, to: lake.storage });
    await verify(await lake.open(lake.storage));
    await using target = await place.open({
      folder: `${place.folder}/restored`,
      cacheFolder: `${place.scratch}/cache-2`,
    });
    await restoreBackup({ ...common, from: lake.storage, to: target });
    const restored = await lake.open(target);
    await verify(restored);
    assert.deepEqual(await rowsOf(restored), await rowsOf(opened));
    lake.log.put(0, observation('f', 0));
    await restored.sink.land(0);
    await verify(restored);
  });

  it('costs few requests', async () => {
    if (hdfs === null) return;
    await using place = await makeHdfsPlace(hdfs);
    await using storage = await place.open();
    await using lake = await openTestLake();
    const opened = await lake.open(storage);
    const count = async (step: string, work: () => Promise<unknown>) => {
      const before = total(storage);
      const from = performance.now();
      await work();
      const spent = Math.round(performance.now() - from);
      console.log(`${step}: ${total(storage) - before} requests, ${spent} ms`);
      return total(storage) - before;
    };
    lake.log.put(0, observation('a', 0));
    await count('first landing', () => opened.sink.land(0));
    lake.log.put(0, observation('a', 60));
    const second = await count('second landing', () => opened.sink.land(0));
    assert.ok(second <= 12, `${second} requests for a landing of one file`);
    await count('nothing to land', () => opened.sink.land(0));
    const idle = await count('refresh', () => opened.observations.refresh());
    assert.equal(idle, 1);
  });
});

function total(storage: HdfsStorage): number {
  return storage.requests.nameNodes + storage.requests.dataNodes;
}
