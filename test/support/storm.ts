/**
 * How much of a random test runs: a short part in `npm test`, where it is another part each time,
 * and all of it in `npm run test:ci`, which runs the files that use this once more.
 */
export const STORM_VARIABLE = 'ISOBAR_TEST_STORM';

export function stormOf(all: number, short: number): number {
  return process.env[STORM_VARIABLE] === 'all' ? all : short;
}
