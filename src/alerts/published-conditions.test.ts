import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertRule, ConditionOf } from '../model/alerts.ts';
import type { AnomalyEvent } from '../model/anomaly-events.ts';
import type { QualityFlag } from '../model/quality.ts';
import { formatTime } from '../model/time-zone.ts';
import { Evaluation, needsOf } from './evaluate.ts';
import { judgeEvent, judgeQuality } from './judging-published.ts';
import { replay, replayProblem } from './replay.ts';
import { CITIES, HOUR, NO_FACTS, observed, ruleOf, START } from './testing/alerting.ts';

const DAY = 24 * HOUR;
const at = (hours: number) => formatTime(new Date(START + hours * HOUR));

function flag(hours: number, changes: Partial<QualityFlag> = {}): QualityFlag {
  return {
    ...{ city_id: 'london', observed_at: at(hours), variable: 'temperature_c', test: 'spike' },
    ...{ verdict: 'fail', value: 48, expected: 12, spread: null, compared: null },
    ...changes,
  };
}

function event(from: number, to: number, changes: Partial<AnomalyEvent> = {}): AnomalyEvent {
  return {
    ...{ city_id: 'london', variable: 'temperature_c', rule: 'seasonal' },
    ...{ began_at: at(from), ended_at: at(to), peak_at: at(from), value: -21.3, expected: -3 },
    ...{ score: -6, flagged_count: 3, severity: 'high', class: 'unexplained', flag_count: 0 },
    ...{ other_variables: '', neighbour_count: 0, record: null, season_years: 4, spread: 2 },
    ...changes,
  };
}

const judgeFlags = (when: Omit<ConditionOf<'quality'>, 'kind'>, found: QualityFlag[], now = 10) =>
  judgeQuality({ kind: 'quality', ...when }, DAY, found, START + now * HOUR);

test('flags hold while they are recent, of the wanted test, variable and verdict', () => {
  const holds = judgeFlags({}, [flag(1)]);
  assert.equal(holds.state, 'holds');
  assert.equal(holds.since, START + HOUR);
  assert.equal(
    holds.summary,
    'temperature 48.0 °C at 2026-03-01 01:00 UTC failed quality control (spike)',
  );
  assert.equal(judgeFlags({}, [flag(1)], 25).state, 'clear', 'it is a day old');
  assert.equal(judgeFlags({}, [flag(11)]).state, 'clear', 'it is later than now');
  assert.equal(judgeFlags({ test: 'step' }, [flag(1)]).state, 'clear');
  assert.equal(judgeFlags({ variable: 'humidity_pct' }, [flag(1)]).state, 'clear');
  assert.equal(judgeFlags({}, [flag(1, { verdict: 'suspect' })]).state, 'clear');
  assert.equal(
    judgeFlags({ verdict: 'suspect' }, [flag(1, { verdict: 'suspect' })]).state,
    'holds',
  );
  assert.equal(judgeQuality({ kind: 'quality' }, DAY, null, START).state, 'missing');
});

test('a value that failed two tests counts once', () => {
  const twice = [flag(2), flag(2, { test: 'step' })];
  assert.equal(judgeFlags({ at_least: 2 }, twice).state, 'clear');
  const found = judgeFlags({ at_least: 2 }, [...twice, flag(1)]);
  assert.equal(found.state, 'holds');
  assert.match(found.summary, / \(spike, step\); 2 values since 2026-03-01 01:00 UTC$/);
  assert.deepEqual(
    found.evidence.map((one) => one.at),
    [START + HOUR, START + 2 * HOUR],
  );
});

const judgeEvents = (when: Omit<ConditionOf<'event'>, 'kind'>, found: AnomalyEvent[], now = 10) =>
  judgeEvent({ kind: 'event', ...when }, DAY, found, START + now * HOUR);

test('events hold until they are over for a time; the most unusual one is shown', () => {
  const found = judgeEvents({}, [event(2, 4, { score: 3, value: 5 }), event(1, 3)]);
  assert.equal(found.state, 'holds');
  assert.equal(
    found.summary,
    'unusual temperature -21.3 °C at 2026-03-01 01:00 UTC, expected -3.0 °C (high, unexplained)',
  );
  assert.equal(judgeEvents({}, [event(1, 3)], 26).state, 'holds');
  assert.equal(judgeEvents({}, [event(1, 3)], 27).state, 'clear');
  assert.equal(judgeEvents({}, [event(11, 12)]).state, 'clear', 'it is yet to come');
  assert.equal(judgeEvents({ min_severity: 'extreme' }, [event(1, 3)]).state, 'clear');
  assert.equal(judgeEvents({ class: 'front' }, [event(1, 3)]).state, 'clear');
  assert.equal(judgeEvents({ class: 'unexplained' }, [event(1, 3)]).state, 'holds');
  assert.equal(judgeEvent({ kind: 'event' }, DAY, null, START).state, 'missing');
});

const BROKEN: AlertRule = {
  name: 'broken-thermometer',
  when: { kind: 'quality', variable: 'temperature_c', at_least: 2, within: '6h' },
};

test('an incident opens with the second failed value, and ends when both are past', () => {
  let flags: readonly QualityFlag[] | null = null;
  const facts = { ...NO_FACTS, flags: (city: string) => (city === 'london' ? flags : []) };
  const evaluation = new Evaluation([ruleOf(BROKEN)], facts, START);
  evaluation.watch(CITIES);
  assert.equal(evaluation.needs.flagsMs, 6 * HOUR);
  assert.deepEqual(evaluation.tick(START), []);
  flags = [flag(1)];
  assert.deepEqual(evaluation.tick(START + HOUR), []);
  flags = [flag(2), flag(1)];
  const [opened] = evaluation.tick(START + 2 * HOUR);
  assert.deepEqual([opened?.change, opened?.city?.city_id], ['opened', 'london']);
  assert.deepEqual(evaluation.tick(START + 6 * HOUR), []);
  assert.equal(evaluation.tick(START + 7 * HOUR)[0]?.change, 'resolved');
});

test('what a condition does not say of time is a day, of which the facts are asked', () => {
  const needs = needsOf([{ kind: 'quality' }, { kind: 'event', within: '3d' }]);
  assert.deepEqual([needs.flagsMs, needs.eventsMs], [DAY, 3 * DAY]);
  assert.equal(needsOf([{ kind: 'silent', after: '1h' }]).flagsMs, 0);
});

test('rules on flags and events are replayed', () => {
  const rule = ruleOf({ name: 'odd', when: { kind: 'event', within: '1h' } });
  assert.equal(replayProblem(rule), null);
  const facts = { ...NO_FACTS, events: () => [event(30, 31), event(3, 5)] };
  const replayed = replay({
    ...{ rule, facts, cities: CITIES.slice(0, 1), from: START, to: START + 2 * DAY },
    history: [observed(CITIES[0]?.city_id ?? '', 0, {})],
    simulated: false,
  });
  assert.deepEqual(
    replayed.map(({ incident }) => [incident.began_at, incident.resolved_at]),
    [
      [at(3), formatTime(new Date(START + 6 * HOUR))],
      [at(30), formatTime(new Date(START + 32 * HOUR))],
    ],
  );
});
