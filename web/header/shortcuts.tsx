import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { moveRange, zoomRange } from '../client/range.ts';
import { chooseView, refreshAll, type Store } from '../client/store.ts';
import { RANGE_NAMES } from '../client/view.ts';
import { words } from '../words/words.ts';
import { SEARCH_ID } from './search.tsx';

/** Single keys for what is done often; they can be switched off, and say what they do. */
export function Shortcuts({ store }: { readonly store: Store }) {
  const open = useSignal(false);
  const on = useSignal(true);
  useEffect(() => {
    const act = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) || (!on.value && event.key !== '?')) return;
      const run = actionsOf(store, open)[event.key];
      if (run === undefined) return;
      event.preventDefault();
      run();
    };
    document.addEventListener('keydown', act);
    return () => document.removeEventListener('keydown', act);
  }, [store, open, on]);
  return (
    <>
      <button
        type="button"
        class="plain"
        aria-label={words.value.shortcuts.title}
        onClick={() => {
          open.value = true;
        }}
      >
        ?
      </button>
      {open.value && <ShortcutsWindow open={open} on={on} />}
    </>
  );
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('input, select, textarea, [contenteditable]');
}

type Actions = Readonly<Record<string, (() => void) | undefined>>;

function actionsOf(store: Store, open: Signal<boolean>): Actions {
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
    '/': () => document.getElementById(SEARCH_ID)?.focus(),
    '?': () => {
      open.value = !open.peek();
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

interface WindowProps {
  readonly open: Signal<boolean>;
  readonly on: Signal<boolean>;
}

function ShortcutsWindow({ open, on }: WindowProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const say = words.value.shortcuts;
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="window narrow"
      aria-label={say.title}
      onClose={() => {
        open.value = false;
      }}
    >
      <div class="panel-head">
        <h2>{say.title}</h2>
        <div class="actions">
          <button type="button" class="plain" onClick={() => dialog.current?.close()}>
            {words.value.panel.close}
          </button>
        </div>
      </div>
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
    </dialog>
  );
}
