import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../test/support/random.ts';
import { HORIZONS, MODELS } from '../model/forecast.ts';
import { Climate } from './climate.ts';
import { Forecaster } from './forecaster.ts';
import { addRow, openSums, predict, solveSums } from './ridge.ts';

const FIRST = Date.UTC(2020, 0, 1) / 3_600_000;
const YEAR = 365 * 24;

/** A year and a day with their courses, and weather that fades with a half-life of some 17 hours; °C. */
function weather(seed: number, hours: number): number[] {
  const random = createRandom(seed);
  let anomaly = 0;
  return Array.from({ length: hours }, (_, hour) => {
    anomaly = 0.96 * anomaly + 1.2 * (random() + random() - 1);
    const day = -5 * Math.cos(((hour - 3) / 12) * Math.PI);
    const year = -9 * Math.cos((hour / 8_766) * 2 * Math.PI);
    return 10 + day + year + anomaly;
  });
}

function openForecaster() {
  return new Forecaster({ helpers: 0, least: -95, most: 65 });
}

/** At some horizons: mean absolute errors by model and of what was served; origins every seven hours. */
function judge(values: readonly number[], horizons: readonly number[], from: number) {
  const forecaster = openForecaster();
  const sums = horizons.map(() => new Map<string, number>());
  const inside = horizons.map(() => 0);
  let origins = 0;
  for (const [at, value] of values.entries()) {
    forecaster.observe(FIRST + at, value, []);
    if (at < from || at % 7 !== 0 || at + HORIZONS >= values.length) continue;
    const forecast = forecaster.forecast();
    assert.ok(forecast);
    origins += 1;
    for (const [index, horizon] of horizons.entries()) {
      const truth = values[at + horizon] ?? Number.NaN;
      const note = (name: string, said: Float64Array | null | undefined) => {
        const error = Math.abs(truth - (said?.[horizon - 1] ?? Number.NaN));
        sums[index]?.set(name, (sums[index]?.get(name) ?? 0) + error);
      };
      note('served', forecast.values);
      for (const model of MODELS) note(model, forecaster.sayBy(model));
      const [low = 0, high = 0] = [forecast.low[horizon - 1], forecast.high[horizon - 1]];
      if (truth >= low && truth <= high) inside[index] = (inside[index] ?? 0) + 1;
    }
  }
  return horizons.map((horizon, index) => {
    const { served = 0, learned: _, ...baselines } = Object.fromEntries(sums[index] ?? []);
    const best = Math.min(...Object.values(baselines)) / origins;
    return { horizon, best, served: served / origins, coverage: (inside[index] ?? 0) / origins };
  });
}

test('the interval is as wide as the hour of the day takes', () => {
  const random = createRandom(11);
  const isAfternoon = (hour: number) => hour % 24 >= 12;
  const judged = { afternoon: [0, 0], night: [0, 0] };
  const from = 200 * 24;
  let hour = 0;
  const forecaster = new Forecaster({
    ...{ helpers: 0, least: -95, most: 65 },
    onJudged({ horizon, value, low, high }) {
      if (horizon !== 6 || hour < from) return;
      const counts = judged[isAfternoon(FIRST + hour) ? 'afternoon' : 'night'];
      counts[0] = (counts[0] ?? 0) + 1;
      if (value >= low && value <= high) counts[1] = (counts[1] ?? 0) + 1;
    },
  });
  for (; hour < 600 * 24; hour += 1) {
    const noise = (random() + random() + random() - 1.5) * (isAfternoon(FIRST + hour) ? 6 : 1);
    forecaster.observe(FIRST + hour, 10 + noise, []);
  }
  for (const [known = 0, inside = 0] of Object.values(judged)) {
    const share = inside / known;
    assert.ok(share > 0.75 && share < 0.85, JSON.stringify(judged));
  }
});

test('what is served is not worse than the best baseline, and its interval holds four of five', () => {
  const values = weather(1, 1.6 * YEAR);
  for (const { horizon, served, best, coverage } of judge(values, [1, 6, 24, 48], YEAR / 2)) {
    assert.ok(served <= best * 1.02, `${horizon} h: ${served}, the best baseline ${best}`);
    assert.ok(coverage > 0.72 && coverage < 0.88, `${horizon} h: ${coverage}`);
  }
});

