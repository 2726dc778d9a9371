import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleStatus } from '../api/testing/status.ts';
import { judgeSystem } from './judging-system.ts';
import { START, systemFacts } from './testing/alerting.ts';

test('the time without a landing is said in seconds where minutes say nothing', () => {
  const status = exampleStatus();
  for (const [seconds, text] of [
    [22, 'nothing has landed for 22 s'],
    [119, 'nothing has landed for 119 s'],
    [900, 'nothing has landed for 15 minutes'],
  ] as const) {
    const committed_at = new Date(START - seconds * 1_000).toISOString();
    const facts = systemFacts({ ...status, table: { ...status.table, committed_at } });
    const verdict = judgeSystem({ kind: 'landing_age', above: '20s' }, facts);
    assert.deepEqual([verdict.state, verdict.summary], ['holds', text]);
  }
});
