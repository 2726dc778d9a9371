/** What else brings a Kafka topic into files, each at its best settings. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { resolveDistribution, resolvePom } from '../../src/cluster/artifacts.ts';
import { log4j2Text, propertiesText } from '../../src/cluster/java.ts';
import { MODULE_OPTIONS } from '../../src/cluster/spark.ts';
import { type PeerRun, runPeer } from './run-peer.ts';

export interface PeerContext {
  readonly brokers: string;
  readonly topic: string;
  readonly records: number;
  /** Of all values. */
  readonly bytes: number;
  readonly namenode: string;
  readonly hdfs: string;
  /** For what the peers keep on this machine. */
  readonly folder: string;
  readonly cache: string;
  /** A port for a REST server that is not used. */
  readonly port: number;
}

export interface IcebergSettings {
  readonly commitMs: number;
  readonly tasks: number;
}

const QUIET = { 'log4j2.properties': log4j2Text() };
const LOGGING = '-Dlog4j2.configurationFile=log4j2.properties';

/** Kafka's own reader, which throws away what it reads: the limit. */
export async function runConsumerTest(context: PeerContext): Promise<PeerRun> {
  const kafka = await resolveDistribution('kafka', context.cache);
  return runPeer({
    folder: join(context.folder, 'consumer'),
    files: QUIET,
    command: [
      'java',
      '-Xmx512m',
      LOGGING,
      '-cp',
      join(kafka, 'lib', '*'),
      'org.apache.kafka.tools.ConsumerPerformance',
      '--bootstrap-server',
      context.brokers,
      '--topic',
      context.topic,
      '--messages',
      String(context.records),
      '--timeout',
      '60000',
    ],
    begins: /Setting offset|Resetting offset|to offset/i,
    isDone: null,
  });
}

/** Kafka Connect's file sink: lines in one file on this machine, with no guarantee. */
export async function runFileSink(context: PeerContext): Promise<PeerRun> {
  const kafka = await resolveDistribution('kafka', context.cache);
  const folder = join(context.folder, 'file-sink');
  const plugins = join(folder, 'plugins', 'file');
  mkdirSync(plugins, { recursive: true });
  symlinkSync(join(kafka, 'lib', 'connect-file-4.1.2.jar'), join(plugins, 'connect-file.jar'));
  const file = join(folder, 'sink.txt');
  const converter = 'org.apache.kafka.connect.storage.StringConverter';
  return runConnect(context, folder, converter, {
    connector: {
      name: 'file-sink',
      'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
      'tasks.max': 2,
      topics: context.topic,
      file,
    },
    isDone: async () => {
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      return size === context.bytes + context.records;
    },
  });
}

/** The Iceberg sink: Parquet on HDFS, exactly once, with the settings given. */
export async function runIcebergSink(
  context: PeerContext,
  { commitMs, tasks }: IcebergSettings,
): Promise<PeerRun> {
  const iceberg = await resolvePom(join(import.meta.dirname, 'iceberg'), context.cache);
  const name = `iceberg-${commitMs}-${tasks}`;
  const folder = join(context.folder, name);
  mkdirSync(join(folder, 'plugins'), { recursive: true });
  // The sink does not make the topic on which its tasks agree.
  const admin = new Admin({ clientId: 'bench', bootstrapBrokers: context.brokers.split(',') });
  await admin.createTopics({ topics: [`control-${name}`], partitions: 1, replicas: 1 });
  await admin.close();
  symlinkSync(join(iceberg, 'lib'), join(folder, 'plugins', 'iceberg'));
  const converter = 'org.apache.kafka.connect.json.JsonConverter';
  return runConnect(context, folder, converter, {
    connector: {
      name,
      'connector.class': 'org.apache.iceberg.connect.IcebergSinkConnector',
      'tasks.max': tasks,
      topics: context.topic,
      'value.converter.schemas.enable': false,
      'iceberg.tables': 'bench.observations',
      'iceberg.tables.auto-create-enabled': true,
      'iceberg.tables.evolve-schema-enabled': false,
      'iceberg.catalog.type': 'hadoop',
      'iceberg.catalog.warehouse': `${context.hdfs}/${name}`,
      'iceberg.control.topic': `control-${name}`,
      'iceberg.control.commit.interval-ms': commitMs,
    },
    isDone: async () => (await icebergRows(context.namenode, name)) === context.records,
  });
}

