import type { Store } from '../client/store.ts';
import { formatCount, isOne } from '../format/numbers.ts';
import { narrow } from '../header/narrow.ts';
import { SheetLink } from '../header/sheet-links.tsx';
import { words } from '../words/words.ts';

/** How many incidents are open; nothing without any. On a phone the number alone. */
export function IncidentsBadge({ store }: { readonly store: Store }) {
  const counts = store.status.answer.value?.data.alerts?.incidents;
  if (counts === undefined || counts.open === 0) return null;
  const say = words.value.incidents;
  const isCritical = counts.critical > 0;
  return (
    <SheetLink
      store={store}
      sheet="incidents"
      class={`badge badge-${isCritical ? 'critical' : 'incidents'}`}
      title={isCritical ? say.criticalOpen(formatCount(counts.critical)) : ''}
    >
      <span aria-hidden="true">{isCritical ? '▲' : '◆'}</span>{' '}
      {narrow.value && <span aria-hidden="true">{formatCount(counts.open)}</span>}
      <span class={narrow.value ? 'unseen' : ''}>
        {say.openCount(formatCount(counts.open), isOne(counts.open))}
      </span>
    </SheetLink>
  );
}
