import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { refreshAll, type Store } from '../client/store.ts';
import { words } from '../words/words.ts';

const SAID_MS = 2_000;

/** A button whose text shows the result, which screen readers also announce. */
function Told({ said, children }: { readonly said: string; readonly children: ComponentChildren }) {
  return (
    <>
      {children}
      <span class="unseen" role="status">
        {said}
      </span>
    </>
  );
}

/** Copies the address, which holds everything that was chosen. */
export function CopyLink() {
  const copied = useSignal(false);
  const say = words.value.actions;
  return (
    <Told said={copied.value ? say.copied : ''}>
      <button
        type="button"
        class="plain"
        onClick={() => {
          // Where the browser keeps the clipboard to itself, the address bar has the same.
          navigator.clipboard?.writeText(location.href).then(
            () => {
              copied.value = true;
              setTimeout(() => {
                copied.value = false;
              }, SAID_MS);
            },
            () => {},
          );
        }}
      >
        {copied.value ? say.copied : say.copyLink}
      </button>
    </Told>
  );
}

type State = 'idle' | 'running' | 'done' | 'failed';

/** Lands what waits and computes anew, where this server may be asked to; then asks for all of it. */
export function RefreshNow({ store }: { readonly store: Store }) {
  const state = useSignal<State>('idle');
  const say = words.value.actions;
  const said: Readonly<Record<State, string>> = {
    idle: say.refresh,
    running: say.refreshing,
    done: say.refreshed,
    failed: say.refreshFailed,
  };
  const refresh = async () => {
    state.value = 'running';
    try {
      const answer = await fetch('api/refresh', { method: 'POST' });
      // Only the server's own machine may request that; elsewhere the data is just fetched again.
      await refreshAll(store);
      state.value = answer.ok || [403, 404].includes(answer.status) ? 'done' : 'failed';
    } catch {
      state.value = 'failed';
    }
    setTimeout(() => {
      state.value = 'idle';
    }, SAID_MS);
  };
  return (
    <Told said={state.value === 'idle' ? '' : said[state.value]}>
      <button
        type="button"
        class="plain"
        aria-disabled={state.value === 'running'}
        onClick={() => {
          if (state.value !== 'running') void refresh();
        }}
      >
        {said[state.value]}
      </button>
    </Told>
  );
}
