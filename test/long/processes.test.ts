import { test } from 'node:test';
import { runManyProcesses } from '../support/many-processes.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);

test(`eight processes share the work and a tight budget for minutes (seed ${SEED})`, (t) =>
  runManyProcesses({
    seed: SEED,
    provider: 'counted',
    disturbed: ['collect', 'analyze', 'collect', 'land', null, null, null, null],
    // A call a city and interval is 54.
    perMinute: 60,
    report: (line) => t.diagnostic(line),
  }));

test(`eight processes share the work with the simulator (seed ${SEED})`, (t) =>
  runManyProcesses({
    seed: SEED,
    provider: 'simulator',
    disturbed: ['collect', 'analyze', 'land'],
    perMinute: 60,
    report: (line) => t.diagnostic(line),
  }));
