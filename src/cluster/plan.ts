/** The plan of a cluster: which services, on which ports, in which order, and where they are met. */
import { userInfo } from 'node:os';
import { alertmanagerService } from './alertmanager.ts';
import type { Distribution } from './artifacts.ts';
import type { DebianProgram } from './debian.ts';
import { clientProperties, type HdfsOptions, hdfsServices, pagesOf } from './hdfs.ts';
import { hdfsSecurity } from './hdfs-security.ts';
import { kafka39Service, kafkaSecurity, kafkaServices } from './kafka.ts';
import { openSearchSecurity, openSearchService } from './opensearch.ts';
import type { Ports } from './ports.ts';
import { prometheusService, type TargetTls } from './prometheus.ts';
import { redisSecurity, redisService } from './redis.ts';
import { SECURED_HOST, type Security } from './security.ts';
import type { ServiceSpec } from './service.ts';
import { sparkServices } from './spark.ts';
import { sparkSecurity } from './spark-security.ts';
import { zookeeperService } from './zookeeper.ts';

export const KINDS = [
  ...(['kafka', 'kafka39', 'hdfs', 'spark', 'zookeeper'] as const),
  ...(['redis', 'opensearch', 'prometheus', 'alertmanager'] as const),
] as const;
export type Kind = (typeof KINDS)[number];

/** Those that need neither Java nor Maven. */
export const WITHOUT_JAVA: readonly Kind[] = ['redis', 'prometheus', 'alertmanager'];

/** Those that can be secured. */
export const SECURED: readonly Kind[] = [
  ...(['kafka', 'hdfs', 'spark', 'zookeeper', 'redis', 'opensearch'] as const),
];

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
  /** Makes encryption, logins and permissions; null for none. */
  readonly secure?: ((port: number, kdc: DebianProgram) => Promise<Security>) | null;
  /** A program that Debian packages. */
  readonly resolveProgram: (program: string, debianPackage: string) => Promise<DebianProgram>;
}

export interface Watched {
  /** `host:port` of a server of isobar. */
  readonly target: string;
  /** How it is asked by HTTPS; null for plain HTTP. */
  readonly tls: TargetTls | null;
  /** Alert rules, as a file of Prometheus has them. */
  readonly rules: string;
}

/** Of `isobar` at each service, which is its token at Spark, and of Kafka's administrator. */
const PASSWORDS = ['kafka', 'kafka-admin', 'redis', 'opensearch', 'spark'] as const;
export type PasswordName = (typeof PASSWORDS)[number];

