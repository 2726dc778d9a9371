/** OpenSearch: one node, which searches what it holds in memory-mapped files. */
import { join } from 'node:path';
import { propertiesText } from './kafka.ts';
import type { ServiceSpec } from './service.ts';

export interface OpenSearchOptions {
  readonly distribution: string;
  readonly http: number;
  /** Where other nodes would meet it. */
  readonly transport: number;
}

const HEAP_MIB = 512;

export function openSearchService(options: OpenSearchOptions): ServiceSpec {
  const { distribution, http, transport } = options;
  const settings = {
    'cluster.name': 'isobar',
    'node.name': 'opensearch',
    'path.data': 'data',
    'path.logs': 'logs',
    'network.host': '127.0.0.1',
    'http.port': http,
    'transport.port': transport,
    'discovery.type': 'single-node',
    // The disk of a laptop or of a test is fuller than that of a server may be.
    'cluster.routing.allocation.disk.threshold_enabled': false,
  };
  const yaml = Object.entries(settings).map(([name, value]) => `${name}: ${value}\n`);
  const classpath = `${join(distribution, 'classes')}:${join(distribution, 'lib', '*')}`;
  return {
    name: 'opensearch',
    files: { 'opensearch.yml': yaml.join(''), 'log4j2.properties': log4j2Text() },
    args: [
      ...[`-Xmx${HEAP_MIB}m`, '-XX:+UseSerialGC', '-Djava.net.preferIPv4Stack=true'],
      ...['-Dlog4j2.configurationFile=log4j2.properties', '-cp', classpath],
      ...['isobar.SearchNode', '.'],
    ],
    // Questions fail before the node has found its own indexes.
    async ready(probe) {
      const health = await probe.get(`http://127.0.0.1:${http}/_cluster/health`);
      return health !== null && /"status":"(green|yellow)"/.test(health);
    },
  };
}

function log4j2Text(): string {
  return propertiesText({
    'appender.out.type': 'Console',
    'appender.out.name': 'out',
    'appender.out.layout.type': 'PatternLayout',
    'appender.out.layout.pattern': '%d{ISO8601} %p %m (%c{1})%n%throwable',
    'rootLogger.level': 'INFO',
    'rootLogger.appenderRef.out.ref': 'out',
  });
}
