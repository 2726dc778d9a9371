import { type Signal, signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { moveRange, zoomRange } from '../client/range.ts';
import { chooseView, refreshAll, type Store } from '../client/store.ts';
import { RANGE_NAMES } from '../client/view.ts';
import { Window } from '../panel/window.tsx';
import { words } from '../words/words.ts';
import { focusSearch } from './search.tsx';

const isOpen = signal(false);

/** Single keys for what is done often; they can be switched off, and say what they do. */
export function Shortcuts({ store }: { readonly store: Store }) {
  const on = useSignal(true);
  useEffect(() => {
    const act = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) || (!on.value && event.key !== '?')) return;
      const run = actionsOf(store)[event.key];
      if (run === undefined) return;
      event.preventDefault();
      run();
    };
    document.addEventListener('keydown', act);
    return () => document.removeEventListener('keydown', act);
  }, [store, on]);
  if (!isOpen.value) return null;
  return <ShortcutsWindow on={on} />;
}

export function ShortcutsButton() {
  return (
    <button
      type="button"
      class="plain"
      aria-label={words.value.shortcuts.title}
      onClick={() => {
        isOpen.value = true;
      }}
    >
      ?
    </button>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('input, select, textarea, [contenteditable]');
}

type Actions = Readonly<Record<string, (() => void) | undefined>>;

function actionsOf(store: Store): Actions {
  const range = store.range.peek();
  const now = store.clock.now.peek();
  const moved =
    (change: (span: NonNullable<typeof range>) => { from: number; to: number }) => () => {
      if (range !== null) chooseView(store, { range: change(range) });
    };
  const quick = Object.fromEntries(
    RANGE_NAMES.map((name, at) => [String(at + 1), () => chooseView(store, { range: name })]),
  );
  return {
    ...quick,
    '/': focusSearch,
    '?': () => {
      isOpen.value = !isOpen.peek();
    },
    p: () => {
      store.paused.value = !store.paused.peek();
    },
    r: () => void refreshAll(store),
    '[': moved((span) => moveRange(span, -0.5, now)),
    ']': moved((span) => moveRange(span, 0.5, now)),
    '+': moved((span) => zoomRange(span, 0.5, now)),
    '-': moved((span) => zoomRange(span, 2, now)),
  };
}

function ShortcutsWindow({ on }: { readonly on: Signal<boolean> }) {
  const say = words.value.shortcuts;
  return (
    <Window title={say.title} open={isOpen} class="narrow">
      <dl class="keys">
        {say.keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="switch">
        <input
          type="checkbox"
          checked={on.value}
          onChange={({ currentTarget }) => {
            on.value = currentTarget.checked;
          }}
        />{' '}
        {say.on}
      </label>
    </Window>
  );
}
