import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { FaultPoint } from '../src/fault.ts';
import { stopAndWake } from './support/killing.ts';

const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
/** A step of landing, of compacting and of publishing each; all of them in the long tests. */
const POINTS: readonly FaultPoint[] = [
  'rejected.after-commit',
  'landing.before-commit',
  'compaction.before-commit',
  'publish.before-version',
];

for (const point of POINTS) {
  test(
    `of two processes one is stopped at ${point} and woken later (seed ${seed})`,
    { skip: !existsSync('/proc/self/status') && 'stopping is seen in /proc only' },
    () => stopAndWake(point, seed),
  );
}
