import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JUDGED_VARIABLES } from './judge.ts';
import { RATES } from './rates.ts';

test('the rates of the API are those of the table in the documents, of every variable', () => {
  const page = readFileSync(new URL('../../docs/anomalies.md', import.meta.url), 'utf8');
  const rates = RATES.map(({ variable, caught_pct, false_events_per_city_day: wrong }) => {
    const row = new RegExp(
      `^\\| ${variable} \\| spike of an hour \\| seasonal \\| (.*?) % .* (.*?) \\|$`,
      'm',
    );
    const [, caught, events] = row.exec(page) ?? [];
    assert.deepEqual([caught_pct.toFixed(1), wrong.toFixed(2)], [caught, events], variable);
    return variable;
  });
  assert.deepEqual(rates.sort(), [...JUDGED_VARIABLES].sort());
});
