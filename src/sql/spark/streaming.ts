/** Streaming queries of Spark: started, watched and stopped from here, they run on the server. */
import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { IsobarError } from '../../errors.ts';
import type { ServerSession, SparkClient } from './client.ts';
import { factsOf, translate } from './errors.ts';
import { type Relation, sqlRelation, viewPlan } from './plans.ts';
import { type ExecutePlanResponse, type Plan, PlanSchema } from './proto/spark/connect/base_pb.ts';
import { connectSpark, type SparkOptions } from './spark.ts';

export interface StreamSpec {
  /** Names the query on Spark's pages. */
  readonly name: string;
  readonly source: { readonly format: string; readonly options: Readonly<Record<string, string>> };
  /** Over the view `source`. Its rows have a time, after which they are late. */
  readonly rows: { readonly sql: string; readonly time: string; readonly delay: string };
  /** Over the view `rows`. */
  readonly result: string;
  readonly sink: { readonly format: string; readonly options: Readonly<Record<string, string>> };
  /** Address of the folder that remembers how far the query is. */
  readonly checkpoint: string;
  /** `1 second` */
  readonly trigger: string;
  /** Tasks, and states, of the aggregation: those of a checkpoint cannot be changed. */
  readonly partitions: number;
}

/** What the query says of its last batch. */
export interface StreamProgress {
  readonly batch: number;
  /** Of each topic and partition: the offset after the last record that was read. */
  readonly endOffsets: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly recordsPerSecond: number;
  /** ISO 8601; what is older is late. Null before the second batch. */
  readonly watermark: string | null;
  /** Groups that are held. */
  readonly groups: number;
  /** Groups of a batch that were dropped as late, as Spark counts them. */
  readonly lateGroups: number;
}

export interface StreamingQuery extends AsyncDisposable {
  readonly id: string;
  /**
   * The last batch that ended, null before the first. Rejects with QUERY_FAILED when the query has
   * failed, with ENGINE_UNAVAILABLE when the server cannot be reached or does not know it any more.
   */
  progress(signal?: AbortSignal): Promise<StreamProgress | null>;
  /** Stops it on the server. Closing without stopping leaves it running. */
  stop(signal?: AbortSignal): Promise<void>;
}

/**
 * Starts the query; one that runs on the same checkpoint is replaced by it and goes on where that
 * one was.
 */
export async function startStream(
  options: SparkOptions,
  spec: StreamSpec,
  signal?: AbortSignal,
): Promise<StreamingQuery> {
  const { client, prepare } = connectSpark(options);
  const session: ServerSession = { id: randomUUID(), serverSideId: undefined };
  const run = (plan: Plan, ending?: AbortSignal) => answers(client, session, plan, ending);
  try {
    await prepare(session).catch((error) => fail(client, session, error));
    const properties = new Map([['spark.sql.shuffle.partitions', String(spec.partitions)]]);
    await client.setConfig(session, properties);
    await run(viewPlan('source', sourceOf(spec)), signal);
    await run(viewPlan('rows', lateAfter(spec)), signal);
    const id = idOf(await run(startPlan(spec), signal));
    return openQuery(client, run, id);
  } catch (error) {
    client.close();
    throw error;
  }
}