/** Where the services are met. */
export interface Addresses {
  /** Absent where they are open. */
  readonly security?: {
    /** PEM file of the authority that signed the certificates. */
    readonly authority: string;
    /** krb5.conf, and the keys of `isobar`. */
    readonly kerberosConfig: string;
    readonly keytab: string;
    readonly passwordFiles: Readonly<Record<PasswordName, string>>;
  };
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
const HOST = '127.0.0.1';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export async function planCluster(options: PlanOptions): Promise<Plan> {
  const { kinds, ha, ports, resolve } = options;
  const groups: ServiceSpec[][] = [];
  const addresses: Mutable<Addresses> = {};
  const has = (kind: Kind) => kinds.includes(kind);

  const security = await planSecurity(options, groups, addresses);
  const host = security === null ? HOST : SECURED_HOST;
  let zookeeperPort: number | null = null;
  if (has('zookeeper') || has('kafka39') || (has('hdfs') && ha)) {
    zookeeperPort = await ports.of('zookeeper');
    const distribution = await resolve(has('hdfs') ? 'hadoop' : 'kafka39');
    const tls = security && {
      ...(await security.certify('zookeeper')),
      authority: security.authority,
    };
    groups.push([zookeeperService({ distribution, port: zookeeperPort, tls })]);
    addresses.zookeeper = { address: `${host}:${zookeeperPort}` };
  }
  if (has('kafka')) {
    const names = ['port', 'controllerPort', 'proxiedPort', 'proxyPort'] as const;
    const nodes = await portsOf(ports, 'kafka', ha ? 3 : 1, names);
    const distribution = await resolve('kafka');
    const heapMib = ha ? KAFKA_HA_HEAP_MIB : KAFKA_HEAP_MIB;
    groups.push(
      kafkaServices({
        ...{ distribution, nodes, heapMib },
        security: security && (await kafkaSecurity(security)),
      }),
    );
    addresses.kafka = {
      brokers: nodes.map(({ port }) => `${host}:${port}`).join(','),
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
    const hdfs = await planHdfs(options, zookeeperPort, security);
    groups.push(...hdfsServices(hdfs));
    const properties = clientProperties(hdfs);
    addresses.hdfs = {
      namenodes: hdfs.nameNodes.map(({ http }) => pagesOf(hdfs, http)).join(','),
      address: properties['fs.defaultFS'] ?? '',
      journalNodes: hdfs.journalNodes.map(({ http }) => pagesOf(hdfs, http)).join(','),
      properties,
    };
  }
  if (has('spark')) await planSpark(options, groups, addresses, security);
  if (has('redis')) {
    const port = await ports.of('redis');
    const program = await options.resolveProgram('redis-server', 'redis-server');
    groups.push([
      redisService({ program, port, security: security && (await redisSecurity(security)) }),
    ]);
    addresses.redis = { url: `${security === null ? 'redis' : 'rediss'}://${host}:${port}` };
  }
  await planWatching(options, groups, addresses);
  if (has('opensearch')) {
    const [http, transport] = [await ports.of('opensearch'), await ports.of('opensearch.nodes')];
    const distribution = await resolve('opensearch');
    groups.push([
      openSearchService({
        ...{ distribution, http, transport },
        security: security && (await openSearchSecurity(security)),
      }),
    ]);
    addresses.opensearch = { url: `${security === null ? 'http' : 'https'}://${host}:${http}` };
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
    groups.push([prometheusService({ program, port, ...watched, alertmanagerPort })]);
    addresses.prometheus = { url: `http://${HOST}:${port}` };
  }
}

/** The KDC starts first. */
async function planSecurity(
  { ports, secure, resolveProgram }: PlanOptions,
  groups: ServiceSpec[][],
  addresses: Mutable<Addresses>,
): Promise<Security | null> {
  if (!secure) return null;
  const port = await ports.of('kdc');
  const security = await secure(port, await resolveProgram('krb5kdc', 'krb5-admin-server'));
  groups.push([security.realm.spec]);
  for (const name of PASSWORDS) await security.password(name);
  addresses.security = {
    authority: security.authority,
    kerberosConfig: security.realm.config,
    keytab: await security.realm.keytab('isobar', 'isobar'),
    passwordFiles: Object.fromEntries(
      PASSWORDS.map((name) => [name, security.passwordFile(name)]),
    ) as Record<PasswordName, string>,
  };
  return security;
}

async function planHdfs(
  options: PlanOptions,
  zookeeperPort: number | null,
  security: Security | null,
): Promise<HdfsOptions> {
  const { ha, ports, resolve } = options;
  return {
    distribution: await resolve('hadoop'),
    nameNodes: await portsOf(ports, 'namenode', ha ? 2 : 1, ['rpc', 'http', 'controller']),
    dataNodes: await portsOf(ports, 'datanode', 3, ['data', 'http', 'ipc']),
    dataNodesAtStart: 2,
    journalNodes: ha ? await portsOf(ports, 'journalnode', 3, ['rpc', 'http']) : [],
    zookeeperPort,
    security: security && (await hdfsSecurity(security)),
  };
}

async function planSpark(
  options: PlanOptions,
  groups: ServiceSpec[][],
  addresses: Mutable<Addresses>,
  security: Security | null,
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
      security: security && (await sparkSecurity(security)),
    }),
  );
  const [scheme, host] = security === null ? ['http', HOST] : ['https', SECURED_HOST];
  addresses.spark = {
    address: `sc://${host}:${connectPort}${security === null ? '' : '/;use_ssl=true'}`,
    ui: `${scheme}://${host}:${uiPort}`,
    master: master === null ? null : `${scheme}://${host}:${master.http}`,
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
