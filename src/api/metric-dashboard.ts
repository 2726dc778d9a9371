/** A dashboard for Grafana, made from the table of metrics: a chart for each that has a row. */
import { chartOf, type Metric } from './metric.ts';
import { listMetrics } from './metric-table.ts';

/** Of Grafana 10.4 and later. */
const SCHEMA_VERSION = 39;
const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };
/** The grid of Grafana has 24 columns. */
const [COLUMNS, WIDTH, HEIGHT] = [24, 8, 7];
const UNITS: Readonly<Record<string, string>> = {
  seconds: 's',
  bytes: 'bytes',
  ratio: 'percentunit',
  'seconds since 1970': 'dateTimeFromNow',
};

export function formatDashboard(): string {
  return `${JSON.stringify(dashboard(), null, 2)}\n`;
}

function dashboard(): object {
  const shown = listMetrics().filter(([, { row }]) => row !== undefined);
  const rows = Map.groupBy(shown, ([, { row }]) => row ?? '');
  const panels: object[] = [];
  let y = 0;
  for (const [title, metrics] of rows) {
    const id = panels.length + 1;
    panels.push({ id, type: 'row', title, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] });
    y += 1;
    for (const [at, [name, metric]] of metrics.entries()) {
      const x = (at * WIDTH) % COLUMNS;
      if (at > 0 && x === 0) y += HEIGHT;
      panels.push(panel(panels.length + 1, { x, y, w: WIDTH, h: HEIGHT }, name, metric));
    }
    y += HEIGHT;
  }
  const source = { name: 'datasource', label: 'Prometheus', type: 'datasource' };
  return {
    uid: 'isobar',
    title: 'isobar',
    tags: ['isobar'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: [{ ...source, query: 'prometheus' }] },
    panels,
  };
}

function panel(id: number, gridPos: object, name: string, metric: Metric): object {
  const { help, unit, labels = [], alerts = [], type } = metric;
  const remedies = alerts.map(({ summary, remedy }) => `${summary} ${remedy}`);
  const isTime = type === 'gauge' && unit === 'seconds since 1970';
  // Seconds of processor time in a second are a share, records in a second are a rate.
  const ofRate = unit === 'bytes' ? 'Bps' : unit === 'seconds' ? 'percentunit' : 'ops';
  return {
    id,
    type: isTime ? 'stat' : 'timeseries',
    title: help.replace(/\.$/, ''),
    description: [`\`${name}\``, ...remedies].join('\n\n'),
    datasource: DATA_SOURCE,
    gridPos,
    fieldConfig: {
      defaults: { unit: type === 'counter' ? ofRate : (UNITS[unit] ?? 'short') },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: labels.length > 0 },
    },
    targets: [
      {
        refId: 'A',
        datasource: DATA_SOURCE,
        // Grafana multiplies times by nothing: it wants milliseconds.
        expr: isTime ? `${chartOf(name, metric)} * 1000` : chartOf(name, metric),
        legendFormat: labels.map((label) => `{{${label}}}`).join(' '),
      },
    ],
  };
}
