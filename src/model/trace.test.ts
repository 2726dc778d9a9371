import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { STEPS, type Step, spanIdOf, traceIdOf } from './trace.ts';

const call = { city_id: 'london', collected_at: '2024-10-31T14:00:05.12Z' };

test('a trace id is the beginning of a SHA-256 that anybody can compute', () => {
  const digest = createHash('sha256').update('london\n2024-10-31T14:00:05.120Z').digest('hex');
  assert.equal(traceIdOf(call), digest.slice(0, 32));
  assert.match(traceIdOf(call), /^[0-9a-f]{32}$/);
  const whole = createHash('sha256').update('london\n2024-10-31T14:00:05Z').digest('hex');
  assert.equal(
    traceIdOf({ ...call, collected_at: '2024-10-31T14:00:05.000Z' }),
    whole.slice(0, 32),
  );
});

test('the form of the time makes no difference, nor do empty numbers of an import', () => {
  for (const collected_at of [
    '2024-10-31T14:00:05.120Z',
    '2024-10-31T14:00:05.120000Z',
    '2024-10-31T14:00:05.120999Z',
    '2024-10-31T16:00:05.12+02:00',
  ]) {
    assert.equal(traceIdOf({ ...call, collected_at }), traceIdOf(call), collected_at);
  }
  assert.equal(traceIdOf({ ...call, import_id: null, import_row: null }), traceIdOf(call));
});

test('other cities, calls and rows of an import have other traces', () => {
  const ids = [
    call,
    { ...call, city_id: 'paris' },
    { ...call, collected_at: '2024-10-31T14:00:05.121Z' },
    { ...call, import_id: 1, import_row: 1 },
    { ...call, import_id: 1, import_row: 2 },
    { ...call, import_id: 11, import_row: 1 },
    { ...call, import_id: 1, import_row: 11 },
    { ...call, collected_at: 'not a time' },
  ].map(traceIdOf);
  assert.equal(new Set(ids).size, ids.length);
});

test('each step has a span id of its own, and a parent among the steps before it', () => {
  const steps = Object.keys(STEPS) as Step[];
  const ids = steps.map((step) => spanIdOf(traceIdOf(call), step));
  assert.equal(new Set(ids).size, steps.length);
  for (const [at, step] of steps.entries()) {
    assert.match(ids[at] ?? '', /^[0-9a-f]{16}$/);
    const parent = STEPS[step];
    assert.ok(parent === null ? at === 0 : steps.indexOf(parent) < at);
  }
});
