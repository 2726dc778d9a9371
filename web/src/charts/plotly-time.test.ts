import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlotlyTime, toPlotlyTime } from './plotly-time.ts';

const AT = Date.parse('2017-07-08T04:00:00Z');

test('what Plotly tells is UTC, however short it is', () => {
  assert.equal(parsePlotlyTime(toPlotlyTime(AT)), AT);
  assert.equal(parsePlotlyTime('2017-07-08 04:00'), AT);
  assert.equal(parsePlotlyTime('2017-07-08 04:00:00.1234'), AT + 123);
  assert.equal(parsePlotlyTime('2017-07-08'), AT - 4 * 3_600_000);
});

test('anything else is no time', () => {
  for (const text of [undefined, AT, '', 'now', '2017-07', true]) {
    assert.ok(Number.isNaN(parsePlotlyTime(text)), String(text));
  }
});
