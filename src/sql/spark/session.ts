/** A session of Spark as the port wants it: statements in order, views, files. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IsobarError, translateFileError } from '../../errors.ts';
import { orAborted } from '../../waiting.ts';
import type { Parameters, Progress, Row, RowBatch, SqlSession } from '../engine.ts';
import type { ServerSession, SparkClient } from './client.ts';
import { factsOf, translate } from './errors.ts';
import {
  dropPlan,
  filesRelation,
  keepPlan,
  keptRelation,
  type Relation,
  releasePlan,
  rowsPlan,
  sqlRelation,
  statementPlan,
  viewPlan,
  writePlan,
} from './plans.ts';
import type {
  ExecutePlanResponse,
  ExecutePlanResponse_ExecutionProgress,
  Plan,
} from './proto/spark/connect/base_pb.ts';
import { batchesOf, rowsOf } from './rows.ts';
import { splitStatements } from './text.ts';

export interface SessionOptions {
  readonly client: SparkClient;
  /** Sets up a session that the server does not know yet. */
  readonly prepare: (session: ServerSession) => Promise<void>;
  readonly onProgress: (progress: Progress | null) => void;
}

/** Opened on the server by its first statement; so too again when the server lost it. */
export function openSparkSession(options: SessionOptions): SqlSession {
  const { client, prepare, onProgress } = options;
  let server: ServerSession | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let isOpen = true;

  /** Statements queue in order; one that is cancelled interrupts itself only. */
  function inTurn<T>(
    sql: string,
    run: (session: ServerSession) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const result = turn.then(async () => {
      if (!isOpen) throw new IsobarError('QUERY_FAILED', 'the session is closed');
      signal?.throwIfAborted();
      return run(await prepared());
    });
    const translated = result.catch(async (error) => {
      throw await explain(error, sql, signal);
    });
    turn = translated.catch(() => {});
    return orAborted(translated, signal).catch((error) => {
      throw signal?.aborted && error === signal.reason ? cancelled(error) : error;
    });
  }

  async function prepared(): Promise<ServerSession> {
    if (server !== null) return server;
    const session: ServerSession = { id: randomUUID(), serverSideId: undefined };
    await prepare(session);
    server = session;
    return session;
  }

  async function explain(
    error: unknown,
    sql: string,
    signal: AbortSignal | undefined,
  ): Promise<IsobarError> {
    if (signal?.aborted) return cancelled(error);
    const facts = server === null ? factsOf(error) : await client.factsOf(server, error);
    const translated = translate(error, facts, sql);
    // What the session had may be gone: the next statement begins a new one.
    if (translated.code === 'ENGINE_UNAVAILABLE') forget();
    return translated;
  }

  function forget(): void {
    if (server !== null) client.release(server).catch(() => {});
    server = null;
  }

  async function execute(
    session: ServerSession,
    plan: Plan,
    signal?: AbortSignal,
    onAnswer: (answer: ExecutePlanResponse) => void | Promise<void> = () => {},
  ): Promise<void> {
    try {
      await client.execute(
        session,
        plan,
        (answer) => {
          const { case: kind, value } = answer.responseType;
          if (kind !== 'executionProgress') return onAnswer(answer);
          onProgress(progressOf(value));
        },
        signal,
      );
    } finally {
      onProgress(null);
    }
  }

  async function rows(
    session: ServerSession,
    relation: Relation,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    const found: Row[] = [];
    await execute(session, rowsPlan(relation), signal, ({ responseType }) => {
      if (responseType.case !== 'arrowBatch') return;
      for (const row of rowsOf(responseType.value.data)) found.push(row);
    });
    return found;
  }

  /** The server waits while the reader does: at most one of its messages is ahead. */
  async function* stream(
    sql: string,
    parameters: Parameters = {},
    signal?: AbortSignal,
  ): AsyncGenerator<RowBatch> {
    const left = new AbortController();
    const ended = AbortSignal.any([left.signal, ...(signal === undefined ? [] : [signal])]);
    const { readable, writable } = new TransformStream<RowBatch, RowBatch>();
    const writer = writable.getWriter();
    let batches = 0;
    const run = async (session: ServerSession) => {
      const plan = rowsPlan(sqlRelation(sql, parameters));
      await execute(session, plan, ended, async ({ responseType }) => {
        if (responseType.case !== 'arrowBatch') return;
        for (const batch of batchesOf(responseType.value.data)) {
          batches += 1;
          await writer.write(batch);
        }
      });
      if (batches === 0) await writer.write({ columns: [], rows: [] });
      await writer.close();
    };
    const running = inTurn(sql, run, ended).catch((error) => writer.abort(error));
    try {
      yield* readable;
    } finally {
      left.abort();
      await running.catch(() => {});
    }
  }

  async function keep(
    session: ServerSession,
    view: string,
    relation: Relation,
    signal?: AbortSignal,
  ): Promise<void> {
    let relationId: string | undefined;
    await execute(session, keepPlan(relation), signal, ({ responseType }) => {
      if (responseType.case !== 'checkpointCommandResult') return;
      relationId = responseType.value.relation?.relationId;
    });
    if (relationId === undefined) throw new IsobarError('QUERY_FAILED', 'Spark kept no rows');
    await execute(session, viewPlan(view, keptRelation(relationId)), signal);
    await execute(session, releasePlan(relationId));
  }

  /** Resolves with the number of rows. */
  async function write(
    session: ServerSession,
    plan: Plan,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let count: number | undefined;
    await execute(session, plan, signal, ({ observedMetrics }) => {
      const value = observedMetrics.find(({ name }) => name === 'written')?.values[0];
      if (value?.literalType.case === 'long') count = Number(value.literalType.value);
    });
    if (count === undefined) throw new IsobarError('QUERY_FAILED', 'Spark did not count the rows');
    return count;
  }

  return {
    async define(view, files, columns) {
      const plan = viewPlan(view, filesRelation(files, columns));
      await inTurn(`define ${view}`, (session) => execute(session, plan));
    },
    query<R = Row>(sql: string, parameters: Parameters = {}, signal?: AbortSignal) {
      const run = async (session: ServerSession) =>
        (await rows(session, sqlRelation(sql, parameters), signal)) as R[];
      return inTurn(sql, run, signal);
    },
    stream,
    async materialize(view, sql, signal) {
      await inTurn(sql, (session) => keep(session, view, sqlRelation(sql), signal), signal);
    },
    async drop(view) {
      await inTurn(`drop ${view}`, (session) => execute(session, dropPlan(view)));
    },
    async execute(sql, signal) {
      const run = async (session: ServerSession) => {
        for (const statement of splitStatements(sql)) {
          await execute(session, statementPlan(statement), signal);
        }
      };
      await inTurn(sql, run, signal);
    },
    async copy(sql, path, format, signal) {
      const run = async (session: ServerSession) => {
        const folder = await makeRoom(path);
        try {
          const plan = writePlan(sqlRelation(sql), join(folder, 'rows'), format, { ordered: true });
          const count = await write(session, plan, signal);
          await rename(await partIn(join(folder, 'rows')), path);
          return count;
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      };
      return inTurn(sql, run, signal);
    },
    async copyInto(sql, folder, signal) {
      const plan = writePlan(sqlRelation(sql), folder, 'parquet', { ordered: false });
      return inTurn(sql, (session) => write(session, plan, signal), signal);
    },
    async [Symbol.asyncDispose]() {
      if (!isOpen) return;
      isOpen = false;
      await turn;
      // The server removes unused sessions by itself.
      if (server !== null) await client.release(server).catch(() => {});
      server = null;
    },
  };
}

/** A folder beside the file in the making: Spark writes folders, and would make missing ones. */
async function makeRoom(path: string): Promise<string> {
  try {
    return await mkdtemp(join(dirname(path), '.spark-'));
  } catch (error) {
    throw translateFileError(error, path, 'QUERY_FAILED');
  }
}

/** The one file that Spark wrote into this folder of this machine. */
async function partIn(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const [part, ...others] = names.filter((name) => name.startsWith('part-'));
  if (part !== undefined && others.length === 0) return join(folder, part);
  const text =
    part === undefined
      ? `${folder}: Spark wrote it on another machine`
      : `${folder}: Spark wrote ${others.length + 1} files`;
  throw new IsobarError('QUERY_FAILED', text);
}

function progressOf({ stages }: ExecutePlanResponse_ExecutionProgress): Progress {
  const sum = (of: (stage: (typeof stages)[number]) => bigint) =>
    Number(stages.reduce((total, stage) => total + of(stage), 0n));
  return { done: sum((stage) => stage.numCompletedTasks), of: sum((stage) => stage.numTasks) };
}

function cancelled(cause: unknown): IsobarError {
  return new IsobarError('ABORTED', 'the query was cancelled', { cause });
}
