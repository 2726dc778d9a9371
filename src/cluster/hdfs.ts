/**
 * HDFS: one NameNode and its DataNodes, or two NameNodes that take over from each other, with
 * three JournalNodes and two failover controllers.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  administratorEnv,
  type HdfsSecurity,
  LAKE_FOLDER,
  securedClientProperties,
  securedJavaOptions,
  securedServerProperties,
  storeProperties,
  zookeeperJavaOptions,
  zookeeperProperties,
} from './hdfs-security.ts';
import { jvmOptions, log4j1Text } from './java.ts';
import { SECURED_HOST } from './security.ts';
import type { Run, ServiceSpec } from './service.ts';

export interface HdfsOptions {
  readonly distribution: string;
  readonly nameNodes: readonly NameNodePorts[];
  readonly dataNodes: readonly DataNodePorts[];
  /** DataNodes beyond these are spare: they join when they are started by name. */
  readonly dataNodesAtStart: number;
  /** Only with two NameNodes. */
  readonly journalNodes: readonly { readonly rpc: number; readonly http: number }[];
  readonly zookeeperPort: number | null;
  /** Kerberos and encryption; null for neither. */
  readonly security?: HdfsSecurity | null;
  /** More of Hadoop's settings, which replace those of here. */
  readonly properties?: Readonly<Record<string, string>>;
}

interface NameNodePorts {
  readonly rpc: number;
  readonly http: number;
  readonly controller: number;
}

interface DataNodePorts {
  readonly data: number;
  readonly http: number;
  readonly ipc: number;
}

const NAMESERVICE = 'isobar';
/** Hadoop puts the system property in: the folder in which the service runs. */
const FOLDER = '$' + '{user.dir}/data';
const HERE = `file://${FOLDER}`;
const SERVER = 'org.apache.hadoop.hdfs.server';
const MEMORY = 'jmx?qry=java.lang:type=Memory';
/** What secured parts write when they are ready. */
const SERVES = 'NameNode RPC up at';
const REPORTED = 'Successfully sent block report';
const ACTIVE = 'Successfully transitioned NameNode';
const STANDING_BY = 'should become standby';

/** The services in the order of their start; those of one group may start together. */
export function hdfsServices(options: HdfsOptions): ServiceSpec[][] {
  const { nameNodes, dataNodes, journalNodes, dataNodesAtStart } = options;
  const isHa = nameNodes.length > 1;
  const journals = journalNodes.map((_, at) => journalNode(options, at));
  const names = nameNodes.map((_, at) => nameNode(options, at));
  const controllers = isHa ? nameNodes.map((_, at) => failoverController(options, at)) : [];
  const datas = dataNodes.map((_, at) => dataNode(options, at));
  return [
    journals,
    // The second NameNode copies what the first one has.
    ...names.map((name) => [name]),
    controllers,
    datas.slice(0, dataNodesAtStart),
    datas.slice(dataNodesAtStart),
  ].filter((group) => group.length > 0);
}

/** Where the pages of a part are met: a NameNode, a JournalNode. */
export function pagesOf({ security }: HdfsOptions, port: number): string {
  return security ? `https://${SECURED_HOST}:${port}` : `http://127.0.0.1:${port}`;
}

const hostOf = ({ security }: HdfsOptions) => (security ? SECURED_HOST : '127.0.0.1');

/** The property that holds where the pages of a part are. */
function pagesProperty({ security }: HdfsOptions, part: string): string {
  return `dfs.${part}.${security ? 'https' : 'http'}-address`;
}

/** What a client needs to know, as Hadoop's own configuration has it. */
export function clientProperties(options: HdfsOptions): Record<string, string> {
  const { nameNodes, dataNodesAtStart, security } = options;
  const [first] = nameNodes;
  const host = hostOf(options);
  const shared = {
    // A client that does not say how many copies it wants gets three.
    'dfs.replication': String(Math.min(2, dataNodesAtStart)),
    ...(security ? securedClientProperties() : {}),
  };
  if (nameNodes.length < 2 || first === undefined) {
    return { 'fs.defaultFS': `hdfs://${host}:${first?.rpc ?? 0}`, ...shared };
  }
  const ids = nameNodes.map((_, at) => `nn${at + 1}`);
  const properties: Record<string, string> = {
    ...shared,
    'fs.defaultFS': `hdfs://${NAMESERVICE}`,
    'dfs.nameservices': NAMESERVICE,
    [`dfs.ha.namenodes.${NAMESERVICE}`]: ids.join(','),
    [`dfs.client.failover.proxy.provider.${NAMESERVICE}`]: `${SERVER}.namenode.ha.ConfiguredFailoverProxyProvider`,
  };
  for (const [at, { rpc, http }] of nameNodes.entries()) {
    const of = `${NAMESERVICE}.nn${at + 1}`;
    properties[`dfs.namenode.rpc-address.${of}`] = `${host}:${rpc}`;
    properties[`${pagesProperty(options, 'namenode')}.${of}`] = `${host}:${http}`;
  }
  return properties;
}

