/** OpenSearch: one node, which searches what it holds in memory-mapped files. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import { jvmOptions, log4j2Text, propertiesText } from './java.ts';
import type { Security } from './security.ts';
import type { ServiceSpec } from './service.ts';

export interface OpenSearchOptions {
  readonly distribution: string;
  readonly http: number;
  /** Where other nodes would meet it. */
  readonly transport: number;
  /** HTTPS and a login; null for neither. */
  readonly security?: OpenSearchSecurity | null;
}

export interface OpenSearchSecurity {
  /** PKCS #12 file, which the password opens. */
  readonly store: string;
  readonly storePassword: string;
  /** Of the user `isobar`. */
  readonly password: string;
}

/** What OpenSearch needs of the cluster's security. */
export async function openSearchSecurity(security: Security): Promise<OpenSearchSecurity> {
  const { store } = await security.certify('opensearch');
  const { storePassword } = security;
  return { store, storePassword, password: await security.password('opensearch') };
}

const HEAP_MIB = 512;
/** What the class of that name reads: the certificate and the login. */
const GUARD = 'guard.properties';

export function openSearchService(options: OpenSearchOptions): ServiceSpec {
  const { distribution, http, transport, security } = options;
  const settings = {
    'cluster.name': 'isobar',
    'node.name': 'opensearch',
    'path.data': 'data',
    'path.logs': 'logs',
    'network.host': '127.0.0.1',
    'http.port': http,
    'transport.port': transport,
    ...(security ? { 'http.type': 'netty4-secure' } : {}),
    'discovery.type': 'single-node',
    // The disk of a laptop or of a test is fuller than that of a server may be.
    'cluster.routing.allocation.disk.threshold_enabled': false,
  };
  const classpath = `${join(distribution, 'classes')}:${join(distribution, 'lib', '*')}`;
  return {
    name: 'opensearch',
    files: {
      'opensearch.yml': stringify(settings),
      'log4j2.properties': log4j2Text(),
      ...(security ? { [GUARD]: propertiesText({ user: 'isobar', ...security }) } : {}),
    },
    args: [
      ...jvmOptions(HEAP_MIB),
      ...(security ? [`-Disobar.guard=${GUARD}`] : []),
      ...['-Dlog4j2.configurationFile=log4j2.properties', '-cp', classpath],
      ...['isobar.SearchNode', '.'],
    ],
    // Questions fail before the node has found its own indexes.
    async ready(probe) {
      if (security) return probe.said('indices into cluster_state');
      const health = await probe.get(`http://127.0.0.1:${http}/_cluster/health`);
      return health !== null && /"status":"(green|yellow)"/.test(health);
    },
  };
}
