/** The plan of a cluster: which services, on which ports, in which order, and where they are met. */
import { userInfo } from 'node:os';
import { alertmanagerService } from './alertmanager.ts';
import type { Distribution } from './artifacts.ts';
import type { DebianProgram } from './debian.ts';
import { clientProperties, type HdfsOptions, hdfsServices } from './hdfs.ts';
import { kafka39Service, kafkaServices } from './kafka.ts';
import { openSearchService } from './opensearch.ts';
import type { Ports } from './ports.ts';
import { prometheusService } from './prometheus.ts';
import { redisService } from './redis.ts';
import type { ServiceSpec } from './service.ts';
import { sparkServices } from './spark.ts';
import { zookeeperService } from './zookeeper.ts';

export const KINDS = [
  ...(['kafka', 'kafka39', 'hdfs', 'spark', 'zookeeper'] as const),
  ...(['redis', 'opensearch', 'prometheus', 'alertmanager'] as const),
] as const;
export type Kind = (typeof KINDS)[number];

/** Those that need neither Java nor Maven. */
export const WITHOUT_JAVA: readonly Kind[] = ['redis', 'prometheus', 'alertmanager'];

/** What `isobar cluster up` starts when nothing is named. */
export const DEFAULT_KINDS: readonly Kind[] = ['kafka', 'hdfs', 'spark'];

export interface PlanOptions {
  readonly kinds: readonly Kind[];
  /** Three brokers, two NameNodes, two workers instead of one of each. */
  readonly ha: boolean;
  /** Spark without master and workers. */
  readonly sparkLocal: boolean;
  readonly sparkHeapMib?: number | undefined;
  readonly ports: Ports;
  /** The folder of a distribution, brought when it is not there. */
  readonly resolve: (distribution: Distribution) => Promise<string>;
  /** What Prometheus watches; needed with it only. */
  readonly watched?: Watched | undefined;
  /** A program that Debian packages. */
  readonly resolveProgram: (program: string, debianPackage: string) => Promise<DebianProgram>;
}

export interface Watched {
  /** `host:port` of a server of isobar. */
  readonly target: string;
  /** Alert rules, as a file of Prometheus has them. */
  readonly rules: string;
}

/** Where the services are met. */
export interface Addresses {
  readonly kafka?: {
    readonly brokers: string;
    /** Where a proxy in front of each broker may listen, and where it leads to. */
    readonly proxies: readonly { readonly from: number; readonly to: number }[];
  };
  readonly kafka39?: { readonly brokers: string };
  readonly hdfs?: {
    readonly namenodes: string;
    readonly address: string;
    /** HTTP addresses; empty without high availability. */
    readonly journalNodes: string;
    /** What Hadoop's own clients need. */
    readonly properties: Readonly<Record<string, string>>;
  };
  readonly spark?: {
    readonly address: string;
    readonly ui: string;
    readonly master: string | null;
  };
  readonly zookeeper?: { readonly address: string };
  readonly redis?: { readonly url: string };
  readonly prometheus?: { readonly url: string };
  readonly alertmanager?: { readonly url: string };
  readonly opensearch?: { readonly url: string };
}

export interface Plan {
  /** Groups in the order of their start; the services of one may start together. */
  readonly groups: readonly (readonly ServiceSpec[])[];
  readonly addresses: Addresses;
}

const KAFKA_HEAP_MIB = 640;
const KAFKA_HA_HEAP_MIB = 384;
const SPARK_HEAP_MIB = 1_280;
const SCRAPE_S = 5;
const HOST = '127.0.0.1';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export async function planCluster(options: PlanOptions): Promise<Plan> {
  const { kinds, ha, ports, resolve } = options;
  const groups: ServiceSpec[][] = [];
  const addresses: Mutable<Addresses> = {};
  const has = (kind: Kind) => kinds.includes(kind);

  let zookeeperPort: number | null = null;
  if (has('zookeeper') || has('kafka39') || (has('hdfs') && ha)) {
    zookeeperPort = await ports.of('zookeeper');
    const distribution = await resolve(has('hdfs') ? 'hadoop' : 'kafka39');
    groups.push([zookeeperService({ distribution, port: zookeeperPort })]);
    addresses.zookeeper = { address: `${HOST}:${zookeeperPort}` };
  }
  if (has('kafka')) {
    const names = ['port', 'controllerPort', 'proxiedPort', 'proxyPort'] as const;
    const nodes = await portsOf(ports, 'kafka', ha ? 3 : 1, names);
    const distribution = await resolve('kafka');
    const heapMib = ha ? KAFKA_HA_HEAP_MIB : KAFKA_HEAP_MIB;
    groups.push(kafkaServices({ distribution, nodes, heapMib }));
    addresses.kafka = {
      brokers: nodes.map(({ port }) => `${HOST}:${port}`).join(','),
      proxies: nodes.map(({ proxiedPort, proxyPort }) => ({ from: proxyPort, to: proxiedPort })),
    };
  }
  if (has('kafka39') && zookeeperPort !== null) {
    const port = await ports.of('kafka39');
    const distribution = await resolve('kafka39');
    groups.push([
      kafka39Service({ distribution, port, zookeeperPort, heapMib: KAFKA_HA_HEAP_MIB }),
    ]);
    addresses.kafka39 = { brokers: `${HOST}:${port}` };
  }
  if (has('hdfs')) {
    const hdfs = await planHdfs(options, zookeeperPort);
    groups.push(...hdfsServices(hdfs));
    const properties = clientProperties(hdfs);
    addresses.hdfs = {
      namenodes: hdfs.nameNodes.map(({ http }) => `http://${HOST}:${http}`).join(','),
      address: properties['fs.defaultFS'] ?? '',
      journalNodes: hdfs.journalNodes.map(({ http }) => `http://${HOST}:${http}`).join(','),
      properties,
    };
  }
  if (has('spark')) await planSpark(options, groups, addresses);
  if (has('redis')) {
    const port = await ports.of('redis');
    const program = await options.resolveProgram('redis-server', 'redis-server');
    groups.push([redisService({ program, port })]);
    addresses.redis = { url: `redis://${HOST}:${port}` };
  }
  await planWatching(options, groups, addresses);
  if (has('opensearch')) {
    const [http, transport] = [await ports.of('opensearch'), await ports.of('opensearch.nodes')];
    const distribution = await resolve('opensearch');
    groups.push([openSearchService({ distribution, http, transport })]);
    addresses.opensearch = { url: `http://${HOST}:${http}` };
  }
  return { groups, addresses };
}

