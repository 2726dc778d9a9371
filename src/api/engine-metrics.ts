/** The figures of the services as metrics: a part of the table, made from that of the figures. */
import type { Engines } from '../engines/engine-probe.ts';
import {
  ENGINE_KINDS,
  type EngineKind,
  FIGURES,
  type Figure,
  PART_FIGURES,
  type Threshold,
} from '../model/engine-figures.ts';
import type { Engine } from '../model/engines.ts';
import { type Alert, counter, gauge, type Metric } from './metric.ts';
import type { ServerMetrics, Values } from './metrics.ts';

export type EngineMetricName = `isobar_engines_${string}`;

/** Those of the server itself are metrics of the API already. */
const WATCHED = ENGINE_KINDS.filter((kind) => kind !== 'api');
const NAMES: Readonly<Record<EngineKind, string>> = {
  api: 'isobar',
  kafka: 'Kafka',
  hdfs: 'HDFS',
  spark: 'Spark',
  redis: 'Redis',
  opensearch: 'OpenSearch',
};
const FOR = '5m';

const UP = 'isobar_engines_up';
const AGE = 'isobar_engines_age_seconds';

export const ENGINE_METRICS: Readonly<Record<EngineMetricName, Metric>> = {
  [UP]: gauge('Whether the service answers.', '0 or 1', {
    labels: ['engine'],
    absent: 'on a laptop',
    row: 'Engines',
    alerts: [
      {
        name: 'IsobarEngineUnreachable',
        query: UP,
        when: '== 0',
        for: FOR,
        severity: 'critical',
        summary: 'The service {{ $labels.engine }} does not answer.',
        remedy: 'Start it, or correct its address; `isobar status` names the error.',
      },
    ],
  }),
  [AGE]: gauge('Time since the service last answered.', 'seconds', {
    labels: ['engine'],
    absent: 'on a laptop',
  }),
  ...Object.fromEntries(
    WATCHED.flatMap((kind) =>
      Object.entries<Figure>(FIGURES[kind]).map(([name, figure]) => [
        nameOf(kind, name),
        metricOf(kind, name, figure),
      ]),
    ),
  ),
  ...Object.fromEntries(
    Object.entries<Figure>(PART_FIGURES.datanode).map(([name, { help, unit }]) => [
      partNameOf(name),
      gauge(help, unit, { labels: ['datanode'], absent: 'on a laptop' }),
    ]),
  ),
};

function nameOf(kind: EngineKind, figure: string): EngineMetricName {
  return `isobar_engines_${kind}_${figure}`;
}

function partNameOf(figure: string): EngineMetricName {
  return `isobar_engines_hdfs_datanode_${figure}`;
}

function metricOf(kind: EngineKind, name: string, figure: Figure): Metric {
  const { help, unit, threshold, isCounter = false, isKey = false } = figure;
  const make = isCounter ? counter : gauge;
  const alerts = threshold === undefined ? [] : alertsOf(kind, name, help, threshold);
  const row = isKey ? { row: 'Engines' as const } : {};
  return make(`${NAMES[kind]}: ${help}`, unit, { absent: 'on a laptop', alerts, ...row });
}

/** One for each limit. */
function alertsOf(kind: EngineKind, name: string, help: string, threshold: Threshold): Alert[] {
  const { is, warning, failing, remedy } = threshold;
  const sign = is === 'above' ? '>' : '<';
  const limits = [
    ['warning', warning],
    ['critical', failing],
  ] as const;
  return limits.flatMap(([severity, limit]): Alert[] => {
    if (limit === null) return [];
    return [
      {
        name: `Isobar${pascal(kind)}${pascal(name)}`,
        query: nameOf(kind, name),
        when: `${sign} ${limit}`,
        for: FOR,
        severity,
        summary: `${NAMES[kind]}: ${help.replace(/\.$/, '')}: {{ $value | humanize }}.`,
        remedy,
      },
    ];
  });
}

function pascal(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** A service that does not answer has no figures, only its age. */
export function addEngineMetrics(metrics: ServerMetrics, engines: Engines | null): void {
  // The metrics are read in the order in which they are declared: the first looks for all.
  let watched: readonly Engine[] = [];
  metrics.read(UP, () => {
    watched = (engines?.list() ?? []).filter(({ kind }) => kind !== 'api');
    return watched.map((one) => [{ engine: one.kind }, one.state === 'unreachable' ? 0 : 1]);
  });
  metrics.read(AGE, () =>
    watched.flatMap(({ kind, age_s }) => (age_s === null ? [] : [[{ engine: kind }, age_s]])),
  );
  const answering = (kind: EngineKind) =>
    watched.find((one) => one.kind === kind && one.state !== 'unreachable');
  for (const kind of WATCHED) {
    for (const name of Object.keys(FIGURES[kind])) {
      metrics.read(nameOf(kind, name), () => figureValues(answering(kind), name));
    }
  }
  for (const name of Object.keys(PART_FIGURES.datanode)) {
    metrics.read(partNameOf(name), () => partValues(answering('hdfs'), name));
  }
}

function figureValues(engine: Engine | undefined, name: string): Values {
  const value = engine?.figures.find((figure) => figure.name === name)?.value ?? null;
  return value === null ? [] : [[{}, value]];
}

function partValues(engine: Engine | undefined, name: string): Values {
  return (engine?.parts ?? []).flatMap((part) => {
    const value = part.kind === 'datanode' ? (part.figures[name] ?? null) : null;
    return value === null ? [] : [[{ datanode: part.name }, value] as const];
  });
}
