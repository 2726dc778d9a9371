/** Made-up weather of two stations that quality control checks and the rule seasonal judges. */
import { createRandom } from '../../../test/support/random.ts';
import type { Publication } from '../publication.ts';
import type { Refresher } from '../refresh.ts';
import { type Made, openPlace, type Place } from './place.ts';

const HOUR = 3_600;
/** From 28 December on: two whole months and some days. */
export const DAYS = 70;

/** Days with their cycle, weather that comes and goes, and noise. */
export function weather(city: string, seed: number): Made[] {
  const random = createRandom(seed);
  let level = 0;
  return Array.from({ length: DAYS * 24 }, (_, hour) => {
    level += 0.35 * (random() - 0.5) - 0.01 * level;
    const temperature = 10 - 6 * Math.cos(((hour - 14) / 12) * Math.PI) + level + 0.6 * random();
    return {
      ...{ city, at: hour * HOUR, temperature, humidity: 50 + 20 * random() },
      ...{ direction: null, interval: HOUR },
    };
  });
}

/** With the stations a and b, 111 km apart. */
export async function openWorld(): Promise<Place> {
  const place = await openPlace();
  place.stations.set('a', { latitude: 10, longitude: 20, elevation_m: 30 });
  place.stations.set('b', { latitude: 11, longitude: 20, elevation_m: 30 });
  return place;
}

/** Publishes, checks and judges until nothing is left to do. */
export async function settle(refresher: Refresher): Promise<Publication> {
  await refresher.refresh();
  await refresher.check();
  while ((await refresher.judge(1)) > 0);
  const publication = await refresher.refresh();
  if (publication === null) throw new Error('nothing was published');
  return publication;
}
