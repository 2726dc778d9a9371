/**
 * The index in a SQLite file of the data folder. SQLite works on a thread of its own, since a
 * question may take longer than the server may pause.
 */
import { orAborted } from '../waiting.ts';
import { openWorkerThread } from '../worker-thread.ts';
import type { AnomalyIndex, Found, IndexState } from './anomaly-index.ts';
import type { SqliteStore } from './sqlite-store.ts';

type Method = Exclude<keyof SqliteStore, symbol>;

/** Of the thread: what lives long, and what is read for one question. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };
/** Beside this file, as source or built. */
const WORKER = import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js';

/** The index in this folder, which is made when something is written. */
export function openSqliteIndex(folder: string): AnomalyIndex {
  const thread = openWorkerThread<Method>({
    file: new URL(WORKER, import.meta.url),
    ...{ data: folder, name: 'index', limits: LIMITS, lost: 'INDEX_UNAVAILABLE' },
  });
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
