import { words } from '../words/words.ts';

/** Keeps the place of what is loading; its height is in px. */
export function Skeleton({ height }: { readonly height: number }) {
  return (
    <div class="skeleton" style={{ height: `${height}px` }}>
      <span class="unseen">{words.value.panel.loading}</span>
    </div>
  );
}
