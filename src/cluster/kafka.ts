/** Kafka: brokers that agree among themselves (KRaft), or one of 3.9 with ZooKeeper. */
import { join } from 'node:path';
import type { ServiceSpec } from './service.ts';

export interface KafkaOptions {
  readonly distribution: string;
  /** The ports of each node; the service is `kafka-N`. */
  readonly nodes: readonly KafkaNode[];
  readonly heapMib: number;
}

interface KafkaNode {
  readonly port: number;
  readonly controllerPort: number;
  /** Who is met through a proxy listens on one port and says another one. */
  readonly proxiedPort?: number;
  readonly proxyPort?: number;
}

/** A cluster's id is any 16 bytes; a folder keeps what it was formatted with. */
const CLUSTER_ID = 'aXNvYmFyLWNsdXN0ZXItMQ';

export function kafkaServices({ distribution, nodes, heapMib }: KafkaOptions): ServiceSpec[] {
  const voters = nodes.map((node, at) => `${at + 1}@127.0.0.1:${node.controllerPort}`).join(',');
  const copies = Math.min(3, nodes.length);
  return nodes.map(({ port, controllerPort, proxiedPort, proxyPort }, at) => {
    const own = `PLAINTEXT://127.0.0.1:${port}`;
    const proxied = (met?: number) => (met === undefined ? '' : `,PROXIED://127.0.0.1:${met}`);
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': at + 1,
      listeners: `${own}${proxied(proxiedPort)},CONTROLLER://127.0.0.1:${controllerPort}`,
      'advertised.listeners': `${own}${proxied(proxyPort)}`,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'PLAINTEXT',
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.voters': voters,
      'broker.session.timeout.ms': 6_000,
      ...commonProperties(copies),
    };
    const classpath = join(distribution, 'lib', '*');
    const common = ['-Dlog4j2.configurationFile=log4j2.properties', '-cp', classpath];
    const format = ['format', '-t', CLUSTER_ID, '-c', 'server.properties'];
    return {
      name: `kafka-${at + 1}`,
      files: {
        'server.properties': propertiesText(properties),
        'log4j2.properties': log4j2Text(),
      },
      prepare: [['-Xmx128m', ...common, 'kafka.tools.StorageTool', ...format]],
      args: [...jvmOptions(heapMib), ...common, 'kafka.Kafka', 'server.properties'],
      ready: async (probe) => (await probe.said('Kafka Server started')) && probe.listens(port),
    };
  });
}

export interface Kafka39Options {
  readonly distribution: string;
  readonly port: number;
  readonly zookeeperPort: number;
  readonly heapMib: number;
}

export function kafka39Service(options: Kafka39Options): ServiceSpec {
  const { distribution, port, zookeeperPort, heapMib } = options;
  const properties = {
    'broker.id': 0,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'zookeeper.connect': `127.0.0.1:${zookeeperPort}/kafka39`,
    'zookeeper.session.timeout.ms': 6_000,
    ...commonProperties(1),
  };
  return {
    name: 'kafka39',
    files: { 'server.properties': propertiesText(properties), 'log4j.properties': log4j1Text() },
    args: [
      ...jvmOptions(heapMib),
      '-Dlog4j.configuration=file:log4j.properties',
      '-cp',
      join(distribution, 'lib', '*'),
      'kafka.Kafka',
      'server.properties',
    ],
    ready: async (probe) => (await probe.said('] started (kafka.server')) && probe.listens(port),
  };
}

function commonProperties(copies: number): Readonly<Record<string, string | number | boolean>> {
  return {
    'log.dirs': 'data',
    'num.partitions': 3,
    'default.replication.factor': copies,
    'min.insync.replicas': Math.max(1, copies - 1),
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': Math.max(1, copies - 1),
    'transaction.state.log.num.partitions': 5,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'controlled.shutdown.enable': true,
  };
}

function jvmOptions(heapMib: number): string[] {
  return [`-Xmx${heapMib}m`, '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true'];
}

export function propertiesText(
  properties: Readonly<Record<string, string | number | boolean>>,
): string {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

export function log4j1Text(): string {
  return propertiesText({
    'log4j.rootLogger': 'INFO, out',
    'log4j.appender.out': 'org.apache.log4j.ConsoleAppender',
    'log4j.appender.out.layout': 'org.apache.log4j.PatternLayout',
    'log4j.appender.out.layout.ConversionPattern': '%d{ISO8601} %p %m (%c)%n',
  });
}

function log4j2Text(): string {
  return propertiesText({
    'appender.out.type': 'Console',
    'appender.out.name': 'out',
    'appender.out.layout.type': 'PatternLayout',
    'appender.out.layout.pattern': '%d{ISO8601} %p %m (%c)%n%throwable',
    'rootLogger.level': 'INFO',
    'rootLogger.appenderRef.out.ref': 'out',
  });
}
