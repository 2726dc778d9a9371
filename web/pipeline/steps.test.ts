import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleStatus } from '../../src/api/testing/status.ts';
import type { Status } from '../../src/model/status.ts';
import { pipelineSteps } from './steps.ts';

const NOW = Date.parse('2026-11-23T14:06:00Z');
const EXAMPLE = exampleStatus();
const calls = { used: 412, limit: 1_000 };

const WELL: Status = {
  ...EXAMPLE,
  collector: EXAMPLE.collector && {
    ...EXAMPLE.collector,
    calls: { minute: calls, day: calls, month: calls },
    troubled: [],
  },
  log: {
    ...EXAMPLE.log,
    partitions: [0, 1, 2].map((partition) => {
      const lag_s = partition * 2;
      return { partition, first: 0, next: 10, waiting: partition, lag_s, expires_in_s: null };
    }),
  },
  landing: { last_landed_at: '2026-11-23T14:05:58Z', last_rows: 5, error: null },
  table: {
    ...EXAMPLE.table,
    committed_at: '2026-11-23T14:05:58Z',
    rows: 1_629_108,
    rejected: { duplicate: 5, superseded: 1, lost: 0 },
  },
  analytics: {
    ...EXAMPLE.analytics,
    version: 311,
    computed_at: '2026-11-23T14:05:00Z',
    error: null,
  },
  index: {
    ...EXAMPLE.index,
    version: 311,
    analytics_version: 311,
  },
};

const step = (status: Status, name: string) =>
  pipelineSteps(status, NOW).find((one) => one.name === name);

test('each step says how much and how long ago', () => {
  assert.deepEqual(
    pipelineSteps(WELL, NOW).map(({ name, lines, state }) => [name, lines.join(' · '), state]),
    [
      ['Collect', '3 cities · 588 calls left today', 'ok'],
      ['Log', '3 partitions · 3 wait, oldest 4 s', 'ok'],
      ['Table', '1,629,108 rows · landed 2 s ago', 'ok'],
      ['Rejected', '5 duplicate · 1 superseded', 'ok'],
      ['Analytics', 'version 311 · 1 min ago', 'ok'],
    ],
  );
});

test('a provider in trouble, a lag, a failing room and an invalid row are worth a look', () => {
  const { collector, log, landing, table } = WELL;
  assert.ok(collector !== null);
  const down = { ...collector, state: 'provider_down', message: 'It does not answer.' } as const;
  assert.equal(step({ ...WELL, collector: down }, 'Collect')?.state, 'look');
  assert.equal(step({ ...WELL, collector: down }, 'Collect')?.note, 'It does not answer.');
  const waiting = { ...collector, state: 'budget_spent' } as const;
  assert.equal(step({ ...WELL, collector: waiting }, 'Collect')?.state, 'wait');

  const late = log.partitions.map((partition) => ({ ...partition, lag_s: 4_000 }));
  const lagging = step({ ...WELL, log: { ...log, partitions: late } }, 'Log');
  assert.equal(lagging?.state, 'look');
  assert.match(lagging?.note ?? '', /1 h 6 min/);

  const error = { code: 'DISK_FULL', message: 'no room', remedy: 'Make room.', since: '' };
  const failing = step({ ...WELL, landing: { ...landing, error } }, 'Table');
  assert.equal(failing?.note, 'no room. Make room.');

  const invalid = { ...table, rejected: { invalid: 14 } };
  assert.equal(step({ ...WELL, table: invalid }, 'Rejected')?.state, 'look');
});

test('shows landings of another process, and accepts a missing collector', () => {
  const elsewhere = {
    ...WELL,
    collector: null,
    landing: { ...WELL.landing, last_landed_at: null },
  };
  assert.equal(step(elsewhere, 'Table')?.lines[1], 'landed 2 s ago');
  assert.equal(step(elsewhere, 'Collect')?.state, 'ok');
});

test('counts the calls of the simulator, and none left', () => {
  const lines = step({ ...WELL, simulated: true }, 'Collect')?.lines;
  assert.deepEqual(lines, ['3 cities', '412 calls today']);
});

test('distinguishes what stops the data from what only needs a look', () => {
  const error = { code: 'TABLE_FOREIGN', message: 'another program wrote', remedy: 'Accept it.' };
  const failure = { ...error, since: '2026-11-23T14:00:00Z' };
  const stoppedIn = (status: Status) =>
    pipelineSteps(status, NOW)
      .filter(({ isStopped }) => isStopped)
      .map(({ name, state, note }) => [name, state, note]);
  const note = 'another program wrote. Accept it.';
  assert.deepEqual(stoppedIn(WELL), []);
  const table = { ...WELL, table: { ...WELL.table, error: failure } };
  assert.deepEqual(stoppedIn(table), [['Table', 'look', note]]);
  const log = { ...WELL, log: { ...WELL.log, error: failure } };
  assert.deepEqual(stoppedIn(log), [['Log', 'look', note]]);
  const aside = { ...WELL, table: { ...WELL.table, rejected: { invalid: 3 } } };
  assert.deepEqual(stoppedIn(aside), []);
  assert.equal(step(aside, 'Rejected')?.state, 'look');
});
