import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertRule, ConditionOf } from '../model/alerts.ts';
import type { CityForecast } from '../model/forecast.ts';
import { Evaluation } from './evaluate.ts';
import { judgeForecast } from './judging.ts';
import { replayProblem } from './replay.ts';
import { CITIES, HOUR, NO_FACTS, ruleOf, START } from './testing/alerting.ts';

/** Falls from 10 by half a degree an hour; four of five values within two degrees. */
function forecast(issuedAt = START): CityForecast {
  const median = Array.from({ length: 48 }, (_, at) => 10 - (at + 1) / 2);
  return {
    ...{ city_id: 'london', variable: 'temperature_c', learned_days: 30, needed_days: 28 },
    ...{ issued_at: new Date(issuedAt).toISOString(), late_hours: 0, switches: [], skill: [] },
    median,
    low: median.map((value) => value - 2),
    high: median.map((value) => value + 2),
    model: median.map(() => 'learned' as const),
  };
}

const FROST = { kind: 'forecast', variable: 'temperature_c', below: 0 } as const;
const judge = (when: ConditionOf<'forecast'>, hours: number, now = START, found = forecast()) =>
  judgeForecast(when, hours * HOUR, found, now);

test('only hours to come, and only so far ahead, are looked at', () => {
  assert.equal(judge(FROST, 20).state, 'clear');
  const frost = judge(FROST, 21);
  assert.deepEqual([frost.state, frost.value, frost.threshold], ['holds', -0.5, 0]);
  assert.match(
    frost.summary,
    /^forecast temperature -0\.5 °C \(median\) at 2026-03-01 21:00 UTC, /,
  );
  const warm = { kind: 'forecast', variable: 'temperature_c', above: 8 } as const;
  assert.equal(judge(warm, 24).state, 'holds');
  // What lies in the past meanwhile does not count.
  assert.equal(judge(warm, 24, START + 4 * HOUR).state, 'clear');
});

test('a bound is passed earlier, or later, than the median', () => {
  assert.equal(judge({ ...FROST, quantile: 'low' }, 17).state, 'holds');
  assert.equal(judge({ ...FROST, quantile: 'high' }, 24).state, 'clear');
});

test('nothing is judged without a forecast, by an old one, or without an interval', () => {
  assert.equal(judgeForecast(FROST, 24 * HOUR, null, START).state, 'missing');
  assert.equal(judge(FROST, 24, START + 6 * HOUR).state, 'holds');
  assert.equal(judge(FROST, 24, START + 6 * HOUR + 1).state, 'missing');
  const learning = { ...forecast(), low: [], high: [] };
  assert.equal(judge({ ...FROST, quantile: 'low' }, 24, START, learning).state, 'missing');
});

test('an incident opens when it is forecast, and ends when it is not any more', () => {
  const rule: AlertRule = { name: 'frost', when: FROST, resolve_after: '0s', cities: ['london'] };
  let found: CityForecast | null = null;
  const facts = { ...NO_FACTS, forecast: () => found };
  const evaluation = new Evaluation([ruleOf(rule)], facts, START);
  evaluation.watch(CITIES);
  assert.equal(evaluation.needs.forecasts, true);
  assert.deepEqual(evaluation.tick(START), []);
  found = forecast();
  const [opened] = evaluation.tick(START + 1);
  assert.deepEqual([opened?.change, opened?.city?.city_id], ['opened', 'london']);
  found = { ...forecast(), median: forecast().median.map(() => 5) };
  assert.equal(evaluation.tick(START + 2)[0]?.change, 'resolved');
});

test('it is said that replay does not judge forecasts', () => {
  assert.match(replayProblem(ruleOf({ name: 'frost', when: FROST })) ?? '', /replay judges obs/);
});
