import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { QualityFlag } from '../model/quality.ts';
import type { VariableName } from '../model/variables.ts';
import { explainRuns, type FlaggedValue, type Run, runsOf, type Surroundings } from './events.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2024, 4, 1);

const flagged = (hour: number, score: number): FlaggedValue => ({
  ...{ at: START + hour * HOUR_MS, value: 10 + score, expected: 10, score },
});

const run = (city_id: string, variable: VariableName, hour: number, score = 6): Run => ({
  ...{ city_id, variable, count: 1, peak: flagged(hour, score) },
  ...{ from: START + hour * HOUR_MS, to: START + hour * HOUR_MS },
});

const ALONE: Surroundings = {
  flags: [],
  neighbours: new Map(),
  season: ({ peak }) => ({ years: 4, beyond: peak.value > 40 ? 'highest' : null }),
};

const flag = (hour: number, more: Partial<QualityFlag> = {}): QualityFlag => ({
  ...{ city_id: 'a', variable: 'temperature_c', test: 'spike', verdict: 'fail', value: 16 },
  observed_at: new Date(START + hour * HOUR_MS).toISOString(),
  ...{ expected: null, spread: null, compared: null, ...more },
});

const classes = (runs: readonly Run[], more: Partial<Surroundings> = {}) =>
  explainRuns(runs, { ...ALONE, ...more }).map((event) => event.class);

test('flagged values to one side within three hours are one event, whose peak is the furthest', () => {
  const values = [flagged(0, 4), flagged(2, -5), flagged(3, -7), flagged(6, -4), flagged(10, -4)];
  const runs = runsOf('a', 'temperature_c', values);
  assert.deepEqual(
    runs.map(({ from, to, peak, count }) => [
      ...[from, to].map((at) => (at - START) / HOUR_MS),
      ...[peak.score, count],
    ]),
    [
      [0, 0, 4, 1],
      [2, 6, -7, 3],
      [10, 10, -4, 1],
    ],
  );
});

test('every flagged value is in exactly one event, in which none is more unusual than the peak', () => {
  const value = fc.record({
    gap: fc.integer({ min: 1, max: 6 }),
    score: fc.integer({ min: -9, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), (made) => {
      let hour = 0;
      const values = made.map(({ gap, score }) => {
        hour += gap;
        return flagged(hour, score >= 0 ? score + 3.5 : score - 3.5);
      });
      const runs = runsOf('a', 'humidity_pct', values);
      assert.equal(
        runs.reduce((sum, { count }) => sum + count, 0),
        values.length,
      );
      for (const { at, score } of values) {
        const within = runs.filter((one) => at >= one.from && at <= one.to);
        const own = within.filter(({ peak }) => Math.sign(peak.score) === Math.sign(score));
        assert.equal(own.length, 1);
        assert.ok(Math.abs(own[0]?.peak.score ?? 0) >= Math.abs(score));
      }
    }),
  );
});

test('an event is a sensor fault where quality control says so, unless neighbours have it, too', () => {
  const own = run('a', 'temperature_c', 5);
  assert.deepEqual(classes([own]), ['unexplained']);
  assert.deepEqual(classes([own], { flags: [flag(5)] }), ['sensor_fault']);
  assert.deepEqual(classes([own], { flags: [flag(6)] }), ['unexplained']);
  assert.deepEqual(classes([own], { flags: [flag(5, { variable: 'humidity_pct' })] }), [
    'unexplained',
  ]);
  // A jump alone may be weather.
  assert.deepEqual(classes([own], { flags: [flag(5, { test: 'step', verdict: 'suspect' })] }), [
    'unexplained',
  ]);
  const neighbours = new Map([['a', ['b', 'c']]]);
  const all = [own, run('b', 'temperature_c', 6), run('c', 'temperature_c', 7)];
  assert.equal(classes(all, { flags: [flag(5)], neighbours })[0], 'front');
});

test('a front changes several variables, or passes several cities', () => {
  const own = run('a', 'temperature_c', 5);
  const others = [run('a', 'humidity_pct', 6), run('a', 'wind_speed_ms', 4)];
  const [first] = explainRuns([own, ...others], ALONE).filter(
    ({ variable }) => variable === 'temperature_c',
  );
  assert.equal(first?.class, 'front');
  assert.equal(first?.other_variables, 'humidity_pct wind_speed_ms');
  assert.deepEqual(classes([own, run('a', 'humidity_pct', 20)]), ['unexplained', 'unexplained']);
  const neighbours = new Map([['a', ['b']]]);
  assert.deepEqual(classes([own, run('b', 'temperature_c', 6)], { neighbours }), [
    'unexplained',
    'unexplained',
  ]);
});

test('a record is beyond all that the season had in at least two earlier years', () => {
  const own = run('a', 'temperature_c', 5, 35);
  const [event] = explainRuns([own], ALONE);
  assert.equal(event?.class, 'record');
  assert.equal(event?.record, 'highest');
  assert.equal(event?.severity, 'extreme');
  assert.deepEqual(classes([own], { season: () => ({ years: 1, beyond: 'highest' }) }), [
    'unexplained',
  ]);
  assert.deepEqual(classes([run('a', 'temperature_c', 5, 29)]), ['unexplained']);
});
