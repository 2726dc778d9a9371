import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { DataFile } from '../table/table.ts';
import { openReader, selectFiles } from './reader.ts';

function file(path: string, more: Partial<DataFile> = {}): DataFile {
  return {
    path,
    storagePath: path,
    month: null,
    bytes: 1,
    rows: 1,
    cityIdMin: 'b',
    cityIdMax: 'f',
    observedAtMin: '2024-01-01T00:00:00Z',
    observedAtMax: '2024-01-31T00:00:00Z',
    ...more,
  };
}

/** An engine that does what `run` does and records what its sessions receive. */
function fakeEngine(run: (signal: AbortSignal) => Promise<unknown[]> = async () => []) {
  const defined: string[][] = [];
  let sessions = 0;
  let disposed = 0;
  const engine = {
    session: async () => {
      sessions += 1;
      const session = {
        define: async (_: string, files: readonly string[]) => void defined.push([...files]),
        query: (_: string, __: unknown, signal: AbortSignal) => run(signal),
        [Symbol.asyncDispose]: async () => {
          disposed += 1;
        },
      };
      return session as unknown as SqlSession;
    },
  };
  const table = { localPaths: async (files: readonly DataFile[]) => files.map((one) => one.path) };
  const counts = () => ({ sessions, disposed });
  return { options: { engine, table, columns: {} }, defined, counts };
}

test('the same files are defined once a session, others anew', async () => {
  const { options, defined } = fakeEngine();
  const reader = openReader(options);
  for (const files of [[file('a')], [file('a')], [file('b')], [file('a')]]) {
    await reader.query(files, 'SELECT 1', {});
  }
  assert.deepEqual(defined, [['a'], ['b'], ['a']]);
  assert.equal(reader.queryCount, 4);
});

test('a cancelled query frees its place for others', async () => {
  const done = Promise.withResolvers<void>();
  let ran = 0;
  const { options } = fakeEngine(async () => {
    ran += 1;
    await done.promise;
    return [];
  });
  const reader = openReader({ ...options, sessionsMax: 1, waitingMax: 1 });
  const first = reader.query([], 'SELECT 1', {});
  const gone = new AbortController();
  const left = reader.query([], 'SELECT 2', {}, gone.signal);
  await assert.rejects(reader.query([], 'SELECT 3', {}), { code: 'BUSY' });
  gone.abort();
  await assert.rejects(left, { code: 'ABORTED' });
  const last = reader.query([], 'SELECT 4', {});
  done.resolve();
  await Promise.all([first, last]);
  assert.equal(ran, 2);
  await assert.rejects(reader.query([], 'SELECT 5', {}, gone.signal), { code: 'ABORTED' });
  assert.equal(ran, 2);
});

test('no more run at once than there are sessions, and no more wait than allowed', async () => {
  let running = 0;
  let most = 0;
  const done = Promise.withResolvers<void>();
  const { options, counts } = fakeEngine(async () => {
    running += 1;
    most = Math.max(most, running);
    await done.promise;
    running -= 1;
    return [];
  });
  const reader = openReader({ ...options, sessionsMax: 2, waitingMax: 3 });
  const queries = Array.from({ length: 5 }, () => reader.query([file('a')], '', {}));
  await assert.rejects(reader.query([file('a')], '', {}), { code: 'BUSY' });
  done.resolve();
  await Promise.all(queries);
  assert.deepEqual([most, counts().sessions], [2, 2]);
  await reader[Symbol.asyncDispose]();
  assert.equal(counts().disposed, 2);
  await assert.rejects(reader.query([file('a')], '', {}), { code: 'ABORTED' });
});

test('reports a query that takes too long, and keeps the session', async () => {
  let slow = true;
  const { options } = fakeEngine((signal) => {
    if (!slow) return Promise.resolve([1]);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new IsobarError('ABORTED', 'cancelled')));
    });
  });
  const reader = openReader({ ...options, timeoutMs: 5 });
  await assert.rejects(reader.query([], '', {}), { code: 'BUSY', message: /longer than 0.005 s/ });
  slow = false;
  assert.deepEqual(await reader.query([], '', {}), [1]);
});

test('only files that may hold what is asked for are read', () => {
  const january = file('january');
  const february = file('february', {
    cityIdMin: 'd',
    observedAtMin: '2024-02-01T00:00:00Z',
    observedAtMax: '2024-02-29T23:59:59.5Z',
  });
  const unknown = file('unknown', {
    cityIdMin: null,
    cityIdMax: null,
    observedAtMin: null,
    observedAtMax: null,
  });
  const all = [january, february, unknown];
  const names = (cities: string[], from: string | null, to: string | null) =>
    selectFiles(all, { cities, from, to }).map(({ path }) => path);
  assert.deepEqual(names([], null, null), ['january', 'february', 'unknown']);
  assert.deepEqual(names(['c'], null, null), ['january', 'unknown']);
  assert.deepEqual(names(['a', 'e'], null, null), ['january', 'february', 'unknown']);
  assert.deepEqual(names(['z'], null, null), ['unknown']);
  assert.deepEqual(names([], '2024-01-31T00:00:00Z', null), ['january', 'february', 'unknown']);
  assert.deepEqual(names([], '2024-01-31T00:00:01Z', null), ['february', 'unknown']);
  assert.deepEqual(names([], null, '2024-02-01T00:00:00Z'), ['january', 'unknown']);
});
