import type { ComponentChildren } from 'preact';
import { chooseView, type Store } from '../client/store.ts';
import { RANGE_NAMES } from '../client/view.ts';
import { timeliness } from '../format/ages.ts';
import { formatCount, formatNumber, formatPlural, isOne } from '../format/numbers.ts';
import { formatTime, formatTimeShort, isKnownZone, ownZone, zoneOf } from '../format/times.ts';
import { Choice } from '../panel/choice.tsx';
import { Guard } from '../panel/guard.tsx';
import { isBounded, pipelineSteps } from '../pipeline/steps.ts';
import { words } from '../words/words.ts';
import { CopyLink } from './header-actions.tsx';
import { RangeControls } from './range-controls.tsx';
import { Search } from './search.tsx';

/** The range of all panels, and what the whole comes down to, each fact a way to its place. */
export function Summary({ store }: { readonly store: Store }) {
  return (
    <div class="overview">
      <nav class="ranges" aria-label={words.value.range.label}>
        <RangeChoice store={store} />
        <RangeControls store={store} />
        <RangeNote store={store} />
        <ZoneNote store={store} />
      </nav>
      <div class="find">
        <Search store={store} />
        <CopyLink />
      </div>
      <Guard of={store.cities.answer.value}>
        <ul class="facts" aria-label={words.value.summary.label}>
          <Reporting store={store} />
          <Unhealthy store={store} />
          <Unusual store={store} />
          <Coverage store={store} />
          <Calls store={store} />
          <Versions store={store} />
        </ul>
      </Guard>
    </div>
  );
}

function RangeChoice({ store }: { readonly store: Store }) {
  const { range } = store.address.view.value;
  return (
    <Choice
      label={words.value.range.label}
      options={RANGE_NAMES.map((name) => [name, words.value.range.names[name]])}
      value={typeof range === 'string' ? range : null}
      onChoose={(name) => chooseView(store, { range: name })}
    />
  );
}

/** Says the range in words where the pressed button does not. */
function RangeNote({ store }: { readonly store: Store }) {
  const { range: chosen, clock } = store.address.view.value;
  const range = store.range.value;
  if (range === null) return null;
  const say = words.value;
  const now = store.clock.now.value;
  // The header shows that time on the same clock.
  if (typeof chosen === 'string') {
    return range.anchored ? <p class="range-note">{say.range.toNewest}</p> : null;
  }
  const zone = zoneOf(clock, store.compared.value[0]?.time_zone);
  return (
    <p class="range-note">
      {say.chart.span(formatTime(range.from, zone, now), formatTime(range.to, zone, now))}{' '}
      <button type="button" class="link" onClick={() => chooseView(store, { range: '7d' })}>
        {say.range.back(say.range.names['7d'])}
      </button>
    </p>
  );
}

/** Says which times are in UTC because this browser does not know their time zone. */
function ZoneNote({ store }: { readonly store: Store }) {
  const { clock } = store.address.view.value;
  const say = words.value.zones;
  const notes = [];
  if (clock === 'city') {
    const unknown = store.shown.value.filter(
      ({ time_zone }) => time_zone !== null && !isKnownZone(time_zone),
    );
    const zones = [...new Set(unknown.map(({ time_zone }) => time_zone))].join(', ');
    const names = unknown.slice(0, NAMES_MAX).map(({ name }) => name);
    if (unknown.length > NAMES_MAX) names.push('…');
    if (unknown.length > 0) notes.push(say.ofCities(names.join(', '), zones));
  }
  // The header and the pipeline show times on the reader's clock, whatever the others do.
  if (clock !== 'utc' && !isKnownZone(ownZone())) notes.push(say.own(ownZone()));
  return notes.map((note) => (
    <p key={note} class="range-note">
      ▲ {note}
    </p>
  ));
}

interface FactProps {
  readonly to: string;
  /** What stands between two stars is set in bold. */
  readonly text?: string;
  readonly children?: ComponentChildren;
}

function Fact({ to, text, children }: FactProps) {
  const parts = text?.split('*') ?? [];
  return (
    <li>
      <a href={`#${to}`}>
        {parts.map((part, at) => (at % 2 === 1 ? <b key={part}>{part}</b> : part))}
        {children}
      </a>
    </li>
  );
}

/** How many late cities are named. */
const NAMES_MAX = 3;

function Reporting({ store }: { readonly store: Store }) {
  const { counts, summary: say } = words.value;
  const cities = store.shown.value;
  if (store.cities.answer.value === null) return <li class="quiet">{say.waiting}</li>;
  const now = store.clock.now.value;
  const states = cities.map(({ name, latest }) => ({
    name,
    state:
      latest === null ? 'late' : timeliness(latest, (now - Date.parse(latest.observed_at)) / 1_000),
  }));
  const late = states.filter(({ state }) => state === 'late').map(({ name }) => name);
  const history = states.filter(({ state }) => state === 'history').length;
  const reporting = cities.length - late.length - history;
  return (
    <>
      {history < cities.length && (
        <Fact
          to="cities"
          text={say.reporting(formatCount(reporting), formatCount(cities.length))}
        />
      )}
      {history > 0 && <Fact to="cities" text={say.history(formatPlural(history, counts.city))} />}
      {late.length > 0 && (
        <Fact to="cities">
          <b class="alert">▲ {formatCount(late.length)}</b> {say.late}{' '}
          {late.slice(0, NAMES_MAX).join(', ')}
          {late.length > NAMES_MAX && ' …'}
        </Fact>
      )}
    </>
  );
}

/** The steps of the pipeline that need a look. */
function Unhealthy({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  if (status === undefined) return null;
  const steps = pipelineSteps(status, store.clock.now.value);
  const names = steps.filter(({ state }) => state === 'look').map(({ name }) => name);
  if (names.length === 0) return null;
  return (
    <Fact to="pipeline">
      <b class="alert">▲ {names.join(', ')}</b> {words.value.summary.look}
    </Fact>
  );
}

function Unusual({ store }: { readonly store: Store }) {
  const answer = store.unusual.answer.value;
  if (answer === null) return null;
  const more = answer.meta.next_cursor === null ? '' : '+';
  const count = answer.meta.row_count;
  const text = words.value.summary.unusual(`${formatCount(count)}${more}`, isOne(count));
  return <Fact to="anomalies" text={text} />;
}

function Coverage({ store }: { readonly store: Store }) {
  const coverage = store.charts[0]?.series.answer.value?.meta.coverage_pct ?? null;
  if (coverage === null) return null;
  const share = formatNumber(coverage, coverage > 99.95 ? 0 : 1);
  return <Fact to="statistics" text={words.value.summary.coverage(share)} />;
}

function Calls({ store }: { readonly store: Store }) {
  const calls = store.status.answer.value?.data.collector?.calls.day;
  if (calls === undefined) return null;
  const limit = isBounded(calls) ? formatCount(calls.limit) : null;
  return <Fact to="pipeline" text={words.value.summary.calls(formatCount(calls.used), limit)} />;
}

function Versions({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  if (status === undefined || status.table.version < 0) return null;
  const { computed_at } = status.analytics;
  const zone = zoneOf(store.address.view.value.clock === 'utc' ? 'utc' : 'mine', null);
  const computed =
    computed_at === null
      ? null
      : formatTimeShort(Date.parse(computed_at), zone, store.clock.now.value);
  const text = words.value.summary.version(formatCount(status.table.version), computed);
  return <Fact to="pipeline" text={text} />;
}
