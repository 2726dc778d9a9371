import type { Store } from '../client/store.ts';
import { formatOffset, formatTime } from '../format/times.ts';

/** A time in a table; where rows have clocks of their own, each says which. */
export function TimeCell({
  at,
  zone,
  store,
  mixed,
}: {
  readonly at: string;
  readonly zone: string;
  readonly store: Store;
  readonly mixed: boolean;
}) {
  const time = Date.parse(at);
  return (
    <time dateTime={at}>
      {formatTime(time, zone, store.clock.now.peek())}
      {mixed && <span class="offset"> {shorten(formatOffset(time, zone))}</span>}
    </time>
  );
}

/** "UTC−05:00" → "UTC−5". */
function shorten(offset: string): string {
  return offset.replace(/([+−])0?(\d+):00$/, '$1$2');
}
