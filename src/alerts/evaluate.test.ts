/** What opens an incident and what ends it, by observations and by the clock. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AlertRule } from '../model/alerts.ts';
import { Evaluation, type EvaluationFacts } from './evaluate.ts';
import type { Values } from './judging.ts';
import { CITIES, FROST, HOUR, MINUTE, NO_FACTS, ruleOf, START } from './testing/alerting.ts';

const LONDON = 'london';

function evaluationOf(rules: readonly AlertRule[], facts: EvaluationFacts = NO_FACTS) {
  const evaluation = new Evaluation(rules.map(ruleOf), facts, START);
  evaluation.watch(CITIES);
  return evaluation;
}

/** `opened 30` for each transition of one city, by the minute; null is an observation without it. */
function story(
  rule: AlertRule,
  temperatures: readonly (number | null)[],
  { every = 10, facts = NO_FACTS }: { every?: number; facts?: EvaluationFacts } = {},
): string[] {
  const evaluation = evaluationOf([rule], facts);
  return temperatures.flatMap((temperature_c, index) => {
    const at = START + index * every * MINUTE;
    return evaluation
      .observe(LONDON, { at, values: { temperature_c } }, at)
      .map(({ change }) => `${change} ${index * every}`);
  });
}

describe('a rule on a value', () => {
  test('opens at once without `for`, and resolves after half an hour beyond the clear value', () => {
    assert.deepEqual(story(FROST, [2, -1, 0.5, 2, 2, 2, 2, 2]), ['opened 10', 'resolved 60']);
  });

  test('opens only when it held for as long as it should', () => {
    const rule = { ...FROST, for: '20m' };
    assert.deepEqual(story(rule, [-1, -1, 3, -1, -1, -1]), ['opened 50']);
  });

  test('keeps one incident open while the value flaps for four hours', () => {
    const flapping = Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? -1 : 5));
    assert.deepEqual(story(FROST, flapping), ['opened 0']);
  });

  test('a value between the threshold and the clear value neither opens nor resolves', () => {
    assert.deepEqual(story(FROST, [0.5, 0.5, -1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]), ['opened 20']);
  });

  test('a missing value changes nothing by default, and resolves where the rule says so', () => {
    const gone = [-1, null, null, null, null, null];
    assert.deepEqual(story(FROST, gone), ['opened 0']);
    assert.deepEqual(story({ ...FROST, missing: 'resolve' }, gone), ['opened 0', 'resolved 40']);
  });

  test('a pending rule outlasts a missing value', () => {
    assert.deepEqual(story({ ...FROST, for: '20m' }, [-1, null, -1]), ['opened 20']);
  });

  test('an observation that comes late or twice changes nothing', () => {
    const evaluation = evaluationOf([FROST]);
    const observe = (minutes: number, temperature_c: number) =>
      evaluation.observe(LONDON, { at: START + minutes * MINUTE, values: { temperature_c } }, START)
        .length;
    assert.deepEqual(
      [observe(10, 5), observe(0, -5), observe(10, -5), observe(20, -5)],
      [0, 0, 0, 1],
    );
  });

  test('looks at the cities that it names only', () => {
    const evaluation = evaluationOf([{ ...FROST, cities: ['tokyo'] }]);
    const point = { at: START, values: { temperature_c: -5 } };
    assert.equal(evaluation.observe(LONDON, point, START).length, 0);
    const [opened] = evaluation.observe('tokyo', point, START);
    assert.equal(opened?.city?.name, 'Tokyo');
  });

  test('opens nothing outside of its hours on the clock of the city', () => {
    // Ten minutes before and after 09:00 in Tokyo, which is midnight UTC.
    const rule: AlertRule = { ...FROST, active: { from: '09:00', to: '18:00', days: ['sun'] } };
    const evaluation = evaluationOf([rule]);
    const observe = (minutes: number) =>
      evaluation.observe(
        'tokyo',
        { at: START + minutes * MINUTE, values: { temperature_c: -5 } },
        START,
      ).length;
    assert.deepEqual([observe(-10), observe(0)], [0, 1]);
  });

  test('one incident for all cities lists those that it holds for', () => {
    const evaluation = evaluationOf([{ ...FROST, group: 'rule', resolve_after: '0s' }]);
    const observe = (city: string, minutes: number, temperature_c: number) =>
      evaluation.observe(city, { at: START + minutes * MINUTE, values: { temperature_c } }, START);
    const [opened] = observe(LONDON, 0, -1);
    assert.deepEqual([opened?.city, opened?.verdict.subjects], [null, [LONDON]]);
    assert.deepEqual(observe('tokyo', 1, -1), []);
    assert.deepEqual(observe(LONDON, 10, 5), []);
    assert.equal(observe('tokyo', 11, 5)[0]?.change, 'resolved');
  });
});

