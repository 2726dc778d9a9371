/** The registry of a server: prom-client's, by the table of metrics. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metric } from './metric.ts';
import { METRICS, type MetricName } from './metric-table.ts';
import { processRegistry } from './process-metrics.ts';

export type Labels = Readonly<Record<string, string>>;
export type Values = Iterable<readonly [Labels, number]>;

export interface ServerMetrics {
  counter(name: MetricName): Counter;
  histogram(name: MetricName, buckets: readonly number[]): Histogram;
  /** A gauge or a counter whose values are asked for whenever the metrics are read. */
  read(name: MetricName, values: () => Values): void;
  /** The text format of Prometheus 0.0.4. */
  format(): Promise<string>;
}

/** Whatever a room reports, a scrape stays small. */
const SERIES_MAX = 1_000;

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function openMetrics(): ServerMetrics {
  const registry = new Registry();
  const options = (name: MetricName) => {
    const { help, labels = [] } = metricOf(name);
    return { name, help, labelNames: [...labels], registers: [registry] };
  };
  return {
    counter: (name) => new Counter(options(name)),
    histogram: (name, buckets) => new Histogram({ ...options(name), buckets: [...buckets] }),
    read(name, values) {
      const { type, labels = [] } = metricOf(name);
      const fill = (metric: Counter | Gauge) => {
        metric.reset();
        const series = finite(values());
        // The library answers 0 where there is nothing.
        if (series.length === 0 && labels.length === 0) metric.remove();
        for (const [own, value] of series) metric.inc(own, value);
      };
      const Type = type === 'counter' ? Counter : Gauge;
      new Type({
        ...options(name),
        collect() {
          fill(this);
        },
      });
    },
    format: () => Registry.merge([registry, processRegistry()]).metrics(),
  };
}

function metricOf(name: MetricName): Metric {
  const found = (METRICS as Readonly<Record<string, Metric>>)[name];
  if (found === undefined) throw new Error(`no metric ${name}`);
  return found;
}

function finite(values: Values): readonly (readonly [Labels, number])[] {
  return [...values].filter(([, value]) => Number.isFinite(value)).slice(0, SERIES_MAX);
}
