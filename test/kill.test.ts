import { test } from 'node:test';
import { killAgainAndAgain, POINTS } from './support/killing.ts';

const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

test(`killed once at each of ${POINTS.length} named steps, nothing is lost or doubled (seed ${seed})`, async () => {
  await killAgainAndAgain({ kills: POINTS.length, seed, points: POINTS });
});
