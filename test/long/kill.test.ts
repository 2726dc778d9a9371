import { test } from 'node:test';
import { killAgainAndAgain, POINTS } from '../killing.ts';

const KILLS = Number(process.env.ISOBAR_TEST_KILLS ?? 200);
const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

test(`killed ${KILLS} times, nothing is lost or doubled (seed ${seed})`, async () => {
  const points = Array.from({ length: Math.floor(KILLS / 2) }, (_, index) => {
    return POINTS[index % POINTS.length] ?? 'landing.before-commit';
  });
  await killAgainAndAgain({ kills: KILLS, seed, points });
});
