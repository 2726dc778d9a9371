/** Made-up histories of several months: sparse and dense, of all clocks, with rain, calm and missing values. */
import fc from 'fast-check';
import { createRandom } from '../../../test/support/random.ts';
import type { Made } from './place.ts';

const HOUR_S = 3_600;
export const DAY_S = 86_400;
/** From 2023-12-28 on: five months' ends, a leap day, and what the rollup waits for. */
const DAYS = 200;
/** West and east of everything, not of whole hours, unknown, and one that is changed in March. */
const OFFSETS = [0, -18_000, 20_700, 50_400, null, 'summer time'] as const;

export interface History {
  readonly seed: number;
  /** Up to three, or more of temperatures that hardly differ: rows of such days are read twice. */
  readonly decimals: number;
  readonly cities: readonly {
    readonly offset: (typeof OFFSETS)[number];
    readonly kept: number;
    readonly interval: number;
    readonly level: number;
  }[];
}

export const history: fc.Arbitrary<History> = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  decimals: fc.constantFrom(0, 1, 3, 12),
  cities: fc.array(
    fc.record({
      offset: fc.constantFrom(...OFFSETS),
      kept: fc.constantFrom(0.02, 0.7, 0.97),
      interval: fc.constantFrom(7_200, 10_800),
      level: fc.constantFrom(-5, 10, 26),
    }),
    { minLength: 1, maxLength: 2 },
  ),
});

export function makeHistory({ seed, decimals, cities }: History): Made[] {
  const random = createRandom(seed);
  const all: Made[] = [];
  for (const [index, { offset, kept, interval, level }] of cities.entries()) {
    for (let at = 0; at < DAYS * DAY_S; at += interval) {
      if (random() > kept) continue;
      const wave = 8 * Math.sin((2 * Math.PI * at) / DAY_S) + 10 * Math.sin(at / (30 * DAY_S));
      const rounded = (value: number) => Number(value.toFixed(decimals));
      const some = (value: number) => (random() < 0.9 ? rounded(value) : null);
      all.push({
        city: `city-${index}`,
        at: at + Math.floor(1_800 * random()),
        temperature: some(decimals > 3 ? level + 1e-5 * random() : level + wave + 3 * random()),
        humidity: some(Math.round(100 * random())),
        direction: some(Math.round(360 * random())),
        speed: some(random() < 0.2 ? 0 : 15 * random()),
        pressure: some(990 + 40 * random()),
        gust: random() < 0.3 ? rounded(30 * random()) : null,
        rain: random() < 0.5 ? (random() < 0.7 ? 0 : 5 * random()) : null,
        offset: offset === 'summer time' ? (at < 95 * DAY_S ? HOUR_S : 2 * HOUR_S) : offset,
        interval,
      });
    }
  }
  return all;
}
