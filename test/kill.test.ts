import { test } from 'node:test';
import { killAgainAndAgain, POINTS } from './killing.ts';

const KILLS = Number(process.env.ISOBAR_TEST_KILLS ?? 25);
const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

test(`killed ${KILLS} times, at every named step and at random, nothing is lost or doubled (seed ${seed})`, async () => {
  await killAgainAndAgain({ kills: KILLS, seed, points: POINTS });
});
