import type { Signal } from '@preact/signals';
import { formatCount } from '../format/numbers.ts';
import { words } from '../words/words.ts';

interface PagesProps {
  readonly label: string;
  /** Of the pages that were turned. */
  readonly cursors: Signal<readonly string[]>;
  /** That of the next page; none on the last one. */
  readonly next: string | null | undefined;
}

/** Turns the pages of a list; nothing where there is only one. */
export function Pages({ label, cursors, next }: PagesProps) {
  const turned = cursors.value;
  if (turned.length === 0 && next == null) return null;
  const say = words.value.rows;
  return (
    <nav class="pages" aria-label={label}>
      <button
        type="button"
        class="plain"
        disabled={turned.length === 0}
        onClick={() => {
          cursors.value = turned.slice(0, -1);
        }}
      >
        {say.newer}
      </button>
      <span class="quiet">{say.page(formatCount(turned.length + 1))}</span>
      <button
        type="button"
        class="plain"
        disabled={next == null}
        onClick={() => {
          if (next != null) cursors.value = [...turned, next];
        }}
      >
        {say.older}
      </button>
    </nav>
  );
}
