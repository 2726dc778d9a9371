import { describe, test } from 'node:test';
import { killAgainAndAgain, POINTS } from '../support/killing.ts';
import { stormOf } from '../support/storm.ts';

const KILLS = Number(process.env.ISOBAR_TEST_KILLS ?? stormOf(120, 40));
const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
/** Folders that are killed on side by side. */
const LANES = 4;

describe(`killed ${KILLS} times in all`, { concurrency: LANES }, () => {
  for (let lane = 0; lane < LANES; lane++) {
    test(`nothing is lost or doubled (seed ${seed + lane})`, async () => {
      const kills = Math.ceil(KILLS / LANES);
      const points = Array.from({ length: Math.floor(kills / 2) }, (_, index) => {
        return POINTS[(index * LANES + lane) % POINTS.length] ?? 'landing.before-commit';
      });
      await killAgainAndAgain({ kills, seed: seed + lane, points });
    });
  }
});
