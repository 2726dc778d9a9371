/** The weather around an incident: its variable, the threshold, and its time marked. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { SeriesAnswer } from '../../src/api/schemas.ts';
import type { Incident } from '../../src/model/alerts.ts';
import { LABELLED_MIN } from '../chart/chart-head.tsx';
import { LineChart } from '../chart/line-chart.tsx';
import { layOutLines } from '../chart/line-layout.ts';
import { linesOf, marksOf, timesOf } from '../chart/lines.ts';
import { PointsTable } from '../chart/points-table.tsx';
import { Names, spokenAt, Tooltip } from '../chart/reading.tsx';
import { chooseView, type Store } from '../client/store.ts';
import { convertValue, formatValue, unitOf } from '../format/units.ts';
import { useWidth } from '../panel/measured.ts';
import { Skeleton } from '../panel/skeleton.tsx';
import { words } from '../words/words.ts';
import { type IncidentPicture, pictureOf, thresholdOf } from './incident-list.ts';
import { subjectOf, zoneOfIncident } from './subject.ts';

const HEIGHT = 220;
const NONE: readonly never[] = [];

interface ChartProps {
  readonly store: Store;
  readonly incident: Incident;
}

export function IncidentChart({ store, incident }: ChartProps) {
  const { series } = store.incidents;
  const picture = pictureOf(incident, store.incidents.now.value);
  if (picture === null) return null;
  const answer = series.outdated.value ? null : series.answer.value;
  if (answer === null) {
    const trouble = series.trouble.value;
    return trouble === null ? (
      <Skeleton height={HEIGHT} />
    ) : (
      <p class="alert" lang={trouble.told ? 'en' : undefined}>
        ▲ {trouble.what}
      </p>
    );
  }
  return <Drawing {...{ store, incident, picture, answer }} />;
}

interface DrawingProps extends ChartProps {
  readonly picture: IncidentPicture;
  readonly answer: SeriesAnswer;
}

function Drawing({ store, incident, picture, answer }: DrawingProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const cursor = useSignal<number | null>(null);
  const city = useSignal(0);
  const isTableOpen = useSignal(false);
  const { units } = store.address.view.value;
  const zone = zoneOfIncident(store, incident);
  const { variable, cities, from, to } = picture;
  const rules = store.incidents.rules.answer.value?.data ?? NONE;
  const anomalies = store.anomalies.answer.value?.data ?? NONE;
  const language = words.value;
  const drawn = useMemo(() => {
    const lines = linesOf(answer.data, cities, variable, units);
    const threshold = thresholdOf(incident, rules);
    const layout = layOutLines({
      ...{ lines, summaries: null, usual: null, variable, units, zone, from, to, width },
      ...{
        height: HEIGHT,
        nights: [],
        sky: null,
        anomalies,
        flags: NONE,
        labelled: width >= LABELLED_MIN,
      },
      threshold: threshold === null ? null : convertValue(threshold, variable, units),
      marked: spanOf(incident, to),
    });
    return { lines, layout, times: timesOf(lines) };
  }, [answer, incident, rules, anomalies, units, zone, from, to, width, language]);
  const { lines, layout } = drawn;
  const range = { from, to, open: false, anchored: false };
  const shown = { store, variable, lines, zone, range, anomalies, flags: NONE, width };
  const at = cursor.value;
  const none = { summaries: null, forecast: null, days: null };
  const reading = at === null ? null : { ...shown, ...none, at };
  const id = `chart-${incident.incident_id}`;
  const title = words.value.incidents.chart(
    words.value.variables[variable],
    subjectOf(store, incident),
  );
  return (
    <div class="incident-chart">
      <Legend {...{ store, incident, variable, title }} />
      <div ref={place} class="drawing" style={{ minHeight: `${HEIGHT}px` }}>
        {width > 0 && width < LABELLED_MIN && <Names lines={lines} variable={variable} />}
        {width > 0 && (
          <LineChart
            {...{ id, layout, width, times: drawn.times, cursor: at }}
            height={HEIGHT}
            marks={at === null ? [] : marksOf(lines, layout, at)}
            city={Math.min(city.value, Math.max(0, lines.length - 1))}
            cityCount={lines.length}
            label={title}
            details={`${id}-table`}
            lit={null}
            spoken={reading === null ? null : spokenAt(reading, city.value)}
            onCursor={(next) => {
              cursor.value = next;
            }}
            onCity={(next) => {
              city.value = next;
            }}
            onSpan={(span) =>
              chooseView(store, { sheet: 'weather', range: span, cities, charts: [variable] })
            }
          />
        )}
        {reading !== null && <Tooltip {...reading} left={layout.x(reading.at)} />}
      </div>
      <details
        id={`${id}-table`}
        onToggle={({ currentTarget }) => {
          isTableOpen.value = currentTarget.open;
        }}
      >
        <summary>{words.value.panel.table}</summary>
        {isTableOpen.value && <PointsTable {...{ store, variable, lines, zone }} />}
      </details>
    </div>
  );
}

/** From its begin to its end, or to the end of the picture while it is open. */
function spanOf({ began_at, resolved_at }: Incident, to: number) {
  return { from: Date.parse(began_at), to: resolved_at === null ? to : Date.parse(resolved_at) };
}

interface LegendProps extends ChartProps {
  readonly variable: IncidentPicture['variable'];
  readonly title: string;
}

function Legend({ store, incident, variable, title }: LegendProps) {
  const { units } = store.address.view.value;
  const say = words.value.incidents.marks;
  const rules = store.incidents.rules.answer.value?.data ?? [];
  const threshold = thresholdOf(incident, rules);
  return (
    <ul class="marks drawing">
      <li>
        {title}, {unitOf(variable, units)}
      </li>
      <li>
        <svg viewBox="0 0 18 12" width="18" height="12" aria-hidden="true">
          <rect class="marked" width="18" height="12" />
        </svg>
        {say.time}
      </li>
      {threshold !== null && (
        <li>
          <svg viewBox="0 0 18 12" width="18" height="12" aria-hidden="true">
            <path class="threshold" d="M0 6H18" />
          </svg>
          {say.threshold} {formatValue(threshold, variable, units)}
        </li>
      )}
    </ul>
  );
}
