/** The sheet of the sensors: which stations report what cannot be right, and what the weather did that is unusual. */
import type { AnomalyEventsAnswer, QualityFlagsAnswer } from '../../src/api/quality-schemas.ts';
import { VARIABLES, type VariableName } from '../../src/model/variables.ts';
import { COMPARED_MAX } from '../chart/line-style.ts';
import { nameOfCity, zoneOfCity } from '../cities/find-city.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatCount, formatNumber } from '../format/numbers.ts';
import { formatValue } from '../format/units.ts';
import { RangeBar } from '../header/range-bar.tsx';
import { Panel } from '../panel/panel.tsx';
import { Cells, type Column, Table } from '../panel/table.tsx';
import { TimeCell } from '../panel/time-cell.tsx';
import { words } from '../words/words.ts';
import { DriftPanel } from './drift-panel.tsx';
import { type StationFlags, stationsOf } from './flag.ts';
import './sensors.css';

interface StoreProps {
  readonly store: Store;
}

export function SensorsSheet({ store }: StoreProps) {
  return (
    <>
      <RangeBar store={store} />
      <Stations store={store} />
      <DriftPanel store={store} />
      <Events store={store} />
    </>
  );
}

function Stations({ store }: StoreProps) {
  const { panel, quality: say } = words.value;
  const columns: readonly Column[] = [
    [panel.city],
    [say.failedCount, 'number'],
    [say.suspectCount, 'number'],
    [say.share, 'number'],
    [say.what, 'wraps'],
    [say.last],
  ];
  return (
    <Panel
      id="sensors"
      title={say.title}
      subtitle={say.subtitle}
      store={store}
      resource={store.sensors.flags}
      height={260}
      emptyText={say.noFlags}
    >
      {(answer) => {
        const stations = stationsOf(answer.data);
        return (
          <>
            <Table label={say.title} caption={say.caption} class="stacks" tall columns={columns}>
              {stations.map((station) => (
                <StationRow key={station.cityId} {...{ store, station, columns }} />
              ))}
            </Table>
            <Note store={store} answer={answer} flagged={stations.length} />
          </>
        );
      }}
    </Panel>
  );
}

interface StationRowProps extends StoreProps {
  readonly station: StationFlags;
  readonly columns: readonly Column[];
}

function StationRow({ store, station, columns }: StationRowProps) {
  const { cityId, failed, suspect, tests, last } = station;
  const say = words.value.quality;
  const statistics = store.statistics.answer.value?.data ?? [];
  const count = statistics.find(({ city_id }) => city_id === cityId)?.observation_count ?? null;
  const what = tests.map(([test, number]) => `${say.tests[test]} ${formatCount(number)}`);
  return (
    <tr>
      <Cells
        columns={columns}
        cells={[
          <button
            key="city"
            type="button"
            class="link"
            title={say.show}
            onClick={() => show(store, cityId, last.variable, Date.parse(last.observed_at))}
          >
            {nameOfCity(store, cityId)}
          </button>,
          failed === 0 ? '–' : <b class="alert">{formatCount(failed)}</b>,
          suspect === 0 ? '–' : formatCount(suspect),
          count === null || count === 0 ? '–' : `${formatNumber((100 * failed) / count, 2)} %`,
          what.join(', '),
          <TimeCell
            key="last"
            {...{ store, zone: zoneOfCity(store, cityId) }}
            at={last.observed_at}
            mixed={store.address.view.value.clock === 'city'}
          />,
        ]}
      />
    </tr>
  );
}

