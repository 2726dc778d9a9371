import type { ComponentChildren } from 'preact';
import type { Store } from '../client/store.ts';
import { formatView } from '../client/view.ts';
import { timeliness } from '../format/ages.ts';
import { formatCount, formatNumber, formatPlural, isOne } from '../format/numbers.ts';
import { formatTimeShort, zoneWithoutCity } from '../format/times.ts';
import { words } from '../words/words.ts';
import { pipelineSteps } from './steps.ts';

/** What the whole comes down to; what the weather shows is a way there. */
export function Summary({ store }: { readonly store: Store }) {
  return (
    <ul class="facts" aria-label={words.value.summary.label}>
      <Reporting store={store} />
      <Unhealthy store={store} />
      <Unusual store={store} />
      <Coverage store={store} />
      <Calls store={store} />
      <Versions store={store} />
    </ul>
  );
}

interface FactProps {
  readonly store: Store;
  /** A panel of the weather; null for what stands on this sheet. */
  readonly to: string | null;
  /** What stands between two stars is set in bold. */
  readonly text?: string;
  readonly children?: ComponentChildren;
}

function Fact({ store, to, text, children }: FactProps) {
  const parts = text?.split('*') ?? [];
  const content = (
    <>
      {parts.map((part, at) => (at % 2 === 1 ? <b key={part}>{part}</b> : part))}
      {children}
    </>
  );
  if (to === null) return <li>{content}</li>;
  const weather = formatView({ ...store.address.view.value, sheet: 'weather' }) || './';
  return (
    <li>
      <a href={`${weather}#${to}`}>{content}</a>
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
          store={store}
          to="cities"
          text={say.reporting(formatCount(reporting), formatCount(cities.length))}
        />
      )}
      {history > 0 && (
        <Fact store={store} to="cities" text={say.history(formatPlural(history, counts.city))} />
      )}
      {late.length > 0 && (
        <Fact store={store} to="cities">
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
    <Fact store={store} to={null}>
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
  return <Fact store={store} to="anomalies" text={text} />;
}

function Coverage({ store }: { readonly store: Store }) {
  const coverage = store.charts[0]?.series.answer.value?.meta.coverage_pct ?? null;
  if (coverage === null) return null;
  const share = formatNumber(coverage, coverage > 99.95 ? 0 : 1);
  return <Fact store={store} to="statistics" text={words.value.summary.coverage(share)} />;
}

function Calls({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  const calls = status?.collector?.calls.day;
  if (calls === undefined) return null;
  const limit = status?.simulated ? null : formatCount(calls.limit);
  return (
    <Fact
      store={store}
      to={null}
      text={words.value.summary.calls(formatCount(calls.used), limit)}
    />
  );
}

function Versions({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  if (status === undefined || status.table.version < 0) return null;
  const { computed_at } = status.analytics;
  const zone = zoneWithoutCity(store.address.view.value.clock);
  const computed =
    computed_at === null
      ? null
      : formatTimeShort(Date.parse(computed_at), zone, store.clock.now.value);
  const text = words.value.summary.version(formatCount(status.table.version), computed);
  return <Fact store={store} to={null} text={text} />;
}
