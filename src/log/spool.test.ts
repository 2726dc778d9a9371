import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { startChild } from '../../test/support/child.ts';
import { stormOf } from '../../test/support/storm.ts';
import { loadConfig } from '../config/load.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { RECORD_BYTES_MAX } from '../model/observation.ts';
import type { Log, NewRecord } from './log.ts';
import { openLog } from './open.ts';
import { openSpool } from './spool.ts';

const CONFIG = loadConfig({ file: null, env: {}, flags: { 'log.partitions': '2' } }).config.log;
const EVERYTHING = { records: 1e6, bytes: 2 ** 30 };
const WAIT = { mayWait: true } as const;
const HOUR_MS = 3_600_000;

interface Place extends AsyncDisposable {
  readonly folder: string;
  /** Whether the log behind the spool takes records. */
  isUp: boolean;
  /** How long it takes to answer. */
  slowMs: number;
  /** The most appends that were under way there at the same time. */
  mostAtOnce: number;
  open(options?: { mib?: number; clock?: () => Date; ageMaxMs?: number }): Promise<Log>;
  /** What got into the log behind, by partition. */
  arrived(): Promise<string[][]>;
}

/** An embedded log stands for the one that can be away. */
async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-spool-'));
  let atOnce = 0;
  const place: Place = {
    folder,
    isUp: true,
    slowMs: 0,
    mostAtOnce: 0,
    async open({ mib = 16, clock, ageMaxMs = HOUR_MS } = {}) {
      const log = await openLog(CONFIG, join(folder, 'target'));
      const waiting = { ...CONFIG, partitions: 1, retention_days: -1, size_max_mib: mib };
      return openSpool({
        target: {
          ...log,
          async append(records) {
            atOnce += 1;
            place.mostAtOnce = Math.max(place.mostAtOnce, atOnce);
            try {
              if (place.slowMs > 0) await sleep(place.slowMs);
              if (!place.isUp) throw new IsobarError('LOG_UNAVAILABLE', 'it is away');
              return await log.append(records);
            } finally {
              atOnce -= 1;
            }
          },
        },
        folder: join(folder, 'spool'),
        openWaiting: (at) => openLog(waiting, at, clock === undefined ? {} : { clock }),
        ageMaxMs,
        clock,
      });
    },
    async arrived() {
      await using log = await openLog(CONFIG, join(folder, 'target'));
      const found: string[][] = [];
      for (let partition = 0; partition < log.partitionCount; partition++) {
        const records = await log.read(partition, 0n, EVERYTHING);
        found.push(records.map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`));
      }
      return found;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
  return place;
}

const record = (value: string | number, key = 'tokyo'): NewRecord => ({
  key,
  value: Buffer.from(String(value)),
});

async function drained(log: Log): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const { waiting } = await log.size();
    if (waiting === null || waiting.records === 0n) return;
    assert.ok(performance.now() < deadline, `${waiting.records} still wait: ${waiting.error}`);
    await sleep(10);
  }
}

/** Appends until one gets its offsets at once: nothing is in its way any more. */
async function assertTakesDirectly(log: Log): Promise<void> {
  const deadline = performance.now() + 10_000;
  while ((await log.append([record('directly', 'probe')], WAIT)).length === 0) {
    assert.ok(performance.now() < deadline, 'records still wait');
    await sleep(10);
  }
}

const ofTokyo = (found: readonly string[][]) =>
  found.flat().filter((line) => line.startsWith('tokyo'));

describe('the spool', () => {
  it('is not there while the log takes everything', async () => {
    await using place = await makePlace();
    await using log = await place.open();
    const ranges = await log.append([record(1), record(2)], WAIT);
    assert.equal(ranges.length, 1);
    assert.equal((await log.size()).waiting, null);
    assert.equal(existsSync(join(place.folder, 'spool')), false);
  });

  it('keeps what may wait while the log is away, and brings it in order, new ones behind', async () => {
    await using place = await makePlace();
    await using log = await place.open();
    await log.append([record(0)], WAIT);
    place.isUp = false;
    const before = Date.now();
    assert.deepEqual(await log.append([record(1), record(2)], WAIT), []);
    await log.append([record(3)], WAIT);
    const { waiting, full } = await log.size();
    assert.equal(waiting?.records, 3n);
    assert.ok(waiting.since !== null && waiting.since.getTime() >= before);
    assert.equal(waiting.error?.code, 'LOG_UNAVAILABLE');
    assert.equal(full, false);
    place.isUp = true;
    await log.append([record(4)], WAIT);
    await drained(log);
    await assertTakesDirectly(log);
    assert.deepEqual(
      ofTokyo(await place.arrived()),
      [0, 1, 2, 3, 4].map((i) => `tokyo ${i}`),
    );
    assert.equal((await log.size()).waiting?.error, null);
  });

  it('keeps nothing of a caller who needs offsets', async () => {
    await using place = await makePlace();
    await using log = await place.open();
    place.isUp = false;
    await assert.rejects(log.append([record(1)]), (e) => isErrorCode(e, 'LOG_UNAVAILABLE'));
    assert.equal((await log.size()).waiting, null);
  });

  it('keeps no record that the log would never take', async () => {
    await using place = await makePlace();
    await using log = await place.open();
    const tooLarge = { key: 'a', value: new Uint8Array(RECORD_BYTES_MAX + 1) };
    for (const isUp of [true, false]) {
      place.isUp = isUp;
      await assert.rejects(log.append([record(1), tooLarge], WAIT), (error) =>
        isErrorCode(error, 'RECORD_TOO_LARGE'),
      );
      if (isUp) assert.equal((await log.size()).waiting, null);
    }
    await log.append([{ key: 'a', value: new Uint8Array(RECORD_BYTES_MAX) }], WAIT);
    await log.append([record(2)], WAIT);
    place.isUp = true;
    await drained(log);
    assert.equal((await place.arrived()).flat().length, 2);
  });

  it('refuses more at its size limit, and takes records again once it has drained', async () => {
    await using place = await makePlace();
    await using log = await place.open({ mib: 2 });
    place.isUp = false;
    const batch = Array.from({ length: 20 }, (_, i) => record('x'.repeat(5_000), `city-${i}`));
    let kept = 0;
    let refusal: unknown = null;
    while (refusal === null && kept < 1_000) {
      await log.append(batch, WAIT).then(
        () => (kept += batch.length),
        (error: unknown) => (refusal = error),
      );
    }
    assert.ok(isErrorCode(refusal, 'LOG_FULL'), String(refusal));
    assert.ok(kept >= 200, `${kept} kept`);
    const { full, waiting } = await log.size();
    assert.ok(full);
    assert.equal(waiting?.bytesMax, 2 * 1024 * 1024);
    place.isUp = true;
    await drained(log);
    await assertTakesDirectly(log);
    await log.append(batch, WAIT);
    const arrived = (await place.arrived()).flat().filter((line) => line.startsWith('city-'));
    assert.equal(arrived.length, kept + 20);
    assert.equal((await log.size()).full, false);
  });

  it('refuses more when the oldest has waited too long', async () => {
    await using place = await makePlace();
    let now = Date.parse('2026-11-01T00:00:00Z');
    await using log = await place.open({ clock: () => new Date(now) });
    place.isUp = false;
    await log.append([record(1)], WAIT);
    now += HOUR_MS;
    await log.append([record(2)], WAIT);
    now += 1;
    await assert.rejects(log.append([record(3)], WAIT), (e) => isErrorCode(e, 'LOG_FULL'));
    assert.equal((await log.size()).full, true);
    place.isUp = true;
    await drained(log);
    await assertTakesDirectly(log);
    assert.deepEqual(ofTokyo(await place.arrived()), ['tokyo 1', 'tokyo 2']);
  });

  it('brings what an earlier process left', async () => {
    await using place = await makePlace();
    place.isUp = false;
    {
      await using log = await place.open();
      await log.append([record(1), record(2)], WAIT);
    }
    place.isUp = true;
    await using log = await place.open();
    assert.equal((await log.size()).waiting?.records, 2n);
    await log.append([record(3)], WAIT);
    await drained(log);
    assert.deepEqual((await place.arrived()).flat(), ['tokyo 1', 'tokyo 2', 'tokyo 3']);
  });

  it('is drained by one at a time of those that share it', async () => {
    await using place = await makePlace();
    place.isUp = false;
    await using a = await place.open();
    await using b = await place.open();
    await a.append([record('first', 'other')], WAIT);
    await b.append([record('first', 'other')], WAIT);
    [place.slowMs, place.mostAtOnce] = [200, 0];
    const expected: string[] = [];
    for (let i = 0; i < 40; i++) {
      const batch = Array.from({ length: 100 }, (_, k) => record(i * 100 + k));
      expected.push(...batch.map(({ value }) => `tokyo ${Buffer.from(value).toString()}`));
      await (i % 2 === 0 ? a : b).append(batch, WAIT);
    }
    place.isUp = true;
    await drained(a);
    assert.equal(place.mostAtOnce, 1);
    await assertTakesDirectly(a);
    await assertTakesDirectly(b);
    assert.deepEqual(ofTokyo(await place.arrived()), expected);
  });

  it('loses nothing when it dies between the acknowledgement and its own note', async () => {
    await using place = await makePlace();
    place.isUp = false;
    {
      await using log = await place.open();
      await log.append(
        Array.from({ length: 2_500 }, (_, i) => record(i)),
        WAIT,
      );
    }
    const child = startChild(
      `import { openLog } from ${JSON.stringify(new URL('open.ts', import.meta.url).href)};
       import { openSpool } from ${JSON.stringify(new URL('spool.ts', import.meta.url).href)};
       const config = ${JSON.stringify(CONFIG)};
       const folder = ${JSON.stringify(place.folder)};
       const waiting = { ...config, partitions: 1, retention_days: -1, size_max_mib: 16 };
       const log = await openSpool({
         target: await openLog(config, folder + '/target'),
         folder: folder + '/spool',
         openWaiting: (at) => openLog(waiting, at),
         ageMaxMs: 1e9,
       });
       await log.append([{ key: 'tokyo', value: Buffer.from('2500') }], { mayWait: true });
       setInterval(() => {}, 1_000);`,
      { env: { ISOBAR_FAULT: 'spool.drained:2' } },
    );
    assert.equal((await child.ended).signal, 'SIGKILL');
    place.isUp = true;
    await using log = await place.open();
    await drained(log);
    const found = (await place.arrived()).flat();
    // The second batch came twice: once before the death, once after.
    const expected = Array.from({ length: 2_501 }, (_, i) => `tokyo ${i}`);
    assert.deepEqual([...new Set(found)], expected);
    assert.equal(found.length, 3_501);
  });

  it('loses nothing and keeps the order of each city, whenever the log comes and goes', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('append', 'append', 'append', 'down', 'up', 'wait', 'reopen'), {
          maxLength: 40,
        }),
        async (steps) => {
          await using place = await makePlace();
          let log = await place.open();
          const accepted: string[] = [];
          const underWay: Promise<unknown>[] = [];
          let count = 0;
          for (const step of steps) {
            if (step === 'down') place.isUp = false;
            if (step === 'up') place.isUp = true;
            if (step === 'wait') await sleep(5);
            if (step === 'append') {
              count += 1;
              const batch = [record(count, 'tokyo'), record(count, 'lagos')];
              accepted.push(`tokyo ${count}`, `lagos ${count}`);
              underWay.push(log.append(batch, WAIT));
            }
            if (step === 'reopen') {
              await Promise.all(underWay);
              await log[Symbol.asyncDispose]();
              log = await place.open();
            }
          }
          await Promise.all(underWay);
          place.isUp = true;
          await drained(log);
          await log[Symbol.asyncDispose]();
          const found = (await place.arrived()).flat();
          const of = (city: string) => (line: string) => line.startsWith(city);
          for (const city of ['tokyo', 'lagos']) {
            assert.deepEqual(found.filter(of(city)), accepted.filter(of(city)));
          }
        },
      ),
      { numRuns: stormOf(30, 8) },
    ));
});
