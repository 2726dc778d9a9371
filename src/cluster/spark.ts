/** Spark: a master with workers, and a Spark Connect server that gives them work. */
import { join } from 'node:path';
import { jvmOptions, log4j2Text, propertiesText } from './java.ts';
import type { ServiceSpec } from './service.ts';
import {
  type SparkSecurity,
  securedConnectProperties,
  securedJvm,
  securedProperties,
} from './spark-security.ts';

export interface SparkOptions {
  readonly distribution: string;
  readonly connectPort: number;
  /** Null: the Connect server computes by itself, in two threads. */
  readonly master: { readonly port: number; readonly http: number } | null;
  readonly workers: readonly { readonly http: number }[];
  /** Workers beyond these are spare: they join when they are started by name. */
  readonly workersAtStart: number;
  readonly uiPort: number;
  /** `spark.*` properties, such as where HDFS is. */
  readonly properties: Readonly<Record<string, string>>;
  /** The user whose files Spark writes on HDFS. */
  readonly user: string;
  readonly heapMib: number;
  /** Logins and encryption; null for neither. */
  readonly security?: SparkSecurity | null;
}

const PROPERTIES = 'spark.properties';

/** What Spark needs of Java 17: its own list, from `JavaModuleOptions`. */
const OPENED = [
  'java.base/java.lang',
  'java.base/java.lang.invoke',
  'java.base/java.lang.reflect',
  'java.base/java.io',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/jdk.internal.ref',
  'java.base/sun.nio.ch',
  'java.base/sun.nio.cs',
  'java.base/sun.security.action',
  'java.base/sun.util.calendar',
  'java.security.jgss/sun.security.krb5',
];

export const MODULE_OPTIONS = [
  '--add-modules=jdk.incubator.vector',
  '-XX:+IgnoreUnrecognizedVMOptions',
  ...OPENED.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
  '-Djdk.reflect.useDirectMethodHandle=false',
  '-Dio.netty.tryReflectionSetAccessible=true',
];

/** The services in the order of their start; those of one group may start together. */
export function sparkServices(options: SparkOptions): ServiceSpec[][] {
  const { master, workers, workersAtStart } = options;
  if (master === null) return [[connectServer(options, 'local[2]')]];
  const url = `spark://127.0.0.1:${master.port}`;
  const all = workers.map((_, at) => worker(options, at, url));
  return [
    [sparkMaster(options, master)],
    all.slice(0, workersAtStart),
    [connectServer(options, url)],
    all.slice(workersAtStart),
  ].filter((group) => group.length > 0);
}

function sparkMaster(
  options: SparkOptions,
  { port, http }: { readonly port: number; readonly http: number },
): ServiceSpec {
  const pages = pagesOf(options, http);
  const args = ['--host', '127.0.0.1', '--port', String(port), ...pages.args];
  return {
    name: 'spark-master',
    // Else its pages are open to other machines.
    env: { SPARK_LOCAL_IP: '127.0.0.1' },
    files: { 'log4j2.properties': log4j2Text(), ...pages.files },
    args: java(options, 192, [], 'org.apache.spark.deploy.master.Master', args),
    ready: async (probe) =>
      options.security
        ? probe.listens(http)
        : (await probe.get(`http://127.0.0.1:${http}/json/`)) !== null,
  };
}

/** Arguments and files for the pages of a master or a worker. */
function pagesOf({ security }: SparkOptions, http: number) {
  if (!security) return { args: ['--webui-port', String(http)], files: {} };
  const properties = securedProperties(security, 'standalone', http);
  return {
    args: ['--webui-port', '0', '--properties-file', PROPERTIES],
    files: { [PROPERTIES]: propertiesText(properties) },
  };
}

