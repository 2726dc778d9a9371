/** The optional step `stream`: a query on Spark over the log, and its sums for readers. */
import { selectFiles } from '../api/reader.ts';
import type { Config } from '../config/schema.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { STREAM_FOLDER } from '../lake/layout.ts';
import { readJson } from '../lake/read-json.ts';
import { holdRole, type Share } from '../leases/sharing.ts';
import { openKeyedTopic } from '../log/kafka-keyed.ts';
import { offsetsAt } from '../log/kafka-offsets.ts';
import { hoursTopicOf, topicOf } from '../log/open.ts';
import { hourKey } from '../model/hours.ts';
import type { SqlSession } from '../sql/engine.ts';
import { type StreamSpec, startStream } from '../sql/spark/streaming.ts';
import { hoursSql, ROWS_SQL, tableSql } from '../streaming/hours-query.ts';
import { kafkaOptions, kafkaProblems } from '../streaming/kafka-options.ts';
import { RecentHours } from '../streaming/recent-hours.ts';
import { type Offsets, reconcile, type TableSums } from '../streaming/reconcile.ts';
import { startStreamLoop } from '../streaming/stream-loop.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { nextOffset } from '../table/transactions.ts';
import { pause } from '../waiting.ts';
import { publishDetail } from './status-detail.ts';
import type { StepContext } from './steps.ts';
import type { Workspace } from './workspace.ts';

/** Changes with what the query computes: a checkpoint of another one cannot be gone on from. */
const FORMAT = 1;
const HOUR_MS = 3_600_000;
/** What the stream has read is landed by then, or is compared next time. */
const LANDING_MS = 15_000;
const LOOK_MS = 500;

/** Rejects with CONFIG_INVALID for a profile on which it cannot run. */
export function assertStreams({ streaming, log, analytics }: Config): void {
  if (!streaming.enabled) return;
  const problems = [
    ...(log.engine === 'kafka' ? [] : ['log.engine must be kafka']),
    ...(analytics.engine === 'spark' ? [] : ['analytics.engine must be spark']),
    ...kafkaProblems(log.kafka),
  ];
  if (problems.length === 0) return;
  const hint = 'see docs/streaming.md';
  throw new IsobarError('CONFIG_INVALID', `streaming.enabled: ${problems.join(', ')}; ${hint}`);
}

/** The sums of recent hours, read from the topic that the query writes to. */
export async function openRecentHours(
  { config, simulated, log }: Workspace,
  stack: AsyncDisposableStack,
): Promise<RecentHours> {
  const { kafka } = topicOf(config.log, simulated);
  // As many again as are in time, so that late observations are found.
  const hours = 2 * config.streaming.hours;
  const name = hoursTopicOf(kafka.topic);
  const topic = stack.use(await openKeyedTopic(kafka, name, hours));
  return new RecentHours({ topic, logId: (await log()).id, hours });
}

/** Runs the query while no other process does. */
export async function stream(context: StepContext): Promise<Share> {
  const { workspace, leases, logger, running } = context;
  return holdRole({ leases, role: 'stream', logger }, async (lease) => {
    await using stack = new AsyncDisposableStack();
    const hours = await openRecentHours(workspace, stack);
    const session = await workspace.session();
    const { spark } = workspace.config.analytics;
    let began: Offsets = [];
    const loop = startStreamLoop({
      async start(signal) {
        // Makes the topic that the query writes to.
        await hours.refresh(signal);
        began = await beginning(workspace);
        const spec = await specOf(workspace, began);
        return startStream(
          { ...spark, authorityFile: spark.tls_authority, timeoutSeconds: spark.timeout_s },
          spec,
          signal,
        );
      },
      async compare({ endOffsets, watermark }, signal) {
        await hours.refresh(signal);
        // As of now: they change while the landing is waited for.
        const sums = new Map(hours.sums);
        const [read = {}] = Object.values(endOffsets);
        const { partitionCount } = await workspace.log();
        const streamed = Array.from({ length: partitionCount }, (_, at) => read[at] ?? 0);
        const landed = await untilLanded(workspace, streamed, signal);
        return reconcile({
          stream: sums,
          table: await readTable(workspace, hours.since, streamed, session),
          streamed,
          landed,
          began,
          watermark: watermark === null ? 0 : Date.parse(watermark) / 1_000,
        });
      },
      logger,
    });
    running.streaming = loop;
    const unwatch = publishDetail(leases, lease, () => loop.status);
    stack.defer(async () => {
      unwatch();
      running.streaming = null;
      await loop.stop();
    });
    const owned = stack.move();
    return { stop: () => owned.disposeAsync() };
  });
}