function Note({
  store,
  answer,
  flagged,
}: StoreProps & { readonly answer: QualityFlagsAnswer; readonly flagged: number }) {
  const say = words.value.quality;
  const others = store.shown.value.length - flagged;
  const parts = [
    answer.meta.next_cursor === null ? null : say.more(formatCount(answer.data.length)),
    others > 0 && answer.meta.next_cursor === null ? say.others(formatCount(others)) : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : <p class="quiet foot">{parts.join(' · ')}</p>;
}

function Events({ store }: StoreProps) {
  const { panel, quality: say, anomalies } = words.value;
  const columns: readonly Column[] = [
    [panel.time],
    [panel.city],
    [anomalies.variable],
    [anomalies.value, 'number'],
    [say.expected, 'number'],
    [say.severity],
    [say.cause, 'wraps'],
  ];
  return (
    <Panel
      id="events"
      title={say.events}
      subtitle={say.eventsSubtitle}
      store={store}
      resource={store.sensors.events}
      height={260}
      emptyText={say.noEvents}
    >
      {(answer) => (
        <>
          <Table
            label={say.events}
            caption={say.eventsCaption}
            class="stacks"
            tall
            columns={columns}
          >
            {answer.data.map((event) => (
              <EventRow
                key={`${event.city_id} ${event.variable} ${event.began_at}`}
                {...{ store, event, columns }}
              />
            ))}
          </Table>
          <EventsNote store={store} answer={answer} />
        </>
      )}
    </Panel>
  );
}

type Event = AnomalyEventsAnswer['data'][number];

interface EventRowProps extends StoreProps {
  readonly event: Event;
  readonly columns: readonly Column[];
}

function EventRow({ store, event, columns }: EventRowProps) {
  const { city_id, variable, peak_at, value, expected, severity } = event;
  const { units, clock } = store.address.view.value;
  const say = words.value.quality;
  return (
    <tr title={event.reason}>
      <Cells
        columns={columns}
        cells={[
          <TimeCell
            key="time"
            {...{ store, zone: zoneOfCity(store, city_id) }}
            at={peak_at}
            mixed={clock === 'city'}
          />,
          <button
            key="city"
            type="button"
            class="link"
            title={say.show}
            onClick={() => show(store, city_id, variable, Date.parse(peak_at))}
          >
            {nameOfCity(store, city_id)}
          </button>,
          words.value.variables[variable],
          formatValue(value, variable, units),
          formatValue(expected, variable, units),
          <span key="severity" class={`severity ${severity}`}>
            {say.severities[severity]}
          </span>,
          causeOf(event),
        ]}
      />
    </tr>
  );
}

/** "a front: humidity and wind speed as well, 2 cities nearby" */
function causeOf({ class: cause, other_variables, neighbour_count, record }: Event): string {
  const say = words.value.quality;
  const names = other_variables.split(' ').filter((name) => name in VARIABLES) as VariableName[];
  const beside = [
    ...names.map((name) => words.value.variables[name]),
    ...(neighbour_count === 0 ? [] : [say.nearby(formatCount(neighbour_count))]),
  ];
  const extreme = record === null ? [] : [say.records[record]];
  const evidence = [...extreme, ...(cause === 'front' ? beside : [])].join(', ');
  return evidence === '' ? say.causes[cause] : `${say.causes[cause]}: ${evidence}`;
}

function EventsNote({ answer, store }: StoreProps & { readonly answer: AnomalyEventsAnswer }) {
  const say = words.value.quality;
  const { learning, next_cursor } = answer.meta;
  const parts = [
    next_cursor === null ? null : say.moreEvents(formatCount(answer.data.length)),
    ...learning
      .slice(0, LEARNING_SHOWN)
      .map(({ city_id, days, days_needed }) =>
        say.learning(nameOfCity(store, city_id), formatCount(days), formatCount(days_needed)),
      ),
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : <p class="quiet foot">{parts.join(' · ')}</p>;
}

const LEARNING_SHOWN = 5;
/** Room around a time when it is shown. */
const AROUND_MS = 3 * 86_400_000;

/** The chart of the variable in this city, with the time in the middle of its range. */
function show(store: Store, cityId: string, variable: VariableName, at: number): void {
  const compared = store.compared.peek().map(({ city_id }) => city_id);
  const cities = compared.includes(cityId)
    ? compared
    : [cityId, ...compared].slice(0, COMPARED_MAX);
  const charts = store.address.view.peek().charts;
  const to = Math.min(store.clock.now.peek(), at + AROUND_MS);
  chooseView(store, {
    ...{ sheet: 'weather', cities, range: { from: at - AROUND_MS, to } },
    charts: charts.includes(variable) ? charts : [variable, ...charts.slice(1)],
  });
}
