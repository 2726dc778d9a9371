import type { Engine, EngineFigure } from '../../src/model/engines.ts';
import { linePath, valueRange } from '../chart/points.ts';
import type { Store } from '../client/store.ts';
import { formatAge } from '../format/ages.ts';
import { words } from '../words/words.ts';
import { formatFigure, limitOf } from './engine-values.ts';
import { Facts } from './fact-box.tsx';

const NAMES: Readonly<Record<Engine['kind'], string>> = {
  api: 'isobar',
  kafka: 'Kafka',
  hdfs: 'HDFS',
  spark: 'Spark',
  redis: 'Redis',
  opensearch: 'OpenSearch',
};
const SHAPES: Readonly<Record<Engine['state'], string>> = {
  ok: '●',
  warning: '◐',
  failing: '▲',
  unreachable: '▲',
};

/** How the services are, a card each. */
export function Engines({ store }: { readonly store: Store }) {
  const engines = store.engines.answer.value?.data ?? [];
  const say = words.value.pipeline.engines;
  if (engines.length === 0) return null;
  const now = store.clock.now.value;
  return (
    <section class="engines" aria-label={say.title}>
      {engines.map((engine) => (
        <EngineCard key={engine.kind} engine={engine} now={now} />
      ))}
    </section>
  );
}

function EngineCard({ engine, now }: { readonly engine: Engine; readonly now: number }) {
  const say = words.value.pipeline.engines;
  const { kind, address, state, seen_at, error, figures, parts } = engine;
  const reported = figures.filter(({ value }) => value !== null);
  const shown = reported.filter((figure) => figure.key || figure.state !== 'ok');
  const rest = reported.filter((figure) => !shown.includes(figure));
  const seen =
    seen_at === null ? say.neverSeen : say.lastSeen(formatAge((now - Date.parse(seen_at)) / 1_000));
  return (
    <section class={`engine engine-${state}`} aria-label={NAMES[kind]}>
      <h3>{NAMES[kind]}</h3>
      <p class="engine-state">
        <span aria-hidden="true">{SHAPES[state]}</span> {say.states[state]}
        {state === 'unreachable' && <span class="quiet">, {seen}</span>}
      </p>
      <p class="engine-address quiet">{address}</p>
      {error !== null && (
        <p class="engine-remedy" lang="en">
          {error.message}. {error.remedy}
        </p>
      )}
      <dl class="engine-figures">
        {shown.map((figure) => (
          <FigureRow key={figure.name} figure={figure} />
        ))}
      </dl>
      {rest.length + parts.length > 0 && (
        <details>
          <summary>{say.more}</summary>
          <Facts rows={rest.map((one) => [nameOf(one.name), formatFigure(one.value, one.unit)])} />
          <Parts parts={parts} />
        </details>
      )}
    </section>
  );
}

function FigureRow({ figure }: { readonly figure: EngineFigure }) {
  const say = words.value.pipeline.engines;
  const { name, value, unit, state, remedy, trend } = figure;
  const limit = limitOf(figure);
  return (
    <div class={`engine-figure figure-${state}`}>
      <dt>{nameOf(name)}</dt>
      <dd>
        <Trend trend={trend} />
        <span class="number">
          {state !== 'ok' && <span aria-hidden="true">{SHAPES[state]} </span>}
          {formatFigure(value, unit)}
        </span>
      </dd>
      {remedy !== null && (
        <dd class="engine-remedy">
          {limit !== null && `${say.limit(formatFigure(limit, unit))}. `}
          <span lang="en">{remedy}</span>
        </dd>
      )}
    </div>
  );
}

const WIDTH = 72;
const HEIGHT = 18;

/** The last hours without axes; the value beside it says where it is now. */
function Trend({ trend }: { readonly trend: EngineFigure['trend'] }) {
  const { values } = trend;
  const points = { times: values.map((_, at) => at), values: [...values] };
  const range = valueRange([points], 0);
  if (values.length < 2 || range === null) return <span class="trend" />;
  const [low, high] = range;
  const x = (at: number) => (at / (values.length - 1)) * WIDTH;
  // What does not change is a line in the middle.
  const y = (value: number) =>
    high === low ? HEIGHT / 2 : HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4);
  return (
    <svg
      class="trend"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={linePath(points, x, y)} />
    </svg>
  );
}

/** DataNodes and the like, those in trouble first. */
function Parts({ parts }: { readonly parts: Engine['parts'] }) {
  const units: Readonly<Record<string, string>> = { seconds: 'seconds', bytes: 'bytes' };
  return (
    <Facts
      rows={parts.map(({ name, note, state, figures }) => {
        const values = Object.entries(figures).flatMap(([figure, value]) =>
          value === null ? [] : [formatFigure(value, units[figure.split('_').at(-1) ?? ''] ?? '')],
        );
        const mark = state === 'ok' ? '' : `${SHAPES[state]} `;
        return [name, `${mark}${[note, ...values].filter((text) => text !== '').join(' · ')}`];
      })}
    />
  );
}

function nameOf(figure: string): string {
  return words.value.pipeline.engines.figures[figure] ?? figure;
}