/** The next offsets to land, once these have landed; or as they are when that takes too long. */
async function untilLanded(
  { observations, log }: Workspace,
  streamed: Offsets,
  signal: AbortSignal,
): Promise<Offsets> {
  const { id } = await log();
  for (const deadline = performance.now() + LANDING_MS; ; await pause(LOOK_MS, signal)) {
    signal.throwIfAborted();
    const state = await observations.refresh(signal);
    const landed = streamed.map((_, partition) => Number(nextOffset(state, id, partition)));
    const isThere = landed.every((offset, partition) => offset >= (streamed[partition] ?? 0));
    if (isThere || performance.now() > deadline) return landed;
  }
}

async function readTable(
  { observations, log }: Workspace,
  since: number,
  streamed: Offsets,
  session: SqlSession,
): Promise<ReadonlyMap<string, TableSums>> {
  const from = new Date(since * 1_000).toISOString();
  const { files } = observations.latest ?? (await observations.refresh());
  const selected = selectFiles(files, { cities: [], from, to: null });
  const paths = await observations.localPaths(selected);
  await session.define('observations', paths, OBSERVATION_COLUMNS);
  const { id } = await log();
  const rows = await session.query<TableSums>(tableSql(streamed), { since: from, log: id });
  return new Map(rows.map((row) => [hourKey(row), row]));
}

async function specOf(workspace: Workspace, began: Offsets): Promise<StreamSpec> {
  const { config, simulated, storage } = workspace;
  const { kafka } = topicOf(config.log, simulated);
  const { id } = await workspace.log();
  const { hours, trigger_s, records_max, partitions } = config.streaming;
  const offsets = Object.fromEntries(began.map((offset, partition) => [partition, offset]));
  const reaching = kafkaOptions(kafka);
  return {
    name: `isobar ${kafka.topic}`,
    source: {
      format: 'kafka',
      options: {
        ...reaching,
        subscribe: kafka.topic,
        startingOffsets: JSON.stringify({ [kafka.topic]: offsets }),
        // What retention removed is missing in the sums, and found by the comparison.
        failOnDataLoss: 'false',
        maxOffsetsPerTrigger: String(records_max),
      },
    },
    rows: { sql: ROWS_SQL, time: 'observed_at', delay: `${hours} hours` },
    result: hoursSql(id),
    sink: {
      format: 'kafka',
      options: {
        ...reaching,
        topic: hoursTopicOf(kafka.topic),
        'kafka.enable.idempotence': 'true',
      },
    },
    checkpoint: storage.address(`${folderOf(id)}/checkpoint`),
    trigger: `${trigger_s} seconds`,
    partitions,
  };
}

function folderOf(logId: string): string {
  return `${STREAM_FOLDER}/${logId}-${FORMAT}`;
}

/** With which offsets the stream of this log began: decided once, and kept in the lake. */
async function beginning(workspace: Workspace): Promise<Offsets> {
  const { config, simulated, storage } = workspace;
  const path = `${folderOf((await workspace.log()).id)}/began.json`;
  const known = await readBeginning(storage, path);
  if (known !== null) return known;
  const { kafka } = topicOf(config.log, simulated);
  const since = new Date(Date.now() - config.streaming.hours * HOUR_MS);
  const offsets = await offsetsAt(kafka, since);
  try {
    await storage.putIfAbsent(path, Buffer.from(`${JSON.stringify({ offsets })}\n`));
    return offsets;
  } catch (error) {
    if (!isErrorCode(error, 'LAKE_EXISTS')) throw error;
    return (await readBeginning(storage, path)) ?? offsets;
  }
}

async function readBeginning(storage: Workspace['storage'], path: string): Promise<Offsets | null> {
  const value = await readJson(storage, path);
  if (value === undefined) return null;
  const { offsets } = (value ?? {}) as { readonly offsets?: unknown };
  if (Array.isArray(offsets) && offsets.every((one) => Number.isSafeInteger(one) && one >= 0)) {
    return offsets;
  }
  throw new IsobarError('TABLE_CORRUPT', `${path}: it does not hold the offsets of the stream`);
}