/** The Alertmanager first, so that Prometheus finds it. */
async function planWatching(
  { kinds, ports, watched, resolveProgram }: PlanOptions,
  groups: ServiceSpec[][],
  addresses: Mutable<Addresses>,
): Promise<void> {
  let alertmanagerPort: number | null = null;
  if (kinds.includes('alertmanager')) {
    const port = await ports.of('alertmanager');
    const program = await resolveProgram('prometheus-alertmanager', 'prometheus-alertmanager');
    groups.push([await alertmanagerService({ program, port })]);
    addresses.alertmanager = { url: `http://${HOST}:${port}` };
    alertmanagerPort = port;
  }
  if (kinds.includes('prometheus') && watched !== undefined) {
    const port = await ports.of('prometheus');
    const program = await resolveProgram('prometheus', 'prometheus');
    const intervalSeconds = SCRAPE_S;
    groups.push([
      prometheusService({ program, port, ...watched, alertmanagerPort, intervalSeconds }),
    ]);
    addresses.prometheus = { url: `http://${HOST}:${port}` };
  }
}

async function planHdfs(options: PlanOptions, zookeeperPort: number | null): Promise<HdfsOptions> {
  const { ha, ports, resolve } = options;
  return {
    distribution: await resolve('hadoop'),
    nameNodes: await portsOf(ports, 'namenode', ha ? 2 : 1, ['rpc', 'http', 'controller']),
    dataNodes: await portsOf(ports, 'datanode', 3, ['data', 'http', 'ipc']),
    dataNodesAtStart: 2,
    journalNodes: ha ? await portsOf(ports, 'journalnode', 3, ['rpc', 'http']) : [],
    zookeeperPort,
  };
}

async function planSpark(
  options: PlanOptions,
  groups: ServiceSpec[][],
  addresses: Mutable<Addresses>,
): Promise<void> {
  const { ha, ports, resolve, sparkLocal, sparkHeapMib = SPARK_HEAP_MIB } = options;
  const [master = null] = sparkLocal
    ? []
    : await portsOf(ports, 'spark-master', 1, ['port', 'http']);
  const connectPort = await ports.of('spark-connect');
  const uiPort = await ports.of('spark-ui');
  const hadoop = Object.entries(addresses.hdfs?.properties ?? {});
  groups.push(
    ...sparkServices({
      distribution: await resolve('spark'),
      connectPort,
      master,
      workers: await portsOf(ports, 'spark-worker', ha ? 3 : 2, ['http']),
      workersAtStart: ha ? 2 : 1,
      uiPort,
      properties: Object.fromEntries(
        hadoop.map(([name, value]) => [`spark.hadoop.${name}`, value]),
      ),
      user: userInfo().username,
      heapMib: sparkHeapMib,
    }),
  );
  addresses.spark = {
    address: `sc://${HOST}:${connectPort}`,
    ui: `http://${HOST}:${uiPort}`,
    master: master === null ? null : `http://${HOST}:${master.http}`,
  };
}

/** `count` nodes with a port for each of the names. */
async function portsOf<const N extends string>(
  ports: Ports,
  node: string,
  count: number,
  names: readonly N[],
): Promise<Record<N, number>[]> {
  const nodes: Record<N, number>[] = [];
  for (let at = 1; at <= count; at += 1) {
    const own: Partial<Record<N, number>> = {};
    for (const name of names) own[name] = await ports.of(`${node}-${at}.${name}`);
    nodes.push(own as Record<N, number>);
  }
  return nodes;
}
