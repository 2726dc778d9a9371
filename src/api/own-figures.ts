/** This server as one of the services: figures from its own metrics over the last minutes. */
import type { Histogram } from 'prom-client';
import type { EngineProbe, Engines, ReadPart } from '../engines/engine-probe.ts';
import { PARTS_MAX } from '../model/engine-figures.ts';
import type { Live } from './live.ts';
import type { Server } from './server.ts';

export interface OwnFiguresOptions {
  readonly address: string;
  readonly durations: Histogram;
  /** Requests answered since the start, and those of them that failed. */
  readonly requests: () => { readonly all: number; readonly failed: number };
  readonly cache: () => Server['answers']['cache'];
  readonly live: Live;
  readonly engines: Engines;
}

/** Latencies and shares are those of this time; before, of all the time there was. */
const WINDOW_S = 300;

/** Counts that only grow. */
interface Counts {
  readonly at: number;
  readonly all: number;
  readonly failed: number;
  readonly hits: number;
  readonly lookups: number;
  /** Route → bound → requests that took no longer. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

const NOTHING: Counts = { at: 0, all: 0, failed: 0, hits: 0, lookups: 0, routes: new Map() };

export function openOwnFigures(options: OwnFiguresOptions): EngineProbe<'api'> {
  const { address, durations, requests, cache, live, engines } = options;
  const startedAt = performance.now();
  const before: Counts[] = [];

  async function count(): Promise<Counts> {
    const { hits, misses, shared } = cache();
    return {
      at: performance.now(),
      ...requests(),
      hits: hits + shared,
      lookups: hits + misses + shared,
      routes: bucketsOf(await durations.get()),
    };
  }

  return {
    kind: 'api',
    address,
    async read() {
      const now = await count();
      const oldest = now.at - WINDOW_S * 1_000;
      while (before.length > 1 && (before[1]?.at ?? now.at) <= oldest) before.shift();
      const since = before[0] ?? { ...NOTHING, at: startedAt };
      before.push(now);
      const all = now.all - since.all;
      const seconds = (now.at - since.at) / 1_000;
      const routes = [...now.routes].map(([name, buckets]) => ({
        name,
        buckets: difference(buckets, since.routes.get(name)),
      }));
      const total = addUp(routes.map(({ buckets }) => buckets));
      return {
        figures: {
          requests_per_second: seconds > 0 ? all / seconds : null,
          request_p50_seconds: quantile(total, 0.5),
          request_p95_seconds: quantile(total, 0.95),
          request_p99_seconds: quantile(total, 0.99),
          error_ratio: share(now.failed - since.failed, all),
          hdfs_answer_seconds: hdfsSeconds(engines),
          cache_hit_ratio: share(now.hits - since.hits, now.lookups - since.lookups),
          event_streams: live.counts.viewers,
        },
        parts: routes
          .filter(({ buckets }) => countOf(buckets) > 0)
          .sort((a, b) => countOf(b.buckets) - countOf(a.buckets))
          .slice(0, PARTS_MAX)
          .map(({ name, buckets }) => routePart(name, buckets)),
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

type Buckets = ReadonlyMap<number, number>;

function bucketsOf({ values }: Awaited<ReturnType<Histogram['get']>>): Map<string, Buckets> {
  const routes = new Map<string, Map<number, number>>();
  for (const { metricName, labels, value } of values) {
    const { route, le } = labels as { readonly route?: string; readonly le?: number | string };
    if (route === undefined || !metricName?.endsWith('_bucket')) continue;
    const buckets = routes.get(route) ?? new Map<number, number>();
    buckets.set(le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value);
    routes.set(route, buckets);
  }
  return routes;
}

function difference(now: Buckets, before: Buckets | undefined): Buckets {
  return new Map([...now].map(([bound, count]) => [bound, count - (before?.get(bound) ?? 0)]));
}

function addUp(list: readonly Buckets[]): Buckets {
  const sum = new Map<number, number>();
  for (const buckets of list) {
    for (const [bound, count] of buckets) sum.set(bound, (sum.get(bound) ?? 0) + count);
  }
  return sum;
}

function countOf(buckets: Buckets): number {
  return buckets.get(Number.POSITIVE_INFINITY) ?? 0;
}

/**
 * As Prometheus' histogram_quantile: linear within the bucket; beyond the last bound that bound.
 * Null without a request.
 */
export function quantile(buckets: Buckets, q: number): number | null {
  const total = countOf(buckets);
  if (total === 0) return null;
  const rank = q * total;
  let [from, below] = [0, 0];
  for (const [bound, count] of [...buckets].sort(([a], [b]) => a - b)) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return from;
      return from + ((bound - from) * (rank - below)) / (count - below);
    }
    [from, below] = [bound, count];
  }
  return from;
}

function routePart(name: string, buckets: Buckets): ReadPart {
  return {
    kind: 'route',
    name,
    note: '',
    state: 'ok',
    figures: {
      request_p50_seconds: quantile(buckets, 0.5),
      request_p95_seconds: quantile(buckets, 0.95),
      request_p99_seconds: quantile(buckets, 0.99),
    },
  };
}

function hdfsSeconds(engines: Engines): number | null {
  const hdfs = engines.list().find(({ kind }) => kind === 'hdfs');
  return hdfs?.figures.find(({ name }) => name === 'answer_seconds')?.value ?? null;
}

function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
