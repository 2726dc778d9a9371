/**
 * How much of a random test runs: a short part in `npm test`, a quarter in `npm run test:ci`, another
 * part each time, and all of it in `npm run test:whole`; these two run the files that use this once
 * more.
 */
export const STORM_VARIABLE = 'ISOBAR_TEST_STORM';

/** Values of the variable. */
export type Storm = 'quarter' | 'all';

/** Between `short` and `all` of whatever is counted. */
export function stormOf(all: number, short: number): number {
  const storm = process.env[STORM_VARIABLE];
  if (storm === 'all') return all;
  return storm === 'quarter' ? Math.max(short, Math.ceil(all / 4)) : short;
}

/** As many of these; the seed decides with which it begins. */
export function someOf<T>(all: readonly T[], short: number, seed: number): readonly T[] {
  const from = seed % all.length;
  return [...all.slice(from), ...all.slice(0, from)].slice(0, stormOf(all.length, short));
}
