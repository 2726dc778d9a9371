import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_CITIES } from '../model/city.ts';
import { isInvalidRecord } from '../model/observation.ts';
import { type PollingOptions, startTestPolling, type TestPolling } from './testing/polling.ts';
import type { Outcome } from './testing/world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The test, with a loop that is stopped at its end. */
async function poll(
  options: Partial<PollingOptions>,
  run: (polling: TestPolling) => Promise<void>,
): Promise<void> {
  using polling = startTestPolling({ start: '2026-11-23T10:03:00Z', ...options });
  try {
    await run(polling);
  } finally {
    await polling.stop();
  }
}

const reasonsOf = ({ records }: TestPolling) =>
  records.map((record) => (isInvalidRecord(record) ? record.invalid : record.city_id));

test('fields that cannot be used are counted, and their answers kept', () => {
  const outcome: Outcome = { change: { wind: { speed: 2, deg: 415.2 }, rain: [] } };
  return poll({ outcome: () => outcome }, async (polling) => {
    await polling.clock.advance(HOUR);
    const { state, troubled, rejected_fields } = polling.collector.status();
    assert.deepEqual([state, troubled], ['live', []]);
    const answers = polling.records.length;
    assert.ok(answers >= 5);
    const reason = 'out of range (0 to 360 °)';
    assert.deepEqual(rejected_fields, [
      { field: 'wind_direction_deg', reason, answers, example: '415.2' },
    ]);
    const logged = polling.lines.filter((line) => line.includes('a field cannot be used'));
    assert.equal(logged.length, 1);
  });
});

test('an answer that makes no observation goes to the log once, with its reason', () => {
  let outcome: Outcome = { change: { dt: null } };
  const cities = DEFAULT_CITIES.slice(0, 1);
  return poll({ outcome: () => outcome, cities }, async (polling) => {
    await polling.clock.advance(5 * MINUTE);
    assert.deepEqual(reasonsOf(polling), ['dt is missing']);
    assert.equal(polling.collector.status().state, 'rejecting');
    assert.match(polling.collector.status().message, /every answer is rejected: dt is missing/i);
    const logged = polling.lines.filter((line) => line.includes('every answer is rejected'));
    assert.equal(logged.length, 1);
    assert.ok(polling.world.calls.length > 2);
    assert.equal(polling.collector.status().troubled[0]?.reason, reasonsOf(polling)[0]);
    outcome = 'answer';
    await polling.clock.advance(6 * MINUTE);
    assert.equal(polling.collector.status().troubled.length, 0);
    assert.equal(polling.collector.status().state, 'live');
    assert.equal(polling.records.length, 2);
  });
});

test('one city whose answers cannot be used does not make all of them rejected', () => {
  const outcome = (id: string): Outcome => (id === 'tokyo' ? { change: { dt: null } } : 'answer');
  return poll({ outcome }, async (polling) => {
    await polling.clock.advance(HOUR);
    const { state, troubled } = polling.collector.status();
    assert.deepEqual([state, troubled], ['live', [{ city_id: 'tokyo', reason: 'dt is missing' }]]);
  });
});
