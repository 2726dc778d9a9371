/**
 * The index in a SQLite file of the data folder. SQLite works on a thread of its own, since a
 * question may take longer than the server may pause.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { orAborted } from '../waiting.ts';
import type { AnomalyIndex, Found, IndexState } from './anomaly-index.ts';
import type { SqliteStore } from './sqlite-store.ts';

type Method = Exclude<keyof SqliteStore, symbol>;
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** Calls that wait for the thread at most: who comes later is refused. */
const CALLS_MAX = 200;
/** Of the thread: what lives long, and what is read for one question. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };
/** Beside this file, as source or built. */
const WORKER = import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js';

/** The index in this folder, which is made when something is written. */
export function openSqliteIndex(folder: string): AnomalyIndex {
  const thread = openThread(folder);
  return {
    engine: 'sqlite',
    state: (signal) => orAborted(thread.call('state') as Promise<IndexState | null>, signal),
    search: (question, signal) =>
      orAborted(thread.call('search', question) as Promise<Found>, signal),
    async begin(kind, signal) {
      signal?.throwIfAborted();
      const base = (await thread.call('begin', kind)) as IndexState | null;
      let isOpen = true;
      return {
        base,
        async put(bucket, rows, stop) {
          stop?.throwIfAborted();
          return (await thread.call('put', bucket, rows)) as number;
        },
        async commit(state) {
          await thread.call('commit', state);
          isOpen = false;
        },
        async [Symbol.asyncDispose]() {
          if (isOpen) await thread.call('rollback').catch(() => {});
          isOpen = false;
        },
      };
    },
    [Symbol.asyncDispose]: () => thread.close(),
  };
}

/** Begun with the first call; one that died is begun anew by the next. */
function openThread(folder: string) {
  let worker: Worker | null = null;
  let isClosed = false;
  let calls = 0;
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();

  function start(): Worker {
    const started = new Worker(new URL(WORKER, import.meta.url), {
      workerData: folder,
      name: 'index',
      resourceLimits: LIMITS,
    });
    // It keeps the process alive only while a call waits.
    started.unref();
    started.on('message', (reply: Reply) => {
      const call = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
      if ('error' in reply) call?.reject(new IsobarError(reply.error.code, reply.error.message));
      else call?.resolve(reply.value);
    });
    const lose = (why: string) => {
      if (worker === started) worker = null;
      for (const call of waiting.values()) {
        call.reject(new IsobarError('INDEX_UNAVAILABLE', `${folder}: the index’s thread ${why}`));
      }
      waiting.clear();
    };
    started.on('error', (error) => lose(`failed: ${error.message}`));
    started.on('exit', () => lose('ended'));
    return started;
  }

  async function call(method: Method, ...args: readonly unknown[]): Promise<unknown> {
    if (isClosed) throw new IsobarError('INDEX_UNAVAILABLE', `${folder}: the index was closed`);
    if (waiting.size >= CALLS_MAX) {
      throw new IsobarError('BUSY', `${waiting.size} questions wait for the index already`);
    }
    worker ??= start();
    const id = calls++;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    worker.ref();
    worker.postMessage({ id, method, args } satisfies Call);
    return answer.promise;
  }

  return {
    call,
    async close() {
      if (worker !== null) await call('close').catch(() => {});
      isClosed = true;
    },
  };
}
