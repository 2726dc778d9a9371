import type { Store } from '../client/store.ts';
import { formatTime, zoneOf } from '../format/times.ts';
import { words } from '../words/words.ts';

/** Saves a panel as a PNG, which says where and of when it is. Rejects when that fails. */
export async function savePanel(panel: string, store: Store): Promise<void> {
  const element = document.getElementById(panel);
  if (element === null) return;
  const { savePicture } = await import('./picture.ts');
  await savePicture(element, `isobar-${panel}`, describeOrigin(store));
}

/** "isobar · simulated data, nothing here was observed · data through 28 Nov 22:10 UTC". */
function describeOrigin(store: Store): string {
  const say = words.value;
  const { meta } = store.cities.answer.value ?? {};
  const now = store.clock.now.value;
  const zone = zoneOf('utc', null);
  return [
    'isobar',
    meta?.simulated === true ? say.page.simulated : meta?.source.join(', '),
    meta?.observed_to == null
      ? null
      : `${say.header.through(formatTime(Date.parse(meta.observed_to), zone, now))} UTC`,
  ]
    .filter((part) => part)
    .join(' · ');
}
