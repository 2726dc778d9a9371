/** ZooKeeper: what elects HDFS's active NameNode, and what Kafka before version 4 needs. */
import { join } from 'node:path';
import { log4j1Text, propertiesText } from './kafka.ts';
import type { ServiceSpec } from './service.ts';

export interface ZookeeperOptions {
  /** Any distribution that has ZooKeeper's archives. */
  readonly distribution: string;
  readonly port: number;
}

export function zookeeperService({ distribution, port }: ZookeeperOptions): ServiceSpec {
  const properties = {
    tickTime: 2_000,
    dataDir: 'data',
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': false,
    maxClientCnxns: 0,
    'autopurge.purgeInterval': 1,
  };
  return {
    name: 'zookeeper',
    files: { 'zoo.cfg': propertiesText(properties), 'log4j.properties': log4j1Text() },
    args: [
      '-Xmx128m',
      '-XX:+UseSerialGC',
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
