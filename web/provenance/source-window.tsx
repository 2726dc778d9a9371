/** From a number of the page to what is behind it: the link, and the window that it opens. */
import { signal } from '@preact/signals';
import type { Store } from '../client/store.ts';
import { LaterSheet } from '../panel/later-sheet.tsx';
import { Window } from '../panel/window.tsx';
import { words } from '../words/words.ts';
import { asked, type Question } from './asked.ts';

const isOpen = signal(false);

export function SourceLink(question: Question) {
  const say = words.value.source;
  return (
    <button
      type="button"
      class="link"
      aria-label={`${say.link}, ${question.city}`}
      onClick={() => {
        asked.value = question;
        isOpen.value = true;
      }}
    >
      {say.link}
    </button>
  );
}

export function SourceWindow({ store }: { readonly store: Store }) {
  if (asked.value === null) return null;
  return (
    <Window
      title={words.value.source.title}
      subtitle={asked.value.city}
      open={isOpen}
      class="source"
    >
      {isOpen.value && <LaterSheet store={store} load={load} />}
    </Window>
  );
}

const load = () => import('./provenance-sheet.tsx').then(({ ProvenanceSheet }) => ProvenanceSheet);
