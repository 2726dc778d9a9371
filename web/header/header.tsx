import { Fragment } from 'preact';
import { logOut, mayOperate, seesAll, session } from '../account/account.ts';
import { isLoginNeeded } from '../client/fetching.ts';
import { chooseView, type Store } from '../client/store.ts';
import { CLOCKS, THEMES } from '../client/view.ts';
import { formatAge, newestBySource } from '../format/ages.ts';
import { formatTimeShort, zoneWithoutCity } from '../format/times.ts';
import { IncidentsBadge } from '../incidents/incidents-badge.tsx';
import { Choice, Select } from '../panel/choice.tsx';
import { Window } from '../panel/window.tsx';
import { pipelineSteps } from '../pipeline/steps.ts';
import { LANGUAGE_NAMES, LANGUAGES, language, words } from '../words/words.ts';
import { CONNECTION_SHAPES } from './connection.ts';
import { CopyLink, RefreshNow } from './header-actions.tsx';
import { isMenuOpen, narrow } from './narrow.ts';
import { RangeControls } from './range-controls.tsx';
import { Search } from './search.tsx';
import { SheetLink, SheetLinks } from './sheet-links.tsx';
import { Shortcuts, ShortcutsButton } from './shortcuts.tsx';

/** Name, state, freshness, and what people choose for the whole page; on a phone one line. */
export function Header({ store }: { readonly store: Store }) {
  // Until a login there is nothing to be fresh, and nothing to choose from.
  if (isLoginNeeded.value) {
    return (
      <header class="top">
        <Name />
      </header>
    );
  }
  return (
    <header class="top">
      <Name />
      {!narrow.value && <SheetLinks store={store} />}
      <div class="fresh">
        <StateBadge store={store} />
        <StoppedBadge store={store} />
        <IncidentsBadge store={store} />
        <SimulatedBadge store={store} />
        {!narrow.value && <Freshness store={store} />}
      </div>
      {narrow.value ? <PhoneMenu store={store} /> : <Settings store={store} />}
      <Shortcuts store={store} />
    </header>
  );
}

/** All that a phone has no room for. */
function PhoneMenu({ store }: { readonly store: Store }) {
  const say = words.value.header;
  return (
    <>
      <button
        type="button"
        class="plain open-menu"
        aria-haspopup="dialog"
        aria-expanded={isMenuOpen.value}
        onClick={() => {
          isMenuOpen.value = true;
        }}
      >
        {say.menu}
      </button>
      <Window title={say.menu} open={isMenuOpen} class="sheet">
        <SheetLinks store={store} />
        <Freshness store={store} />
        <Search store={store} />
        <RangeControls store={store} />
        <Settings store={store} />
        <CopyLink />
      </Window>
    </>
  );
}

function Settings({ store }: { readonly store: Store }) {
  const { units, clock, theme } = store.address.view.value;
  const say = words.value.header;
  return (
    <div class="settings">
      <Choice
        label={say.units}
        options={[
          ['c', '°C'],
          ['f', '°F'],
        ]}
        value={units}
        onChoose={(value) => chooseView(store, { units: value })}
      />
      <Choice
        label={say.clock}
        options={CLOCKS.map((name) => [name, say.clocks[name]])}
        value={clock}
        onChoose={(value) => chooseView(store, { clock: value })}
      />
      <Select
        label={say.theme}
        options={THEMES.map((name) => [name, say.themes[name]])}
        value={theme}
        onChoose={(value) => chooseView(store, { theme: value })}
      />
      <Select
        label={say.language}
        options={LANGUAGES.map((name) => [name, LANGUAGE_NAMES[name]])}
        value={language.value}
        onChoose={(value) => chooseView(store, { language: value })}
      />
      {mayOperate.value && seesAll.value && <RefreshNow store={store} />}
      <PauseButton store={store} />
      {!narrow.value && <ShortcutsButton />}
      <Account store={store} />
    </div>
  );
}

/** Of the cities that someone is limited to. */
const TERMS_SHOWN = 3;

/** Who is logged in, which leads to the account, and the way out; nothing where the server asks for no login. */
function Account({ store }: { readonly store: Store }) {
  const { principal = null, login, next } = session.value ?? {};
  if (principal === null || principal.kind !== 'user') return null;
  const say = words.value.account;
  const { cities } = principal;
  const more = cities !== null && cities.length > TERMS_SHOWN ? ' …' : '';
  return (
    <p class="account" title={cities?.join(', ')}>
      <SheetLink store={store} sheet="account" title={words.value.sheets.account}>
        {principal.name} ({say.roles[principal.role]}
        {cities !== null && `: ${cities.slice(0, TERMS_SHOWN).join(', ')}${more}`})
      </SheetLink>{' '}
      {(login !== 'proxy' || next !== null) && (
        <button type="button" class="link" onClick={() => void logOut()}>
          {say.logOut}
        </button>
      )}
    </p>
  );
}

