/** How a metric is declared: what it is, what its alerts are, and what a chart of it shows. */

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence. */
  readonly help: string;
  readonly unit: string;
  readonly labels?: readonly string[];
  /** Where it has no samples; on a laptop in one process all others have some. */
  readonly absent?: 'on a laptop' | 'at first';
  readonly alerts?: readonly Alert[];
  /** A row of the dashboard; without it the metric only explains another. */
  readonly row?: Row;
}

export type Row =
  | 'API'
  | 'Collector'
  | 'Log'
  | 'Table'
  | 'Analytics'
  | 'Alerts'
  | 'Process'
  | 'Engines';

/** It fires where `query`, compared as `when` says, holds for this long. */
export interface Alert {
  readonly name: string;
  /** PromQL; answers with a value whether or not all is well. */
  readonly query: string;
  readonly when: `${'>' | '<' | '==' | '!=' | '>=' | '<='} ${number}`;
  /** A duration of Prometheus. */
  readonly for: string;
  readonly severity: 'warning' | 'critical';
  readonly summary: string;
  readonly remedy: string;
}

type More = Omit<Metric, 'type' | 'help' | 'unit'>;

const declare =
  (type: Metric['type']) =>
  (help: string, unit: string, more: More = {}): Metric => ({ type, help, unit, ...more });

export const counter = declare('counter');
export const gauge = declare('gauge');
export const histogram = declare('histogram');

/** The expression of an alert, as a rule has it. */
export function expressionOf({ query, when }: Alert): string {
  return `${query} ${when}`;
}

const WINDOW = '5m';

/** What a chart of the metric shows: a rate, a quantile, or the value. */
export function chartOf(name: string, { type, labels = [] }: Metric): string {
  if (type === 'counter') {
    const sum = labels.length === 0 ? 'sum' : `sum by (${labels.join(', ')})`;
    return `${sum} (rate(${name}[${WINDOW}]))`;
  }
  if (type === 'gauge') return name;
  const by = ['le', ...labels].join(', ');
  return `histogram_quantile(0.95, sum by (${by}) (rate(${name}_bucket[${WINDOW}])))`;
}