/** The rows that the table's newest version counts, as its metadata on HDFS say. */
async function icebergRows(namenode: string, warehouse: string): Promise<number> {
  const folder = `${namenode}/webhdfs/v1/${warehouse}/bench/observations/metadata`;
  const hint = await fetch(`${folder}/version-hint.text?op=OPEN`);
  if (!hint.ok) return 0;
  const answer = await fetch(`${folder}/v${(await hint.text()).trim()}.metadata.json?op=OPEN`);
  if (!answer.ok) return 0;
  const metadata = (await answer.json()) as {
    'current-snapshot-id': number;
    snapshots: { 'snapshot-id': number; summary: Record<string, string> }[];
  };
  const newest = metadata.snapshots.at(-1);
  return Number(newest?.summary['total-records'] ?? 0);
}

interface ConnectPeer {
  readonly connector: Readonly<Record<string, string | number | boolean>>;
  readonly isDone: () => Promise<boolean>;
}

async function runConnect(
  context: PeerContext,
  folder: string,
  converter: string,
  { connector, isDone }: ConnectPeer,
): Promise<PeerRun> {
  const kafka = await resolveDistribution('kafka', context.cache);
  const worker = {
    'bootstrap.servers': context.brokers,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': converter,
    'value.converter.schemas.enable': false,
    'offset.storage.file.filename': join(folder, 'offsets'),
    // A task that waits for records looks at nothing else (a commit, say) in this time.
    'offset.flush.interval.ms': 500,
    'plugin.path': join(folder, 'plugins'),
    listeners: `http://127.0.0.1:${context.port}`,
    'consumer.auto.offset.reset': 'earliest',
    'consumer.max.poll.records': 5_000,
    'consumer.fetch.min.bytes': 1_048_576,
  };
  return runPeer({
    folder,
    files: {
      ...QUIET,
      'worker.properties': propertiesText(worker),
      'connector.properties': propertiesText(connector),
    },
    command: [
      'java',
      '-Xmx1g',
      LOGGING,
      '-cp',
      join(kafka, 'lib', '*'),
      'org.apache.kafka.connect.cli.ConnectStandalone',
      'worker.properties',
      'connector.properties',
    ],
    begins: /Resetting offset for partition|Setting offset for partition/,
    isDone,
  });
}

/** Spark Structured Streaming: Parquet on HDFS, exactly once, two threads; cold, then warm. */
export async function runSparkStreaming(
  context: PeerContext,
  schema: string,
): Promise<PeerRun & { readonly coldMs: number; readonly warmMs: number }> {
  const spark = await resolveDistribution('spark', context.cache);
  const folder = join(context.folder, 'spark-streaming');
  mkdirSync(folder, { recursive: true });
  const source = join(import.meta.dirname, 'spark', 'StreamToParquet.java');
  execFileSync('javac', ['-nowarn', '-d', folder, '-cp', join(spark, 'lib', '*'), source]);
  const target = `${context.hdfs}/spark-streaming`;
  const run = await runPeer({
    folder,
    files: QUIET,
    command: [
      'java',
      '-Xmx1500m',
      LOGGING,
      ...MODULE_OPTIONS,
      '-Dspark.master=local[2]',
      '-Dspark.app.name=peer',
      '-Dspark.driver.host=127.0.0.1',
      '-Dspark.ui.enabled=false',
      '-Dspark.sql.session.timeZone=UTC',
      '-Dspark.sql.parquet.compression.codec=zstd',
      '-cp',
      `${folder}:${join(spark, 'lib', '*')}`,
      'StreamToParquet',
      context.brokers,
      context.topic,
      target,
      schema,
    ],
    begins: /PEER started/,
    isDone: null,
  });
  const number = (pattern: RegExp) => Number(pattern.exec(run.output)?.[1] ?? Number.NaN);
  if (number(/PEER rows (\d+)/) !== context.records) throw new Error('rows are missing');
  return { ...run, coldMs: number(/PEER cold (\d+)/), warmMs: number(/PEER warm (\d+)/) };
}