function StateBadge({ store }: { readonly store: Store }) {
  const state = store.connection.value;
  const [word, what] = words.value.connection[state];
  return (
    <p class={`badge badge-${state}`} title={what} id="state">
      <span aria-hidden="true">{CONNECTION_SHAPES[state]}</span> {word}
      <span class="unseen" role="status">
        {word}: {what}
      </span>
    </p>
  );
}

/** The first step that nothing passes, and the way to what helps. */
function StoppedBadge({ store }: { readonly store: Store }) {
  const status = store.status.answer.value?.data;
  if (status === undefined) return null;
  const step = pipelineSteps(status, store.clock.now.value).find(({ isStopped }) => isStopped);
  if (step === undefined) return null;
  return (
    <SheetLink store={store} sheet="pipeline" class="badge badge-stopped" title={step.note ?? ''}>
      <span aria-hidden="true">▲</span> {words.value.header.stopped(step.name)}
    </SheetLink>
  );
}

function SimulatedBadge({ store }: { readonly store: Store }) {
  const simulated =
    store.cities.answer.value?.meta.simulated ?? store.status.answer.value?.data.simulated;
  if (!simulated) return null;
  return (
    <p class="badge badge-simulated" title={words.value.header.simulatedWhat}>
      <span aria-hidden="true">◇</span> {words.value.header.simulated}
    </p>
  );
}

/** Two times that are not the same: of each source's newest data, and of the last look for it. */
function Freshness({ store }: { readonly store: Store }) {
  const { cities, status, clock, address, paused } = store;
  const say = words.value.header;
  const now = clock.now.value;
  const zone = zoneWithoutCity(address.view.value.clock);
  const collector = status.answer.value?.data.collector;
  const newest = newestBySource([
    ...(cities.answer.value?.data.flatMap(({ latest }) => latest ?? []) ?? []),
    ...store.live.value.values(),
  ]).map(([source, at], _, { length }) => {
    const time = formatTimeShort(at, zone, now);
    return length === 1 ? time : `${time} (${source})`;
  });
  const checked = collector?.last_checked_at ?? null;
  const next = collector?.next_poll_at ?? null;
  const offline = store.connection.value === 'offline';
  const answered = status.goodAt.value;
  // It takes a moment, and then both would stand there.
  const isChecking = next !== null && !paused.value && Date.parse(next) - now <= CHECKING_MS;
  const parts = [
    newest.length > 0 ? say.through(newest.join(', ')) : null,
    offline && answered !== null ? say.silentSince(formatTimeShort(answered, zone, now)) : null,
    checked === null || offline || isChecking
      ? null
      : say.checked(formatTimeShort(Date.parse(checked), zone, now)),
    next === null || offline || paused.value ? null : formatNext(Date.parse(next) - now),
  ].filter((part) => part !== null);
  return (
    <p class="freshness">
      {parts.length === 0
        ? say.noData
        : parts.map((part, at) => (
            <Fragment key={part}>
              {at > 0 && ' · '}
              <span>{part}</span>
            </Fragment>
          ))}
    </p>
  );
}

const CHECKING_MS = 500;

function formatNext(ms: number): string {
  const say = words.value.header;
  return ms <= CHECKING_MS ? say.checking : say.next(formatAge(Math.round(ms / 1_000)));
}

function PauseButton({ store }: { readonly store: Store }) {
  const paused = store.paused.value;
  const say = words.value.header;
  return (
    <button
      type="button"
      class="plain"
      aria-pressed={paused}
      onClick={() => {
        store.paused.value = !paused;
      }}
    >
      <span aria-hidden="true">{paused ? '▶' : '❚❚'}</span> {paused ? say.resume : say.pause}
    </button>
  );
}

function Name() {
  return (
    <h1>
      <Waves />
      <span>isobar</span>
    </h1>
  );
}

function Waves() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <path d="M4 9c4-4 8-4 12 0s8 4 12 0" />
      <path d="M4 17c4-4 8-4 12 0s8 4 12 0" />
      <path d="M4 25c4-4 8-4 12 0s8 4 12 0" />
    </svg>
  );
}
