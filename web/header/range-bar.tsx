import { chooseView, type Store } from '../client/store.ts';
import { RANGE_NAMES } from '../client/view.ts';
import { formatTime, isKnownZone, ownZone, zoneOf } from '../format/times.ts';
import { Choice } from '../panel/choice.tsx';
import { words } from '../words/words.ts';
import { CopyLink } from './header-actions.tsx';
import { narrow } from './narrow.ts';
import { RangeControls } from './range-controls.tsx';
import { Search } from './search.tsx';

/** The range of all panels; on a phone what moves it lies in the menu. */
export function RangeBar({ store }: { readonly store: Store }) {
  return (
    <div class="overview">
      <nav class="ranges" aria-label={words.value.range.label}>
        <RangeChoice store={store} />
        {!narrow.value && <RangeControls store={store} />}
        <RangeNote store={store} />
        <ZoneNote store={store} />
      </nav>
      {!narrow.value && (
        <div class="find">
          <Search store={store} />
          <CopyLink />
        </div>
      )}
    </div>
  );
}

/** How many cities are named. */
const NAMES_MAX = 3;

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
