/**
 * One statement on the server, whatever happens to the connection.
 *
 *     executePlan ──► answer, answer, … resultComplete        done
 *          │ cut, ended early, or silent for too long
 *          └► reattachExecute after the last answer ──► answer, … resultComplete
 *
 * The server keeps its answers until they are released, so each is had once and in order. It ends
 * streams by itself after minutes; only `resultComplete` marks the end of the answers.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@connectrpc/connect';
import { backoff, pause, untilAborted } from '../../waiting.ts';
import { isCut, isLostOperation } from './errors.ts';
import {
  type ExecutePlanResponse,
  InterruptRequest_InterruptType,
  type Plan,
  type SparkConnectService,
} from './proto/spark/connect/base_pb.ts';

/** The session on the server, as every request names it. */
export interface RequestSession {
  readonly sessionId: string;
  readonly userContext: { readonly userId: string; readonly userName: string };
  readonly clientType: string;
  readonly clientObservedServerSideSessionId?: string;
}

export interface ExecutionOptions {
  readonly service: Client<typeof SparkConnectService>;
  /** As it is known now. */
  readonly session: () => RequestSession;
  readonly plan: Plan;
  /** Milliseconds without a word after which the connection is looked at, or given up. */
  readonly timeoutMs: number;
  /** Makes the connection anew and asks the server for a sign of life; rejects without one. */
  readonly reconnect: () => Promise<void>;
  /** Called in order; the next answer is read once it has resolved. */
  readonly onAnswer: (answer: ExecutePlanResponse) => void | Promise<void>;
  readonly signal: AbortSignal | undefined;
}

const AGAIN_MS = { least: 50, most: 1_000 } as const;
/** A server reports progress every two seconds. */
const PLANNING_MS = 5_000;
const REATTACHABLE = {
  requestOption: { case: 'reattachOptions', value: { reattachable: true } },
} as const;

/** Resolves when all answers were had; rejects as the server and the connection do. */
export async function runStatement(options: ExecutionOptions): Promise<void> {
  const operationId = randomUUID();
  const ended = new AbortController();
  const working = Promise.withResolvers<void>();
  const interrupting = interruptOnAbort(options, operationId, {
    working: working.promise,
    ended: ended.signal,
  });
  try {
    await followToEnd(options, operationId, working.resolve);
  } finally {
    ended.abort();
    await interrupting;
    release(options, operationId);
  }
}

/** What has been received of a statement. */
interface Received {
  /** Of the last answer, or undefined before the first. */
  responseId: string | undefined;
  at: number;
  complete: boolean;
}

async function followToEnd(
  options: ExecutionOptions,
  operationId: string,
  onWorking: () => void,
): Promise<void> {
  const { timeoutMs, signal } = options;
  const received: Received = { responseId: undefined, at: Date.now(), complete: false };
  let begin = true;
  let tries = 0;
  for (;;) {
    const before = received.responseId;
    const quiet = new AbortController();
    try {
      await readStream(options, { operationId, begin, received, quiet, onWorking });
      if (received.complete) return;
      begin = false;
    } catch (error) {
      if (received.complete) return;
      // Nothing came of it and the server does not know it: the request never arrived.
      begin = isLostOperation(error) && received.responseId === undefined;
      if (!begin && (!isCut(error) || signal?.aborted)) throw error;
      if (quiet.signal.aborted) {
        // Only the work takes its time, if the server answers.
        await options.reconnect();
        received.at = Date.now();
      } else if (Date.now() - received.at > timeoutMs) throw error;
    }
    tries = received.responseId === before ? tries + 1 : 1;
    await pause(backoff(AGAIN_MS, tries));
  }
}

/** Reads until the stream ends; `quiet` is aborted when it was silent for too long. */
async function readStream(
  { service, session, plan, timeoutMs, onAnswer }: ExecutionOptions,
  stream: {
    readonly operationId: string;
    readonly begin: boolean;
    readonly received: Received;
    readonly quiet: AbortController;
    readonly onWorking: () => void;
  },
): Promise<void> {
  const { operationId, received, quiet } = stream;
  const watch = setTimeout(() => quiet.abort(), timeoutMs);
  const request = { ...session(), operationId };
  const { responseId } = received;
  const after = responseId === undefined ? {} : { lastResponseId: responseId };
  const callOptions = { signal: quiet.signal };
  try {
    const answers = stream.begin
      ? service.executePlan({ ...request, plan, requestOptions: [REATTACHABLE] }, callOptions)
      : service.reattachExecute({ ...request, ...after }, callOptions);
    for await (const answer of answers) {
      watch.refresh();
      received.at = Date.now();
      if (isWorking(answer)) stream.onWorking();
      if (answer.responseType.case === 'resultComplete') received.complete = true;
      else await onAnswer(answer);
      received.responseId = answer.responseId;
      // The reader of the rows may have taken its time.
      watch.refresh();
      received.at = Date.now();
    }
  } finally {
    clearTimeout(watch);
  }
}

/** The server reports progress without a stage while it still plans. */
function isWorking({ responseType }: ExecutePlanResponse): boolean {
  return responseType.case === 'executionProgress' && responseType.value.stages.length > 0;
}

/**
 * Says it again until the statement has ended: said before it began it is lost. While the server
 * plans, an interruption would leave the jobs running that it submits thereafter: it waits for
 * the first word of their progress.
 */
async function interruptOnAbort(
  { service, session, timeoutMs, signal }: ExecutionOptions,
  operationId: string,
  { working, ended }: { readonly working: Promise<void>; readonly ended: AbortSignal },
): Promise<void> {
  if (signal === undefined) return;
  await untilAborted(AbortSignal.any([signal, ended]));
  await Promise.race([working, pause(PLANNING_MS, ended)]);
  while (!ended.aborted) {
    const request = {
      ...session(),
      interruptType: InterruptRequest_InterruptType.OPERATION_ID,
      interrupt: { case: 'operationId', value: operationId },
    } as const;
    await service.interrupt(request, { timeoutMs }).catch(() => {});
    await pause(AGAIN_MS.least, ended);
  }
}

/** Lets the server forget an operation; by itself it does so after minutes. */
function release({ service, session, timeoutMs }: ExecutionOptions, operationId: string): void {
  const request = {
    ...session(),
    operationId,
    release: { case: 'releaseAll', value: {} },
  } as const;
  service.releaseExecute(request, { timeoutMs }).catch(() => {});
}
