/** Metrics as Prometheus reads them (text format 0.0.4): a small registry of our own. */
import { METRICS } from './metric-table.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels?: Labels, by?: number): void;
}

export interface Histogram {
  /** In the base unit of its name. */
  observe(value: number, labels?: Labels): void;
}

export interface Registry {
  counter(name: string): Counter;
  histogram(name: string, bounds: readonly number[]): Histogram;
  /** Asked for its values whenever the metrics are read. */
  gauge(name: string, read: () => Iterable<readonly [Labels, number]>): void;
  /** The same, for values that only grow. */
  total(name: string, read: () => Iterable<readonly [Labels, number]>): void;
  format(): string;
}

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  lines(): Iterable<string>;
}

/** `metrics` holds the help of each name. */
export function openRegistry(
  metrics: Readonly<Record<string, { readonly help: string }>> = METRICS,
): Registry {
  const families: Family[] = [];

  function read(type: 'counter' | 'gauge') {
    return (name: string, values: () => Iterable<readonly [Labels, number]>) => {
      families.push({
        name,
        type,
        *lines() {
          for (const [labels, value] of values()) yield line(name, labels, value);
        },
      });
    };
  }

  return {
    counter(name) {
      const values = new Map<string, number>();
      families.push({
        name,
        type: 'counter',
        *lines() {
          for (const [labels, value] of values) yield `${name}${labels} ${value}`;
        },
      });
      return {
        add(labels = {}, by = 1) {
          const key = formatLabels(labels);
          values.set(key, (values.get(key) ?? 0) + by);
        },
      };
    },
    histogram(name, bounds) {
      const series = new Map<string, Buckets>();
      families.push({
        name,
        type: 'histogram',
        *lines() {
          for (const buckets of series.values()) yield* bucketLines(name, bounds, buckets);
        },
      });
      return {
        observe(value, labels = {}) {
          const key = formatLabels(labels);
          let buckets = series.get(key);
          if (buckets === undefined) {
            buckets = { labels, counts: bounds.map(() => 0), sum: 0, count: 0 };
            series.set(key, buckets);
          }
          const index = bounds.findIndex((bound) => value <= bound);
          if (index !== -1) buckets.counts[index] = (buckets.counts[index] ?? 0) + 1;
          buckets.sum += value;
          buckets.count += 1;
        },
      };
    },
    gauge: read('gauge'),
    total: read('counter'),
    format() {
      return families
        .map((family) => {
          const head = `# HELP ${family.name} ${metrics[family.name]?.help}\n# TYPE ${family.name} ${family.type}\n`;
          const lines = [...family.lines()];
          return lines.length === 0 ? '' : `${head}${lines.join('\n')}\n`;
        })
        .join('');
    },
  };
}

interface Buckets {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

function* bucketLines(name: string, bounds: readonly number[], buckets: Buckets) {
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += buckets.counts[index] ?? 0;
    yield line(`${name}_bucket`, { ...buckets.labels, le: String(bound) }, below);
  }
  yield line(`${name}_bucket`, { ...buckets.labels, le: '+Inf' }, buckets.count);
  yield line(`${name}_sum`, buckets.labels, buckets.sum);
  yield line(`${name}_count`, buckets.labels, buckets.count);
}

function line(name: string, labels: Labels, value: number): string {
  return `${name}${formatLabels(labels)} ${formatValue(value)}`;
}

function formatLabels(labels: Labels): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return '';
  return `{${entries.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
