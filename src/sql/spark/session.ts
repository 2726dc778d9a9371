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
  type FileFormat,
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
  const statements = new Statements(options);

  return {
    async define(view, files, columns) {
      const plan = viewPlan(view, filesRelation(files, columns));
      await statements.inTurn(`define ${view}`, (execute) => execute(plan));
    },
    query<R = Row>(sql: string, parameters: Parameters = {}, signal?: AbortSignal) {
      const run = async (execute: Execute) =>
        (await rows(execute, sqlRelation(sql, parameters), signal)) as R[];
      return statements.inTurn(sql, run, signal);
    },
    stream: (sql, parameters = {}, signal) => stream(statements, sql, parameters, signal),
    async materialize(view, sql, signal) {
      const run = (execute: Execute) => keep(execute, view, sqlRelation(sql), signal);
      await statements.inTurn(sql, run, signal);
    },
    async drop(view) {
      await statements.inTurn(`drop ${view}`, (execute) => execute(dropPlan(view)));
    },
    async execute(sql, signal) {
      const run = async (execute: Execute) => {
        for (const statement of splitStatements(sql)) {
          await execute(statementPlan(statement), signal);
        }
      };
      await statements.inTurn(sql, run, signal);
    },
    copy: (sql, path, format, signal) =>
      statements.inTurn(sql, (execute) => writeAlone(execute, sql, path, format, signal), signal),
    async copyInto(sql, folder, signal) {
      const plan = writePlan(sqlRelation(sql), folder, 'parquet', { ordered: false });
      return statements.inTurn(sql, (execute) => write(execute, plan, signal), signal);
    },
    [Symbol.asyncDispose]: () => statements.close(),
  };
}

/** Runs a plan; `onAnswer` gets each part of its answer, but no progress. */
type Execute = (
  plan: Plan,
  signal?: AbortSignal,
  onAnswer?: (answer: ExecutePlanResponse) => void | Promise<void>,
) => Promise<void>;

/** Statements queue in order; one that is cancelled interrupts itself only. */
class Statements {
  readonly #options: SessionOptions;
  #server: ServerSession | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  inTurn<T>(sql: string, run: (execute: Execute) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const result = this.#turn.then(async () => {
      if (!this.#isOpen) throw new IsobarError('QUERY_FAILED', 'the session is closed');
      signal?.throwIfAborted();
      return run(this.#executeIn(await this.#prepared()));
    });
    const translated = result.catch(async (error) => {
      throw await this.#explain(error, sql, signal);
    });
    this.#turn = translated.catch(() => {});
    return orAborted(translated, signal).catch((error) => {
      throw signal?.aborted && error === signal.reason ? cancelled(error) : error;
    });
  }

  async #prepared(): Promise<ServerSession> {
    if (this.#server !== null) return this.#server;
    const session: ServerSession = { id: randomUUID(), serverSideId: undefined };
    await this.#options.prepare(session);
    this.#server = session;
    return session;
  }

  #executeIn(session: ServerSession): Execute {
    const { client, onProgress } = this.#options;
    return async (plan, signal, onAnswer = () => {}) => {
      const takeAnswer = (answer: ExecutePlanResponse) => {
        const { case: kind, value } = answer.responseType;
        if (kind !== 'executionProgress') return onAnswer(answer);
        onProgress(progressOf(value));
      };
      try {
        await client.execute(session, plan, takeAnswer, signal);
      } finally {
        onProgress(null);
      }
    };
  }

  async #explain(error: unknown, sql: string, signal?: AbortSignal): Promise<IsobarError> {
    if (signal?.aborted) return cancelled(error);
    const server = this.#server;
    const facts =
      server === null ? factsOf(error) : await this.#options.client.factsOf(server, error);
    const translated = translate(error, facts, sql);
    // What the session had may be gone: the next statement begins a new one.
    if (translated.code === 'ENGINE_UNAVAILABLE') void this.#release();
    return translated;
  }

  /** The server removes unused sessions by itself. */
  async #release(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server !== null) await this.#options.client.release(server).catch(() => {});
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#turn;
    await this.#release();
  }
}

async function rows(execute: Execute, relation: Relation, signal?: AbortSignal): Promise<Row[]> {
  const found: Row[] = [];
  await execute(rowsPlan(relation), signal, ({ responseType }) => {
    if (responseType.case !== 'arrowBatch') return;
    for (const row of rowsOf(responseType.value.data)) found.push(row);
  });
  return found;
}

/** The server waits while the reader does: at most one of its messages is ahead. */
async function* stream(
  statements: Statements,
  sql: string,
  parameters: Parameters,
  signal: AbortSignal | undefined,
): AsyncGenerator<RowBatch> {
  const left = new AbortController();
  const ended = AbortSignal.any([left.signal, ...(signal === undefined ? [] : [signal])]);
  const { readable, writable } = new TransformStream<RowBatch, RowBatch>();
  const writer = writable.getWriter();
  let batches = 0;
  const run = async (execute: Execute) => {
    const plan = rowsPlan(sqlRelation(sql, parameters));
    await execute(plan, ended, async ({ responseType }) => {
      if (responseType.case !== 'arrowBatch') return;
      for (const batch of batchesOf(responseType.value.data)) {
        batches += 1;
        await writer.write(batch);
      }
    });
    if (batches === 0) await writer.write({ columns: [], rows: [] });
    await writer.close();
  };
  const running = statements.inTurn(sql, run, ended).catch((error) => writer.abort(error));
  try {
    yield* readable;
  } finally {
    left.abort();
    await running.catch(() => {});
  }
}

async function keep(
  execute: Execute,
  view: string,
  relation: Relation,
  signal?: AbortSignal,
): Promise<void> {
  let relationId: string | undefined;
  await execute(keepPlan(relation), signal, ({ responseType }) => {
    if (responseType.case !== 'checkpointCommandResult') return;
    relationId = responseType.value.relation?.relationId;
  });
  if (relationId === undefined) throw new IsobarError('QUERY_FAILED', 'Spark kept no rows');
  await execute(viewPlan(view, keptRelation(relationId)), signal);
  await execute(releasePlan(relationId));
}

/** Resolves with the number of rows. */
async function write(execute: Execute, plan: Plan, signal?: AbortSignal): Promise<number> {
  let count: number | undefined;
  await execute(plan, signal, ({ observedMetrics }) => {
    const value = observedMetrics.find(({ name }) => name === 'written')?.values[0];
    if (value?.literalType.case === 'long') count = Number(value.literalType.value);
  });
  if (count === undefined) throw new IsobarError('QUERY_FAILED', 'Spark did not count the rows');
  return count;
}

/** The same, to one file on this machine. */
async function writeAlone(
  execute: Execute,
  sql: string,
  path: string,
  format: FileFormat,
  signal?: AbortSignal,
): Promise<number> {
  const folder = await makeRoom(path);
  try {
    const target = join(folder, 'rows');
    const plan = writePlan(sqlRelation(sql), target, format, { ordered: true });
    const count = await write(execute, plan, signal);
    await rename(await partIn(target), path);
    return count;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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
