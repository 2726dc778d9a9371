/** Kafka: brokers that agree among themselves (KRaft), or one of 3.9 with ZooKeeper. */
import { join } from 'node:path';
import { jvmOptions, log4j1Text, log4j2Text, propertiesText } from './java.ts';
import { SECURED_HOST, type Security } from './security.ts';
import type { ServiceSpec } from './service.ts';

export interface KafkaOptions {
  readonly distribution: string;
  /** The ports of each node; the service is `kafka-N`. */
  readonly nodes: readonly KafkaNode[];
  readonly heapMib: number;
  /** Encryption, logins and permissions; null for none. */
  readonly security?: KafkaSecurity | null;
}

export interface KafkaSecurity {
  /** Its host is the one of the certificate. */
  readonly host: string;
  /** PEM files. */
  readonly bundle: string;
  readonly authority: string;
  /** Of the brokers among themselves, of `admin`, who may do everything, and of `isobar`. */
  readonly passwords: Readonly<Record<'broker' | 'admin' | 'isobar', string>>;
}

/** What Kafka needs of the cluster's security. */
export async function kafkaSecurity(security: Security): Promise<KafkaSecurity> {
  const { bundle } = await security.certify('kafka');
  return {
    host: SECURED_HOST,
    bundle,
    authority: security.authority,
    passwords: {
      broker: await security.password('kafka-broker'),
      admin: await security.password('kafka-admin'),
      isobar: await security.password('kafka'),
    },
  };
}

interface KafkaNode {
  readonly port: number;
  readonly controllerPort: number;
  /** Who is met through a proxy listens on one port and says another one. */
  readonly proxiedPort?: number;
  readonly proxyPort?: number;
}

/** What Java reads in place of a command line. */
const FORMAT = 'format.args';
/** A cluster's id is any 16 bytes; a folder keeps what it was formatted with. */
const CLUSTER_ID = 'aXNvYmFyLWNsdXN0ZXItMQ';

export function kafkaServices(options: KafkaOptions): ServiceSpec[] {
  const { distribution, nodes, heapMib, security = null } = options;
  const host = security?.host ?? '127.0.0.1';
  const voters = nodes.map((node, at) => `${at + 1}@${host}:${node.controllerPort}`).join(',');
  const copies = Math.min(3, nodes.length);
  const protocol = security === null ? 'PLAINTEXT' : 'SASL_SSL';
  return nodes.map(({ port, controllerPort, proxiedPort, proxyPort }, at) => {
    const own = `CLIENTS://${host}:${port}`;
    const proxied = (met?: number) => (met === undefined ? '' : `,PROXIED://${host}:${met}`);
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': at + 1,
      listeners: `${own}${proxied(proxiedPort)},CONTROLLER://${host}:${controllerPort}`,
      'advertised.listeners': `${own}${proxied(proxyPort)}`,
      'listener.security.protocol.map': ['CLIENTS', 'PROXIED', 'CONTROLLER']
        .map((name) => `${name}:${protocol}`)
        .join(','),
      'inter.broker.listener.name': 'CLIENTS',
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.voters': voters,
      'broker.session.timeout.ms': 6_000,
      ...commonProperties(copies),
      ...(security === null ? {} : securedProperties(security)),
    };
    const classpath = join(distribution, 'lib', '*');
    const common = ['-Dlog4j2.configurationFile=log4j2.properties', '-cp', classpath];
    const format = ['-Xmx128m', ...common, 'kafka.tools.StorageTool', 'format'];
    format.push('-t', CLUSTER_ID, '-c', 'server.properties', ...usersOf(security));
    return {
      name: `kafka-${at + 1}`,
      files: {
        'server.properties': propertiesText(properties),
        'log4j2.properties': log4j2Text(),
        // Passwords stay out of the list of processes.
        [FORMAT]: format.map((one) => `"${one}"`).join('\n'),
      },
      prepare: [[`@${FORMAT}`]],
      args: [...jvmOptions(heapMib), ...common, 'kafka.Kafka', 'server.properties'],
      ready: async (probe) => (await probe.said('Kafka Server started')) && probe.listens(port),
    };
  });
}

/** Clients log in by SCRAM, the brokers among themselves by PLAIN; nothing is permitted by default. */
function securedProperties({ bundle, authority, passwords }: KafkaSecurity) {
  const modules = 'org.apache.kafka.common.security';
  const { broker } = passwords;
  const plain =
    `${modules}.plain.PlainLoginModule required username="broker" password="${broker}" ` +
    `user_broker="${broker}";`;
  return {
    'listener.name.clients.sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
    'listener.name.proxied.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.clients.plain.sasl.jaas.config': plain,
    'listener.name.controller.plain.sasl.jaas.config': plain,
    ...Object.fromEntries(
      ['clients', 'proxied'].map((name) => [
        `listener.name.${name}.scram-sha-512.sasl.jaas.config`,
        `${modules}.scram.ScramLoginModule required;`,
      ]),
    ),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': bundle,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:broker;User:admin',
    'allow.everyone.if.no.acl.found': false,
  };
}

/** The users that the brokers know from the beginning. */
function usersOf(security: KafkaSecurity | null): string[] {
  if (security === null) return [];
  return (['admin', 'isobar'] as const).flatMap((name) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${security.passwords[name]}]`,
  ]);
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
