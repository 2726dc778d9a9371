/** The thread of the SQLite index: calls come as messages and are answered in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { asIsobarError } from '../errors.ts';
import type { Call, Reply } from './sqlite.ts';
import { SqliteStore } from './sqlite-store.ts';

const store = new SqliteStore(String(workerData));

parentPort?.on('message', ({ id, method, args }: Call) => {
  parentPort?.postMessage(reply(id, method, args));
  if (method === 'close') parentPort?.close();
});

function reply(id: number, method: Call['method'], args: readonly unknown[]): Reply {
  try {
    const run = store[method] as (...args: readonly unknown[]) => unknown;
    return { id, value: run.apply(store, [...args]) };
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return { id, error: { code, message } };
  }
}
