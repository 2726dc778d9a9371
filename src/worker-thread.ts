/** Work on a thread of its own, since it would hold up the server: calls are answered in order. */
import { parentPort, type ResourceLimits, Worker } from 'node:worker_threads';
import { asIsobarError, type ErrorCode, IsobarError } from './errors.ts';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

export interface WorkerThreadOptions {
  /** The thread's own file. */
  readonly file: URL;
  /** Given to the thread as `workerData`. */
  readonly data: unknown;
  readonly name: string;
  readonly limits: ResourceLimits;
  /** What calls reject with that the thread did not answer, or that came after closing. */
  readonly lost: ErrorCode;
}

export interface WorkerThread<M extends string> {
  /** Rejects with BUSY when too many wait, with `lost` when the thread ends, else as the method does. */
  call(method: M, ...args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Calls that wait for a thread at most: who comes later is refused. */
const CALLS_MAX = 200;

/** Begun with the first call; one that died is begun anew by the next. */
export function openWorkerThread<M extends string>(
  options: WorkerThreadOptions,
): WorkerThread<M | 'close'> {
  const { file, data, name, limits, lost } = options;
  let worker: Worker | null = null;
  let isClosed = false;
  let calls = 0;
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();

  function start(): Worker {
    const started = new Worker(file, { workerData: data, name, resourceLimits: limits });
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
        call.reject(new IsobarError(lost, `the thread ${name} ${why}`));
      }
      waiting.clear();
    };
    started.on('error', (error) => lose(`failed: ${error.message}`));
    started.on('exit', () => lose('ended'));
    return started;
  }

  async function call(method: M | 'close', ...args: readonly unknown[]): Promise<unknown> {
    if (isClosed) throw new IsobarError(lost, `the thread ${name} was closed`);
    if (waiting.size >= CALLS_MAX) {
      throw new IsobarError('BUSY', `${waiting.size} calls wait for the thread ${name} already`);
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

/** In the thread's file: answers calls by the target's methods until `close`. */
export function answerCalls(target: object): void {
  const methods = target as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  parentPort?.on('message', ({ id, method, args }: Call) => {
    parentPort?.postMessage(replyTo(methods, id, method, args));
    if (method === 'close') parentPort?.close();
  });
}

function replyTo(
  methods: Readonly<Record<string, (...args: readonly unknown[]) => unknown>>,
  id: number,
  method: string,
  args: readonly unknown[],
): Reply {
  try {
    return { id, value: methods[method]?.call(methods, ...args) };
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return { id, error: { code, message } };
  }
}
