import type { ComponentChildren } from 'preact';
import { RANGE_WORDS } from '../client/range.ts';
import { chooseView, type Store } from '../client/store.ts';
import { RANGE_NAMES } from '../client/view.ts';
import { timeliness } from '../format/ages.ts';
import { formatCount, formatNumber } from '../format/numbers.ts';
import { isBounded } from '../format/pipeline.ts';
import { formatTime, formatTimeShort, zoneOf } from '../format/times.ts';
import { Choice } from './choice.tsx';
import { CopyLink } from './header-actions.tsx';
import { RangeControls } from './range-controls.tsx';
import { Search } from './search.tsx';

/** The range of all panels, and what the whole comes down to, each fact a way to its place. */
export function Summary({ store }: { readonly store: Store }) {
  return (
    <div class="overview">
      <nav class="ranges" aria-label="Range of time">
        <RangeChoice store={store} />
        <RangeControls store={store} />
        <RangeNote store={store} />
      </nav>
      <Search store={store} />
      <CopyLink />
      <ul class="facts" aria-label="Summary">
        <Reporting store={store} />
        <Unusual store={store} />
        <Coverage store={store} />
        <Calls store={store} />
        <Versions store={store} />
      </ul>
    </div>
  );
}

function RangeChoice({ store }: { readonly store: Store }) {
  const { range } = store.address.view.value;
  return (
    <Choice
      label="Range"
      options={RANGE_NAMES.map((name) => [name, RANGE_WORDS[name]])}
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
  const now = store.clock.now.value;
  // The header tells on the same clock when that was.
  if (typeof chosen === 'string') {
    return range.anchored ? <p class="range-note">up to the newest observation</p> : null;
  }
  const zone = zoneOf(clock, store.compared.value[0]?.time_zone);
  return (
    <p class="range-note">
      {formatTime(range.from, zone, now)} to {formatTime(range.to, zone, now)}{' '}
      <button type="button" class="link" onClick={() => chooseView(store, { range: '7d' })}>
        Back to 7 d
      </button>
    </p>
  );
}

function Fact({ to, children }: { readonly to: string; readonly children: ComponentChildren }) {
  return (
    <li>
      <a href={`#${to}`}>{children}</a>
    </li>
  );
}

function Reporting({ store }: { readonly store: Store }) {
  const cities = store.shown.value;
  if (store.cities.answer.value === null) return <li class="quiet">waiting for data</li>;
  const now = store.clock.now.value;
  const states = cities.map(({ name, latest }) => ({
    name,
    state:
      latest === null ? 'late' : timeliness(latest, (now - Date.parse(latest.observed_at)) / 1_000),
  }));
  const late = states.filter(({ state }) => state === 'late');
  const history = states.filter(({ state }) => state === 'history').length;
  const reporting = cities.length - late.length - history;
  return (
    <>
      {history < cities.length && (
        <Fact to="cities">
          <b>
            {formatCount(reporting)} of {formatCount(cities.length)}
          </b>{' '}
          cities reporting
        </Fact>
      )}
      {history > 0 && (
        <Fact to="cities">
          <b>{formatCount(history)}</b> {history === 1 ? 'city' : 'cities'} with history only
        </Fact>
      )}
      {late.length > 0 && (
        <Fact to="cities">
          <b class="alert">▲ {formatCount(late.length)}</b> late:{' '}
          {late
            .slice(0, 3)
            .map(({ name }) => name)
            .join(', ')}
          {late.length > 3 && ' …'}
        </Fact>
      )}
    </>
  );
}

function Unusual({ store }: { readonly store: Store }) {
  const answer = store.unusual.answer.value;
  if (answer === null) return null;
  const more = answer.meta.next_cursor === null ? '' : '+';
  const count = answer.meta.row_count;
  return (
    <Fact to="anomalies">
      <b>
        {formatCount(count)}
        {more}
      </b>{' '}
      unusual {count === 1 ? 'value' : 'values'} in 24 h
    </Fact>
  );
}

function Coverage({ store }: { readonly store: Store }) {
  const coverage = store.charts[0]?.series.answer.value?.meta.coverage_pct ?? null;
  if (coverage === null) return null;
  return (
    <Fact to="statistics">
      coverage <b>{formatNumber(coverage, coverage > 99.95 ? 0 : 1)} %</b>
    </Fact>
  );
}

function Calls({ store }: { readonly store: Store }) {
  const calls = store.status.answer.value?.data.collector?.calls.day;
  if (calls === undefined) return null;
  return (
    <Fact to="pipeline">
      <b>{formatCount(calls.used)}</b>
      {isBounded(calls) && ` of ${formatCount(calls.limit)}`} calls today
    </Fact>
  );
}

function Versions({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  const computed = status?.analytics.computed_at ?? null;
  if (status === undefined || status.table.version < 0) return null;
  const zone = zoneOf(store.address.view.value.clock === 'utc' ? 'utc' : 'mine', null);
  return (
    <Fact to="pipeline">
      table version <b>{formatCount(status.table.version)}</b>
      {computed !== null &&
        `, computed ${formatTimeShort(Date.parse(computed), zone, store.clock.now.value)}`}
    </Fact>
  );
}