function openQuery(
  client: SparkClient,
  run: (plan: Plan, signal?: AbortSignal) => Promise<ExecutePlanResponse[]>,
  id: QueryId,
): StreamingQuery {
  const ask = async (command: QueryCommand, signal?: AbortSignal) => {
    const found = await run(queryPlan(id, command), signal);
    for (const { responseType } of found) {
      if (responseType.case === 'streamingQueryCommandResult') return responseType.value.resultType;
    }
    return undefined;
  };
  return {
    id: id.id,
    async progress(signal) {
      const status = await ask('status', signal);
      if (status?.case !== 'status' || !status.value.isActive) {
        const ended = await ask('exception', signal);
        const why = ended?.case === 'exception' ? ended.value.exceptionMessage : undefined;
        const [line = 'it has ended'] = (why ?? 'it has ended').split('\n');
        throw new IsobarError('QUERY_FAILED', `the streaming query: ${line}`);
      }
      const last = await ask('lastProgress', signal);
      const [json] = last?.case === 'recentProgress' ? last.value.recentProgressJson : [];
      return json === undefined ? null : parseProgress(json);
    },
    async stop(signal) {
      await ask('stop', signal);
    },
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

async function answers(
  client: SparkClient,
  session: ServerSession,
  plan: Plan,
  signal?: AbortSignal,
): Promise<ExecutePlanResponse[]> {
  const found: ExecutePlanResponse[] = [];
  const take = (answer: ExecutePlanResponse) => void found.push(answer);
  await client
    .execute(session, plan, take, signal)
    .catch((error) => fail(client, session, error, signal));
  return found;
}

async function fail(
  client: SparkClient,
  session: ServerSession,
  error: unknown,
  signal?: AbortSignal,
): Promise<never> {
  signal?.throwIfAborted();
  if (error instanceof IsobarError) throw error;
  const facts =
    session.serverSideId === undefined ? factsOf(error) : await client.factsOf(session, error);
  throw translate(error, facts, 'the streaming query');
}

interface QueryId {
  readonly id: string;
  readonly runId: string;
}

type QueryCommand = 'status' | 'lastProgress' | 'stop' | 'exception';

function idOf(found: readonly ExecutePlanResponse[]): QueryId {
  for (const { responseType } of found) {
    if (responseType.case !== 'writeStreamOperationStartResult') continue;
    const { queryId } = responseType.value;
    if (queryId !== undefined) return queryId;
  }
  throw new IsobarError('QUERY_FAILED', 'Spark did not name the streaming query');
}

function sourceOf({ source: { format, options } }: StreamSpec): Relation {
  const value = { format, options: { ...options } };
  const readType = { case: 'dataSource', value } as const;
  return { relType: { case: 'read', value: { readType, isStreaming: true } } };
}

function lateAfter({ rows: { sql, time, delay } }: StreamSpec): Relation {
  const value = { input: sqlRelation(sql), eventTime: time, delayThreshold: delay };
  return { relType: { case: 'withWatermark', value } };
}

function startPlan({ name, result, sink, checkpoint, trigger }: StreamSpec): Plan {
  const commandType = {
    case: 'writeStreamOperationStart',
    value: {
      input: sqlRelation(result),
      format: sink.format,
      options: { ...sink.options, checkpointLocation: checkpoint },
      outputMode: 'update',
      queryName: name,
      trigger: { case: 'processingTimeInterval', value: trigger },
    },
  } as const;
  return create(PlanSchema, { opType: { case: 'command', value: { commandType } } });
}

function queryPlan(queryId: QueryId, asked: QueryCommand): Plan {
  const { id, runId } = queryId;
  const commandType = {
    case: 'streamingQueryCommand',
    value: { queryId: { id, runId }, command: { case: asked, value: true } },
  } as const;
  return create(PlanSchema, { opType: { case: 'command', value: { commandType } } });
}

/** Spark's own JSON, of which missing parts count as nothing. */
export function parseProgress(json: string): StreamProgress {
  const { batchId, sources, eventTime, stateOperators, processedRowsPerSecond } = JSON.parse(
    json,
  ) as SparkProgress;
  const [source] = sources ?? [];
  const [state] = stateOperators ?? [];
  const watermark = eventTime?.watermark ?? null;
  return {
    batch: batchId ?? -1,
    endOffsets: offsetsOf(source?.endOffset ?? {}),
    recordsPerSecond: processedRowsPerSecond ?? 0,
    watermark: watermark?.startsWith('1970-01-01') ? null : watermark,
    groups: state?.numRowsTotal ?? 0,
    lateGroups: state?.numRowsDroppedByWatermark ?? 0,
  };
}

/** As an object, or as a text that holds one. */
function offsetsOf(given: StreamProgress['endOffsets'] | string): StreamProgress['endOffsets'] {
  return typeof given === 'string' ? JSON.parse(given) : given;
}

interface SparkProgress {
  readonly batchId?: number;
  readonly processedRowsPerSecond?: number;
  readonly eventTime?: { readonly watermark?: string };
  readonly sources?: readonly {
    readonly endOffset?: StreamProgress['endOffsets'] | string | null;
  }[];
  readonly stateOperators?: readonly {
    readonly numRowsTotal?: number;
    readonly numRowsDroppedByWatermark?: number;
  }[];
}
