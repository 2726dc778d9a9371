import { test } from 'node:test';
import { runManyProcesses } from './support/many-processes.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

test(`eight processes share the work while some are killed or stopped (seed ${SEED})`, (t) =>
  runManyProcesses({
    seed: SEED,
    provider: 'counted',
    disturbed: [SEED % 2 === 0 ? 'collect' : 'analyze'],
    perMinute: 120,
    report: (line) => t.diagnostic(line),
  }));