describe('other rules on cities', () => {
  const change: AlertRule = {
    name: 'fall',
    when: { kind: 'change', variable: 'temperature_c', by: 5, within: '1h', direction: 'fall' },
  };

  test('a fall is found within its time, a rise and a slow fall are not', () => {
    assert.deepEqual(story(change, [20, 18, 16, 14.9]), ['opened 30']);
    assert.deepEqual(story(change, [10, 20, 30]), []);
    assert.deepEqual(story(change, [20, 19, 18, 17, 16, 15, 14, 13, 12]), ['opened 60']);
    assert.deepEqual(story(change, [20, 19.5, 19, 18.5, 18, 17.5, 17, 16.5, 16]), []);
  });

  test('a direction turns the shorter way', () => {
    const rule: AlertRule = {
      name: 'shift',
      when: { kind: 'change', variable: 'wind_direction_deg', by: 30, within: '1h' },
    };
    const evaluation = evaluationOf([rule]);
    const observe = (minutes: number, wind_direction_deg: number) =>
      evaluation.observe(
        LONDON,
        { at: START + minutes * MINUTE, values: { wind_direction_deg } },
        START,
      ).length;
    assert.deepEqual([observe(0, 350), observe(10, 10), observe(20, 25)], [0, 0, 1]);
  });

  test('what is usual decides, and nothing is judged where it is not known', () => {
    const rule: AlertRule = { name: 'odd', when: { kind: 'unusual', variable: 'temperature_c' } };
    const usual = { low: 8, median: 10, high: 13 };
    const facts = { ...NO_FACTS, usual: () => usual };
    assert.deepEqual(story(rule, [15.9, 16.1], { facts }), ['opened 10']);
    assert.deepEqual(story(rule, [6.1, 5.9], { facts }), ['opened 10']);
    assert.deepEqual(story(rule, [99, -99]), []);
  });

  test('a city is silent by the clock, and heard of again with its next observation', () => {
    const rule: AlertRule = { name: 'silent', when: { kind: 'silent', after: '2h' } };
    const evaluation = evaluationOf([{ ...rule, cities: [LONDON] }]);
    const point = (minutes: number) => ({ at: START + minutes * MINUTE, values: {} });
    evaluation.observe(LONDON, point(0), START);
    assert.deepEqual(evaluation.tick(START + 2 * HOUR), []);
    const [opened] = evaluation.tick(START + 2 * HOUR + MINUTE);
    assert.deepEqual([opened?.change, opened?.since], ['opened', START]);
    assert.deepEqual(evaluation.tick(START + 3 * HOUR), []);
    const now = START + 3 * HOUR + MINUTE;
    assert.equal(evaluation.observe(LONDON, point(180), now)[0]?.change, 'resolved');
  });

  test('a published anomaly of the newest observation opens, one of an older one does not', () => {
    const rule: AlertRule = { name: 'anomaly', when: { kind: 'anomaly', min_score: 3 } };
    const anomaly = {
      city_id: LONDON,
      city: 'London',
      observed_at: '2026-03-01T00:00:00Z',
      variable: 'temperature_c',
      value: 31,
      expected: 9,
      score: 4.2,
      threshold: 3,
      rule: 'three_sigma',
      observation_count: 100,
      reason: 'Warmer than usual.',
    } as const;
    const facts: EvaluationFacts = {
      ...NO_FACTS,
      anomalies: (city, at) => (city === LONDON && at === START ? [anomaly] : []),
    };
    const evaluation = evaluationOf([rule], facts);
    evaluation.observe(LONDON, { at: START, values: {} }, START);
    const [opened] = evaluation.tick(START + MINUTE);
    assert.equal(opened?.verdict.summary, 'Warmer than usual.');
    const strict: AlertRule = { ...rule, when: { kind: 'anomaly', min_score: 5 } };
    const other = evaluationOf([strict], facts);
    other.observe(LONDON, { at: START, values: {} }, START);
    assert.deepEqual(other.tick(START + MINUTE), []);
  });
});

