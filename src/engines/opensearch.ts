/** OpenSearch by `_cluster/health` and `_nodes/stats`. */
import { Type } from 'typebox';
import { authorityOf } from '../config/tls-authority.ts';
import type { EngineProbe } from './engine-probe.ts';
import { COUNT, fetchJson } from './fetch-json.ts';

export interface OpenSearchProbeOptions {
  /** Without a user name and a password. */
  readonly url: string;
  /** Empty: no login. */
  readonly user?: string;
  readonly password?: string;
  /** PEM file of the authority that is trusted; empty: those that Node.js knows. */
  readonly tls_authority?: string;
}

const HEALTH = Type.Object({
  status: Type.Enum(['green', 'yellow', 'red']),
  number_of_nodes: COUNT,
  unassigned_shards: COUNT,
});
const LEVELS = { green: 0, yellow: 1, red: 2 } as const;
const STATS = Type.Object({
  nodes: Type.Record(
    Type.String(),
    Type.Object({
      indices: Type.Object({
        docs: Type.Object({ count: COUNT }),
        store: Type.Object({ size_in_bytes: COUNT }),
      }),
      jvm: Type.Object({ mem: Type.Object({ heap_used_percent: COUNT }) }),
      fs: Type.Object({ total: Type.Object({ available_in_bytes: COUNT }) }),
      thread_pool: Type.Record(Type.String(), Type.Object({ rejected: Type.Optional(COUNT) })),
    }),
  ),
});

export function openOpenSearchProbe({
  url,
  user = '',
  password = '',
  tls_authority = '',
}: OpenSearchProbeOptions): EngineProbe<'opensearch'> {
  const base = url.replace(/\/$/, '');
  const login = Buffer.from(`${user}:${password}`).toString('base64');
  const authorization = user === '' ? null : `Basic ${login}`;
  const authority = authorityOf('index.opensearch.tls_authority', tls_authority);
  const asked = { authorization, authority };
  return {
    kind: 'opensearch',
    address: base,
    async read(signal) {
      const metrics = 'indices,jvm,fs,thread_pool';
      const [health, stats] = await Promise.all([
        fetchJson(new URL(`${base}/_cluster/health`), HEALTH, { signal, ...asked }),
        fetchJson(new URL(`${base}/_nodes/stats/${metrics}`), STATS, { signal, ...asked }),
      ]);
      const nodes = Object.values(stats.nodes);
      const sum = (value: (node: (typeof nodes)[number]) => number) =>
        nodes.reduce((total, node) => total + value(node), 0);
      const heaps = nodes.map(({ jvm }) => jvm.mem.heap_used_percent / 100);
      return {
        figures: {
          nodes: health.number_of_nodes,
          health: LEVELS[health.status],
          unassigned_shards: health.unassigned_shards,
          documents: sum(({ indices }) => indices.docs.count),
          store_bytes: sum(({ indices }) => indices.store.size_in_bytes),
          heap_used_ratio: heaps.length === 0 ? null : Math.max(...heaps),
          disk_free_bytes: sum(({ fs }) => fs.total.available_in_bytes),
          rejected_total: sum(({ thread_pool }) =>
            Object.values(thread_pool).reduce((total, { rejected = 0 }) => total + rejected, 0),
          ),
        },
        parts: [],
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}
