import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamingOf } from './streaming-status.ts';

const detail = {
  ...{ state: 'running', query: 'a', batch: 4, records_per_second: 2, watermark: null, hours: 3 },
  ...{ restarts: 0, compared_at: null, compared: 0, late: 0, differences: 0, error: null },
};

test('the stream is as the process that runs it publishes, and away when that is killed', () => {
  assert.deepEqual(streamingOf({ text: { detail }, isSilent: false }), detail);
  assert.equal(streamingOf({ text: { detail }, isSilent: true }).state, 'away');
  assert.equal(streamingOf({ text: { detail: { batch: 4 } }, isSilent: false }).batch, -1);
  assert.equal(streamingOf(null).state, 'away');
});