function worker(options: SparkOptions, at: number, url: string): ServiceSpec {
  const { workers, workersAtStart, distribution, user } = options;
  const http = workers[at]?.http ?? 0;
  const resources = ['--cores', '2', '--memory', `${options.heapMib}m`, '--work-dir', 'data'];
  const pages = pagesOf(options, http);
  const args = ['--host', '127.0.0.1', ...resources, ...pages.args, url];
  return {
    name: `spark-worker-${at + 1}`,
    spare: at >= workersAtStart,
    // A worker takes its executors' classes from `jars` of this folder.
    env: {
      SPARK_HOME: distribution,
      // Else it looks for a source tree of Spark to find out.
      SPARK_SCALA_VERSION: '2.13',
      HADOOP_USER_NAME: user,
      SPARK_LOCAL_IP: '127.0.0.1',
    },
    files: { 'log4j2.properties': log4j2Text(), ...pages.files },
    args: java(options, 192, [], 'org.apache.spark.deploy.worker.Worker', args),
    async ready(probe) {
      if (!(await probe.said('Successfully registered with master'))) return false;
      if (options.security) return true;
      return (await probe.get(`http://127.0.0.1:${http}/json/`)) !== null;
    },
  };
}

function connectServer(options: SparkOptions, url: string): ServiceSpec {
  const { connectPort, uiPort, distribution, user, heapMib, security } = options;
  const properties: Record<string, string> = {
    'spark.app.name': 'isobar',
    'spark.master': url,
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.connect.grpc.binding.address': '127.0.0.1',
    'spark.connect.grpc.binding.port': String(connectPort),
    'spark.ui.port': String(uiPort),
    'spark.executor.memory': `${Math.round(heapMib * 0.7)}m`,
    'spark.sql.shuffle.partitions': '4',
    // Delta reads the log of a table in 50 tasks otherwise.
    'spark.databricks.delta.snapshotPartitions': '2',
    'spark.connect.progress.reportInterval': '250ms',
    'spark.sql.session.timeZone': 'UTC',
    'spark.sql.parquet.outputTimestampType': 'TIMESTAMP_MICROS',
    'spark.sql.warehouse.dir': 'data/warehouse',
    'spark.executor.extraClassPath': join(distribution, 'classes'),
    'spark.sql.extensions': 'io.delta.sql.DeltaSparkSessionExtension',
    'spark.sql.catalog.spark_catalog': 'org.apache.spark.sql.delta.catalog.DeltaCatalog',
    ...options.properties,
  };
  const env = { HADOOP_USER_NAME: user, SPARK_LOCAL_IP: '127.0.0.1' };
  if (security) {
    const secured = {
      ...properties,
      ...securedProperties(security, 'ui', uiPort),
      ...securedConnectProperties(security, connectPort),
    };
    const jvm = ['-Duser.timezone=UTC', ...securedJvm(security)];
    return {
      name: 'spark-connect',
      env,
      files: { 'log4j2.properties': log4j2Text(), [PROPERTIES]: propertiesText(secured) },
      args: java(options, heapMib, jvm, 'isobar.ConnectServer', [PROPERTIES]),
      ready: (probe) => probe.said('Spark Connect serves with TLS'),
    };
  }
  const settings = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
  return {
    name: 'spark-connect',
    env,
    files: { 'log4j2.properties': log4j2Text() },
    args: java(
      options,
      heapMib,
      [...settings, '-Duser.timezone=UTC'],
      'org.apache.spark.sql.connect.service.SparkConnectServer',
      [],
    ),
    ready: (probe) => probe.listens(connectPort),
  };
}

function java(
  { distribution }: SparkOptions,
  heapMib: number,
  settings: readonly string[],
  main: string,
  args: readonly string[],
): string[] {
  const classpath = `${join(distribution, 'classes')}:${join(distribution, 'lib', '*')}`;
  return [
    ...jvmOptions(heapMib),
    '-Dlog4j2.configurationFile=log4j2.properties',
    ...MODULE_OPTIONS,
    ...settings,
    '-cp',
    classpath,
    main,
    ...args,
  ];
}
