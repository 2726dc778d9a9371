import { test } from 'node:test';
import { runManyProcesses } from '../many-processes.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

test(`eight processes share the work and a tight budget for minutes (seed ${SEED})`, (t) =>
  runManyProcesses({
    seed: SEED,
    disturbances: 10,
    // A call a city and interval would be 54.
    perMinute: 40,
    thorough: true,
    tell: (line) => t.diagnostic(line),
  }));