test('a model that begins later is served once a week of its forecasts was judged', () => {
  // The same every day but for noise: what climatology says is best as soon as it says anything.
  const random = createRandom(4);
  const forecaster = openForecaster();
  const servedOn: number[] = [];
  for (let hour = 0; hour < 50 * 24; hour += 1) {
    const value = 10 + 5 * Math.sin((hour / 12) * Math.PI) + 4 * (random() - 0.5);
    forecaster.observe(FIRST + hour, value, []);
    if (forecaster.forecast()?.models[11] === 'climatology') servedOn.push(hour / 24);
  }
  const [first = Number.NaN] = servedOn;
  assert.ok(first >= 35 && first < 37, String(first));
});

test('the first forecasts are those of the last value, and nothing is made of a missing one', () => {
  const forecaster = openForecaster();
  assert.equal(forecaster.forecast(), null);
  forecaster.observe(FIRST, 7, []);
  const first = forecaster.forecast();
  assert.deepEqual([first?.values[0], first?.values[HORIZONS - 1]], [7, 7]);
  assert.deepEqual(new Set(first?.models), new Set(['persistence']));
  forecaster.observe(FIRST + 1, Number.NaN, []);
  assert.equal(forecaster.forecast(), null);
});

test('after a day the season of the day is known', () => {
  const forecaster = openForecaster();
  const values = weather(2, 14 * 24);
  for (const [at, value] of values.entries()) forecaster.observe(FIRST + at, value, []);
  const naive = forecaster.sayBy('seasonal_naive');
  assert.equal(naive?.[0], values.at(-24));
  assert.equal(naive?.[23], values.at(-1));
  assert.equal(naive?.[24], values.at(-24));
});

test('hours before 1970 are forecast as those after it', () => {
  const [before, after] = [openForecaster(), openForecaster()];
  for (const [at, value] of weather(8, 14 * 24).entries()) {
    before.observe(Date.UTC(1960, 0, 1) / 3_600_000 + at, value, []);
    after.observe(Date.UTC(1988, 0, 1) / 3_600_000 + at, value, []);
  }
  assert.ok(after.forecast()?.models.includes('seasonal_naive'));
  assert.deepEqual(before.forecast(), after.forecast());
});

test('what is not yet known changes nothing of a forecast', () => {
  const values = weather(3, 120 * 24);
  const one = openForecaster();
  const other = openForecaster();
  for (const [at, value] of values.entries()) {
    if (at >= 110 * 24) break;
    one.observe(FIRST + at, value, []);
    other.observe(FIRST + at, value, []);
  }
  const before = one.forecast();
  assert.deepEqual(other.forecast(), before);
  other.observe(FIRST + 110 * 24, 60, []);
  assert.deepEqual(one.forecast(), before);
});

test('values stay within the bounds of the variable, whatever comes', () => {
  const list = fc.array(
    fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(Number.NaN)),
    {
      minLength: 1,
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(list, (values) => {
      const forecaster = new Forecaster({ helpers: 1, least: 0, most: 100 });
      for (const [at, value] of values.entries()) {
        forecaster.observe(FIRST + at, value, [value]);
        const forecast = forecaster.forecast();
        if (forecast === null) continue;
        for (const name of ['values', 'low', 'median', 'high'] as const) {
          assert.ok(forecast[name].every((one) => one >= 0 && one <= 100));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('ridge regression finds the weights that made the targets', () => {
  const random = createRandom(5);
  const wanted = [3, -2, 0.5];
  const sums = openSums(3, 2);
  for (let row = 0; row < 500; row += 1) {
    const features = Float64Array.from([1, random(), random() * 10]);
    const target = features.reduce((sum, value, at) => sum + value * (wanted[at] ?? 0), 0);
    addRow(sums, features, Float64Array.from([target, -target]));
  }
  const weights = solveSums(sums, 1e-9);
  for (const [at, weight] of wanted.entries()) {
    assert.ok(Math.abs((weights[at * 2] ?? 0) - weight) < 1e-3);
    assert.ok(Math.abs((weights[at * 2 + 1] ?? 0) + weight) < 1e-3);
  }
  const [first = 0] = predict(weights, Float64Array.from([1, 1, 1]), 2);
  assert.ok(Math.abs(first - 1.5) < 1e-3);
});

test('the climate of years with their courses is found again', () => {
  const climate = new Climate();
  const usual = (hour: number) =>
    12 - 8 * Math.cos((hour / 8_765.82) * 2 * Math.PI) + 4 * Math.sin((hour / 12) * Math.PI);
  for (let hour = 0; hour < 2 * YEAR; hour += 1) climate.add(FIRST + hour, usual(FIRST + hour));
  assert.ok(Number.isNaN(climate.at(FIRST)));
  climate.learn();
  for (const hour of [0, 13, 4_000, 2 * YEAR + 500]) {
    assert.ok(Math.abs(climate.at(FIRST + hour) - usual(FIRST + hour)) < 0.1);
  }
});
