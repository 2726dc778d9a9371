import { test } from 'node:test';
import { POINTS, stopAndWake } from '../support/killing.ts';
import { someOf } from '../support/storm.ts';

const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
/** Export and vacuum are of one process at a time; a stopped append holds SQLite's lock. */
const SHARED = POINTS.filter((point) => !/^(vacuum|export|append.before)/.test(point));

for (const [index, point] of someOf(SHARED, 5, seed).entries()) {
  test(`of two processes one is stopped at ${point} and woken later (seed ${seed})`, () =>
    stopAndWake(point, seed + index));
}
