/** The SQLite log used by several processes, and by processes that are killed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ChildEnd, runChild, startChild } from '../../test/support/child.ts';
import { loadConfig } from '../config/load.ts';
import type { Log } from './log.ts';
import { openLog } from './open.ts';

const CONFIG = loadConfig({
  file: null,
  env: {},
  flags: { 'log.engine': 'sqlite', 'log.size_max_mib': '64' },
}).config.log;
const EVERYTHING = { records: 1e6, bytes: 2 ** 30 };

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-log-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Appends batches of 20 under names of its own and prints each batch once it is safe. */
function appending(folder: string, name: string, batches: number): string {
  return `
    import { openLog } from ${JSON.stringify(new URL('open.ts', import.meta.url).href)};
    const log = await openLog(${JSON.stringify(CONFIG)}, ${JSON.stringify(folder)});
    console.log('id ' + log.id);
    for (let batch = 0; batch < ${batches}; batch++) {
      const records = Array.from({ length: 20 }, (_, i) => ({
        key: 'city-' + (i % 7),
        value: Buffer.from('${name} ' + batch + ' ' + i),
      }));
      await log.append(records);
      console.log('safe ' + batch);
    }
    await log[Symbol.asyncDispose]();
  `;
}

function safeBatches({ output }: ChildEnd): number {
  return output.split('\n').filter((line) => line.startsWith('safe ')).length;
}

/** All values of the log; fails unless the offsets are without a gap from 0 to the end. */
async function readAll(log: Log): Promise<string[]> {
  const values: string[] = [];
  for (let partition = 0; partition < log.partitionCount; partition++) {
    const found = await log.read(partition, 0n, EVERYTHING);
    assert.equal(BigInt(found.length), (await log.range(partition)).next);
    for (const [i, { offset }] of found.entries()) assert.equal(offset, BigInt(i));
    values.push(...found.map(({ value }) => Buffer.from(value).toString()));
  }
  return values;
}

/** Whole batches only, each once, and at least the first `safe` ones. */
function assertBatches(values: readonly string[], name: string, safe: number): number {
  const own = values.filter((value) => value.startsWith(`${name} `));
  assert.equal(own.length % 20, 0, `${own.length} records`);
  const batches = own.length / 20;
  const expected = Array.from({ length: own.length }, (_, i) => {
    return `${name} ${Math.floor(i / 20)} ${i % 20}`;
  });
  assert.deepEqual(own.toSorted(), expected.toSorted());
  assert.ok(batches >= safe, `${batches} batches, but ${safe} were said to be safe`);
  return batches;
}

describe('the SQLite log among processes', () => {
  it('is made once when several processes make it', () =>
    withFolder(async (folder) => {
      const children = Array.from({ length: 4 }, (_, i) => runChild(appending(folder, `c${i}`, 1)));
      const ends = await Promise.all(children);
      for (const { code, errors } of ends)
        assert.deepEqual({ code, errors }, { code: 0, errors: '' });
      assert.equal(new Set(ends.map(({ output }) => output.split('\n')[0])).size, 1);
      await using log = await openLog(CONFIG, folder);
      const values = await readAll(log);
      for (let i = 0; i < 4; i++) assertBatches(values, `c${i}`, 1);
    }));

  it('takes the appends of three processes while a fourth follows and trims', () =>
    withFolder(async (folder) => {
      await using log = await openLog(CONFIG, folder);
      const stop = new AbortController();
      const next = Array.from({ length: log.partitionCount }, () => 0n);
      const values: string[] = [];
      const following = (async () => {
        for await (const _ of log.follow(stop.signal)) {
          for (const [partition, from] of next.entries()) {
            for (const { offset, value } of await log.read(partition, from, EVERYTHING)) {
              assert.equal(offset, next[partition]);
              next[partition] = offset + 1n;
              values.push(Buffer.from(value).toString());
            }
            await log.landed(partition, next[partition] ?? 0n);
          }
          if (values.length >= 3 * 60 * 20) return;
        }
      })();
      const names = ['a', 'b', 'c'];
      const ends = await Promise.all(names.map((name) => runChild(appending(folder, name, 60))));
      for (const { code, errors } of ends)
        assert.deepEqual({ code, errors }, { code: 0, errors: '' });
      await following;
      stop.abort();
      for (const name of names) assert.equal(assertBatches(values, name, 60), 60);
    }));

  for (const [fault, kept] of [
    ['append.before-commit:4', 3],
    ['append.after-commit:4', 4],
  ] as const) {
    it(`holds every batch that was safe after a kill at ${fault}`, () =>
      withFolder(async (folder) => {
        const end = await runChild(appending(folder, 'k', 10), { env: { ISOBAR_FAULT: fault } });
        assert.equal(end.signal, 'SIGKILL');
        assert.equal(safeBatches(end), 3);
        await using log = await openLog(CONFIG, folder);
        assert.equal(assertBatches(await readAll(log), 'k', 3), kept);
      }));
  }

  it('holds every batch that was safe after kills at any moment', () =>
    withFolder(async (folder) => {
      for (let round = 0; round < 6; round++) {
        const child = startChild(appending(folder, `r${round}`, 100_000));
        await child.waitFor(`safe ${round * 3}\n`);
        child.process.kill('SIGKILL');
        const end = await child.ended;
        await using log = await openLog(CONFIG, folder);
        assertBatches(await readAll(log), `r${round}`, safeBatches(end));
      }
    }));
});