function commonProperties(options: HdfsOptions): Record<string, string> {
  const { nameNodes, journalNodes, zookeeperPort, security } = options;
  const host = hostOf(options);
  const common: Record<string, string> = {
    ...clientProperties(options),
    ...(security ? securedServerProperties(security) : {}),
    'dfs.namenode.safemode.extension': '0',
    'dfs.namenode.datanode.registration.ip-hostname-check': 'false',
    'dfs.heartbeat.interval': '1',
    'dfs.namenode.heartbeat.recheck-interval': '2000',
    'dfs.namenode.stale.datanode.interval': '5000',
    'dfs.namenode.avoid.write.stale.datanode': 'true',
    'dfs.namenode.avoid.read.stale.datanode': 'true',
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': '20',
    'dfs.permissions.superusergroup': 'supergroup',
  };
  if (nameNodes.length < 2) return common;
  const quorum = journalNodes.map(({ rpc }) => `${host}:${rpc}`).join(';');
  const controllers = nameNodes.map(({ controller }, at) => [
    `dfs.ha.zkfc.port.${NAMESERVICE}.nn${at + 1}`,
    String(controller),
  ]);
  return {
    ...common,
    ...Object.fromEntries(controllers),
    ...(security ? zookeeperProperties(security) : {}),
    'dfs.namenode.shared.edits.dir': `qjournal://${quorum}/${NAMESERVICE}`,
    'dfs.ha.automatic-failover.enabled': 'true',
    'dfs.ha.fencing.methods': 'shell(/bin/true)',
    'dfs.ha.tail-edits.in-progress': 'true',
    'dfs.ha.tail-edits.period': '1s',
    'ha.zookeeper.quorum': `${host}:${zookeeperPort ?? 0}`,
    'ha.zookeeper.session-timeout.ms': '5000',
    'dfs.ha.zkfc.nn.http.timeout.ms': '0',
    'ha.health-monitor.rpc-timeout.ms': '4000',
    'ha.failover-controller.graceful-fence.rpc-timeout.ms': '2000',
  };
}

function nameNode(options: HdfsOptions, at: number): ServiceSpec {
  const { nameNodes } = options;
  const ports = nameNodes[at];
  const isHa = nameNodes.length > 1;
  const properties: Record<string, string> = {
    ...commonProperties(options),
    'dfs.namenode.name.dir': HERE,
    ...(isHa
      ? { 'dfs.ha.namenode.id': `nn${at + 1}` }
      : {
          'dfs.namenode.rpc-address': `${hostOf(options)}:${ports?.rpc}`,
          [pagesProperty(options, 'namenode')]: `${hostOf(options)}:${ports?.http}`,
        }),
  };
  const main = `${SERVER}.namenode.NameNode`;
  const format =
    at === 0 ? ['-format', '-nonInteractive'] : ['-bootstrapStandby', '-nonInteractive'];
  const prepare = [hadoop(options, 256, main, format)];
  if (isHa && at === 0) {
    const controller = 'org.apache.hadoop.hdfs.tools.DFSZKFailoverController';
    prepare.push(hadoop(options, 128, controller, ['-formatZK', '-nonInteractive']));
  }
  return {
    name: `namenode-${at + 1}`,
    files: siteFiles(options, properties),
    prepare,
    args: hadoop(options, 256, main, []),
    // The pages of a secured one are for those who log in.
    ready: async (probe) =>
      options.security
        ? (await probe.said(SERVES)) && probe.listens(ports?.http ?? 0)
        : (await probe.get(`${pagesOf(options, ports?.http ?? 0)}/${MEMORY}`)) !== null,
  };
}

function journalNode(options: HdfsOptions, at: number): ServiceSpec {
  const ports = options.journalNodes[at];
  const properties = {
    ...commonProperties(options),
    'dfs.journalnode.edits.dir': FOLDER,
    'dfs.journalnode.rpc-address': `${hostOf(options)}:${ports?.rpc}`,
    [pagesProperty(options, 'journalnode')]: `${hostOf(options)}:${ports?.http}`,
  };
  return {
    name: `journalnode-${at + 1}`,
    files: siteFiles(options, properties),
    args: hadoop(options, 128, 'org.apache.hadoop.hdfs.qjournal.server.JournalNode', []),
    ready: (probe) => probe.listens(ports?.rpc ?? 0),
  };
}

