/** ZooKeeper: what elects HDFS's active NameNode, and what Kafka before version 4 needs. */
import { join } from 'node:path';
import { jvmOptions, log4j1Text, propertiesText } from './java.ts';
import type { ServiceSpec } from './service.ts';

export interface ZookeeperOptions {
  /** Any distribution that has ZooKeeper's archives. */
  readonly distribution: string;
  readonly port: number;
  /** PEM files with which it encrypts; null for none. */
  readonly tls?: { readonly bundle: string; readonly authority: string } | null;
}

export function zookeeperService({ distribution, port, tls }: ZookeeperOptions): ServiceSpec {
  const properties = {
    tickTime: 2_000,
    dataDir: 'data',
    ...(tls ? securedProperties(port, tls) : { clientPort: port, clientPortAddress: '127.0.0.1' }),
    'admin.enableServer': false,
    maxClientCnxns: 0,
    'autopurge.purgeInterval': 1,
  };
  return {
    name: 'zookeeper',
    files: { 'zoo.cfg': propertiesText(properties), 'log4j.properties': log4j1Text() },
    args: [
      ...jvmOptions(128),
      '-XX:TieredStopAtLevel=1',
      '-Dlog4j.configuration=file:log4j.properties',
      '-cp',
      join(distribution, 'lib', '*'),
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      'zoo.cfg',
    ],
    ready: (probe) => probe.listens(port),
  };
}

function securedProperties(
  port: number,
  { bundle, authority }: NonNullable<ZookeeperOptions['tls']>,
) {
  return {
    secureClientPort: port,
    secureClientPortAddress: '127.0.0.1',
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    'ssl.keyStore.location': bundle,
    'ssl.trustStore.location': authority,
    'ssl.clientAuth': 'none',
  };
}
