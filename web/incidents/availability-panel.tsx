/** The availability of each city as a strip, a day a cell, and the same as a table. */
import { useSignal } from '@preact/signals';
import { type Availability, CAUSES, type Cause } from '../../src/model/outages.ts';
import { nameOfCity } from '../cities/find-city.ts';
import type { Store } from '../client/store.ts';
import { formatCount, formatNumber } from '../format/numbers.ts';
import { formatDay } from '../format/times.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';

const DAY = 86_400_000;
const DAYS = 90;
const TABLE_ROWS = 500;
/** By letters as well as by colours. */
const LETTERS: Readonly<Record<Cause, string>> = {
  station: 'S',
  provider: 'P',
  network: 'N',
  budget: 'B',
  paused: '‖',
  isobar: 'I',
  unknown: '?',
};
/** Below these shares, %, a day has the next colour. */
const STEPS = [100, 99, 90, 50];

export function AvailabilityPanel({ store }: { readonly store: Store }) {
  const say = words.value.incidents.availability;
  const table = useSignal(false);
  return (
    <Panel
      id="availability"
      title={say.title}
      subtitle={say.subtitle}
      legend={<Legend />}
      store={store}
      resource={store.incidents.availability}
      height={160}
      emptyText={say.none}
      table={table}
    >
      {({ data }) => (
        <>
          <ul class="strips">
            {[...Map.groupBy(data, ({ city_id }) => city_id)].map(([id, days]) => (
              <Strip key={id} store={store} id={id} days={days} />
            ))}
          </ul>
          {table.value && <Days store={store} rows={data} />}
        </>
      )}
    </Panel>
  );
}

function stepOf({ pct }: Availability): number {
  return STEPS.filter((share) => (pct ?? 100) < share).length;
}

function shareText(pct: number): string {
  // What lacks something is not called whole.
  return pct === 100 ? '100' : formatNumber(Math.min(pct, 99.9), 1);
}

interface StripProps {
  readonly store: Store;
  readonly id: string;
  readonly days: readonly Availability[];
}

function Strip({ store, id, days }: StripProps) {
  const say = words.value.incidents.availability;
  const name = nameOfCity(store, id);
  const today = Math.floor(store.clock.now.peek() / DAY);
  const byDay = new Map(days.map((day) => [Math.floor(Date.parse(day.from) / DAY), day]));
  const sum = (pick: (day: Availability) => number) =>
    days.reduce((total, day) => total + pick(day), 0);
  const share = shareText(
    (100 * sum(({ arrived }) => arrived)) /
      Math.max(
        1,
        sum(({ expected }) => expected),
      ),
  );
  const lacking = days.filter(({ arrived, expected }) => arrived < expected).length;
  return (
    <li>
      <span class="unseen">{say.label(name, share, formatCount(lacking))}</span>
      <span aria-hidden="true">{name}</span>
      <span aria-hidden="true" class="strip">
        {Array.from({ length: DAYS }, (_, index) => {
          const at = today - DAYS + 1 + index;
          return <Day key={at} at={at * DAY} day={byDay.get(at)} now={store.clock.now.peek()} />;
        })}
      </span>
      <b aria-hidden="true" class="strip-share">
        {share} %
      </b>
    </li>
  );
}

function Day({
  at,
  day,
  now,
}: {
  readonly at: number;
  readonly day: Availability | undefined;
  readonly now: number;
}) {
  const say = words.value.incidents.availability;
  if (day === undefined || day.pct === null) return <span class="day" />;
  const { main_cause, pct } = day;
  const text = say.day(formatDay(at, 'UTC', now), shareText(pct));
  const cause = pct === 100 ? null : main_cause;
  return (
    <span
      class={`day day-${stepOf(day)}`}
      title={cause === null ? text : `${text}, ${say.causes[cause]}`}
    >
      {cause === null ? '' : LETTERS[cause]}
    </span>
  );
}

function Legend() {
  const say = words.value.incidents.availability;
  const shares = ['100 %', '≥ 99 %', '≥ 90 %', '≥ 50 %', '< 50 %'];
  return (
    <ul class="marks">
      {shares.map((text, step) => (
        <li key={text}>
          <span class={`day day-${step}`} /> {text}
        </li>
      ))}
      {CAUSES.map((cause) => (
        <li key={cause}>
          <b>{LETTERS[cause]}</b> {say.causes[cause]}
        </li>
      ))}
    </ul>
  );
}

interface DaysProps {
  readonly store: Store;
  readonly rows: readonly Availability[];
}

function Days({ store, rows }: DaysProps) {
  const say = words.value.incidents.availability;
  const columns: readonly Column[] = [
    [say.date],
    [say.city],
    [say.arrived, 'number'],
    [say.expected, 'number'],
    [say.share, 'number'],
    [say.station, 'number'],
    [say.cause],
  ];
  const percent = (share: number | null) => (share === null ? '–' : `${shareText(share)} %`);
  const lacking = rows
    .filter(({ arrived, expected }) => arrived < expected)
    .toSorted((a, b) => Date.parse(b.from) - Date.parse(a.from))
    .slice(0, TABLE_ROWS);
  return (
    <Table label={say.table} captioned tall columns={columns}>
      {lacking.map((row) => (
        <Row
          key={`${row.city_id} ${row.from}`}
          columns={columns}
          cells={[
            formatDay(Date.parse(row.from), 'UTC', store.clock.now.peek()),
            nameOfCity(store, row.city_id),
            formatCount(row.arrived),
            formatCount(row.expected),
            percent(row.pct),
            percent(row.station_pct),
            row.main_cause === null ? '–' : say.causes[row.main_cause],
          ]}
        />
      ))}
    </Table>
  );
}