function failoverController(options: HdfsOptions, at: number): ServiceSpec {
  const properties = {
    ...commonProperties(options),
    'dfs.ha.namenode.id': `nn${at + 1}`,
  };
  const { nameNodes } = options;
  return {
    name: `zkfc-${at + 1}`,
    files: siteFiles(options, properties),
    args: hadoop(options, 128, 'org.apache.hadoop.hdfs.tools.DFSZKFailoverController', []),
    // One of the NameNodes has become the active one.
    async ready(probe) {
      if (options.security) return (await probe.said(ACTIVE)) || probe.said(STANDING_BY);
      for (const { http } of nameNodes) {
        const active = await probe.get(`${pagesOf(options, http)}/isActive`).catch(() => null);
        if (active !== null) return true;
      }
      return false;
    },
  };
}

function dataNode(options: HdfsOptions, at: number): ServiceSpec {
  const ports = options.dataNodes[at];
  const properties = {
    ...commonProperties(options),
    'dfs.datanode.data.dir': HERE,
    'dfs.datanode.hostname': hostOf(options),
    'dfs.datanode.address': `127.0.0.1:${ports?.data}`,
    [`dfs.datanode.${options.security ? 'https' : 'http'}.address`]: `127.0.0.1:${ports?.http}`,
    'dfs.datanode.ipc.address': `127.0.0.1:${ports?.ipc}`,
    'ipc.client.rpc-timeout.ms': '4000',
    'ipc.ping.interval': '2000',
  };
  return {
    name: `datanode-${at + 1}`,
    spare: at >= options.dataNodesAtStart,
    files: siteFiles(options, properties),
    args: hadoop(options, 256, `${SERVER}.datanode.DataNode`, []),
    // The first file system that is ready gets the folder of the lake.
    finish: at === 0 ? lakeFolder(options) : [],
    ready: (probe) =>
      options.security ? probe.said(REPORTED) : isRegistered(probe.get, options, ports?.data ?? 0),
  };
}

/** Makes the folder of the lake, which an administrator alone may. */
function lakeFolder(options: HdfsOptions): Run[] {
  const { security } = options;
  if (!security) return [];
  const env = administratorEnv(security);
  return [
    ['-mkdir', '-p', LAKE_FOLDER],
    ['-chown', 'isobar:isobar', LAKE_FOLDER],
    ['-chmod', '750', LAKE_FOLDER],
  ].map((args) => ({ args: hadoop(options, 128, 'org.apache.hadoop.fs.FsShell', args), env }));
}

/** Whether every NameNode that answers counts this DataNode among the living and left safe mode. */
async function isRegistered(
  get: (url: string) => Promise<string | null>,
  options: HdfsOptions,
  port: number,
): Promise<boolean> {
  const { nameNodes } = options;
  for (const { http } of nameNodes) {
    const pages = pagesOf(options, http);
    const answer = await get(`${pages}/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo`);
    const [info] = JSON.parse(answer ?? '{"beans":[]}').beans;
    if (info === undefined) return false;
    const nodes: { xferaddr: string; lastContact: number }[] = Object.values(
      JSON.parse(info.LiveNodes),
    );
    if (!nodes.some(({ xferaddr }) => xferaddr.endsWith(`:${port}`))) return false;
    const active = nameNodes.length < 2 || (await get(`${pages}/isActive`));
    if (active && info.Safemode !== '') return false;
  }
  return true;
}

function hadoop(
  options: HdfsOptions,
  heapMib: number,
  main: string,
  args: readonly string[],
): string[] {
  const { distribution, security } = options;
  // The archives lack the pages' folders, which the servers need even when the pages are not used.
  const pages = join(distribution, 'classes');
  for (const name of ['hdfs', 'datanode', 'journal', 'secondary']) {
    mkdirSync(join(pages, 'webapps', name), { recursive: true });
  }
  return [
    ...jvmOptions(heapMib),
    '-XX:TieredStopAtLevel=1',
    ...(security ? [...securedJavaOptions(security), ...zookeeperJavaOptions(security)] : []),
    '-Dlog4j.configuration=file:conf/log4j.properties',
    '-cp',
    `conf:${pages}:${join(distribution, 'lib', '*')}`,
    main,
    ...args,
  ];
}

function siteFiles(
  { security, properties: more }: HdfsOptions,
  properties: Readonly<Record<string, string>>,
): Record<string, string> {
  const site = siteText({ ...properties, ...more });
  return {
    'conf/core-site.xml': site,
    'conf/hdfs-site.xml': site,
    'conf/log4j.properties': log4j1Text(),
    ...(security
      ? {
          'conf/ssl-server.xml': siteText(storeProperties(security, 'ssl.server')),
          'conf/ssl-client.xml': siteText(storeProperties(security, 'ssl.client')),
        }
      : {}),
  };
}

/** A file of Hadoop's configuration. */
function siteText(properties: Readonly<Record<string, string>>): string {
  const rows = Object.entries(properties).map(
    ([name, value]) => `  <property><name>${name}</name><value>${value}</value></property>`,
  );
  return `<configuration>\n${rows.join('\n')}\n</configuration>\n`;
}
