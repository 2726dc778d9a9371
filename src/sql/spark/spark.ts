/**
 * The engine for what one machine cannot hold: Spark, through Spark Connect. It reads and writes
 * files by their addresses in the lake itself; this machine only asks.
 */
import { IsobarError } from '../../errors.ts';
import type { EngineFacts, Progress, SqlEngine } from '../engine.ts';
import { type ServerSession, SparkClient } from './client.ts';
import { parseProperties } from './properties.ts';
import { openSparkSession } from './session.ts';

export interface SparkOptions {
  /** `sc://host:port` */
  readonly address: string;
  /** Empty for none. */
  readonly token: string;
  readonly user: string;
  readonly authorityFile?: string;
  readonly timeoutSeconds: number;
  /** `spark.name=value, …` */
  readonly properties: string;
}

/** What makes both engines give the same answer to one text. */
const COMMON_PROPERTIES: ReadonlyMap<string, string> = new Map([
  ['spark.sql.session.timeZone', 'UTC'],
  ['spark.sql.ansi.enabled', 'true'],
  ['spark.sql.ansi.doubleQuotedIdentifiers', 'true'],
  ['spark.sql.parquet.outputTimestampType', 'TIMESTAMP_MICROS'],
  // The reader of Arrow has no codec.
  ['spark.sql.execution.arrow.compression.codec', 'none'],
  ['spark.sql.timestampType', 'TIMESTAMP_LTZ'],
  // A view of many files is made by looking at each, not by a job.
  ['spark.sql.sources.parallelPartitionDiscovery.threshold', '1000'],
  ['mapreduce.fileoutputcommitter.marksuccessfuljobs', 'false'],
]);

/** Shown beside the configured ones. */
const SHOWN_PROPERTIES = [
  'spark.master',
  'spark.app.id',
  'spark.driver.memory',
  'spark.executor.memory',
  'spark.executor.cores',
  'spark.executor.instances',
  'spark.cores.max',
  'spark.dynamicAllocation.enabled',
  'spark.dynamicAllocation.maxExecutors',
  'spark.sql.shuffle.partitions',
];

/** Resolves without asking the server: the first statement rejects when it is unreachable. */
export function openSparkEngine(options: SparkOptions): SqlEngine {
  let facts: EngineFacts = { version: null, properties: {} };
  let progress: Progress | null = null;
  const { client, prepare, shown } = connectSpark(options);

  async function prepareAndAsk(session: ServerSession): Promise<void> {
    await prepare(session);
    const version = await client.version(session);
    const inEffect = await client.getConfig(session, shown);
    facts = { version, properties: Object.fromEntries([...inEffect].sort()) };
  }

  return {
    name: 'spark',
    reach: 'lake',
    get facts() {
      return facts;
    },
    get progress() {
      return progress;
    },
    memory: async () => null,
    async session() {
      return openSparkSession({
        client,
        prepare: prepareAndAsk,
        onProgress: (now) => {
          progress = now;
        },
      });
    },
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

/** A connection that is made with the first call; `prepare` gives a new session its properties. */
export function connectSpark(options: SparkOptions) {
  const configured = parseProperties(options.properties);
  const client = new SparkClient({
    address: options.address,
    token: options.token,
    user: options.user,
    authorityFile: options.authorityFile ?? '',
    timeoutMs: options.timeoutSeconds * 1_000,
  });
  return {
    client,
    prepare: (session: ServerSession) => setProperties(client, session, configured),
    shown: [...new Set([...SHOWN_PROPERTIES, ...configured.keys()])],
  };
}

/** What only a start of Spark can change must be so already: nothing is ignored in silence. */
async function setProperties(
  client: SparkClient,
  session: ServerSession,
  configured: ReadonlyMap<string, string>,
): Promise<void> {
  const modifiable = await client.modifiable(session, [...configured.keys()]);
  const fixed = [...configured].filter(([name]) => !modifiable.has(name));
  const inEffect =
    fixed.length === 0 ? new Map() : await client.getConfig(session, configuredNames(fixed));
  for (const [name, value] of fixed) {
    const actual = inEffect.get(name);
    if (actual === value) continue;
    throw new IsobarError(
      'CONFIG_INVALID',
      `analytics.spark.properties: ${name} is ${actual ?? 'not set'} in the running Spark and ` +
        `can only be changed by its start (wanted: ${value})`,
    );
  }
  const free = [...configured].filter(([name]) => modifiable.has(name));
  await client.setConfig(session, new Map([...free, ...COMMON_PROPERTIES]));
}

function configuredNames(pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.map(([name]) => name);
}