test('the time in which isobar did not ask does not count as silence of a city', () => {
  const rule: AlertRule = { name: 'quiet', when: { kind: 'silent', after: '1h' } };
  const end = START + 10 * HOUR;
  const facts: EvaluationFacts = {
    ...NO_FACTS,
    stoppedMs: (from, to) => Math.max(0, Math.min(to, end) - Math.max(from, START + 10 * MINUTE)),
  };
  const evaluation = evaluationOf([rule], facts);
  evaluation.observe(LONDON, { at: START, values: {} }, START);
  const ofLondon = (now: number) =>
    evaluation.tick(now).filter(({ city }) => city?.city_id === LONDON);
  assert.deepEqual(ofLondon(START + 9 * HOUR), []);
  assert.deepEqual(ofLondon(end + 49 * MINUTE), [], '59 minutes');
  assert.equal(ofLondon(end + 51 * MINUTE)[0]?.change, 'opened');
});

test('whatever the values, an incident opens and resolves by turns and never twice', () => {
  const value = fc.option(fc.double({ min: -5, max: 5, noNaN: true }), { nil: null });
  const rules = fc.record({
    for: fc.constantFrom('0s', '10m', '25m'),
    resolve_after: fc.constantFrom('0s', '10m', '1h'),
    missing: fc.constantFrom('keep' as const, 'resolve' as const),
  });
  fc.assert(
    fc.property(rules, fc.array(value, { maxLength: 80 }), (changes, values) => {
      const changesFound = story({ ...FROST, ...changes }, values).map(
        (text) => text.split(' ')[0],
      );
      for (const [index, change] of changesFound.entries()) {
        assert.equal(change, index % 2 === 0 ? 'opened' : 'resolved');
      }
    }),
    { numRuns: 300 },
  );
});

test('going on from stored tracks at any moment gives the same as never having stopped', () => {
  const value = fc.option(fc.double({ min: -5, max: 5, noNaN: true }), { nil: null });
  const rule = ruleOf({ ...FROST, for: '20m' });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), fc.nat(), (values, cut) => {
      const points = values.map((temperature_c, index) => ({
        at: START + index * 10 * MINUTE,
        values: { temperature_c } as Values,
      }));
      const run = (evaluation: Evaluation, part: typeof points) =>
        part.flatMap((point) =>
          evaluation.observe(LONDON, point, point.at).map(({ change, at }) => [change, at]),
        );
      const make = () => {
        const evaluation = new Evaluation([rule], NO_FACTS, START);
        evaluation.watch(CITIES);
        return evaluation;
      };
      const whole = run(make(), points);
      const at = cut % (points.length + 1);
      const first = make();
      const before = run(first, points.slice(0, at));
      const second = make();
      for (const {
        rule: { name },
        subject,
        track,
      } of first.tracks()) {
        second.restore(name, subject, JSON.parse(JSON.stringify(track)));
      }
      assert.deepEqual([...before, ...run(second, points.slice(at))], whole);
    }),
    { numRuns: 300 },
  );
});
