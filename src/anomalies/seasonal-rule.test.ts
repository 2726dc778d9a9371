import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../test/support/random.ts';
import { baselineOf, LEARNING_DAYS } from './baseline.ts';
import { SCALES } from './scales.ts';
import { SeasonalRule, THRESHOLD } from './seasonal-rule.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2022, 0, 1);
const DAYS = 60;
const scale = SCALES.temperature_c;
assert.ok(scale);

/** Days with their cycle, weather that comes and goes, and noise; °C. */
function weather(seed: number, hours = DAYS * 24): number[] {
  const random = createRandom(seed);
  let level = 0;
  return Array.from({ length: hours }, (_, hour) => {
    level += 0.35 * (random() - 0.5) - 0.01 * level;
    return 10 - 6 * Math.cos(((hour - 14) / 12) * Math.PI) + level + 0.6 * (random() - 0.5);
  });
}

function judgeAll(values: readonly number[], minutes = 60) {
  assert.ok(scale);
  const rule = new SeasonalRule({ scale, threshold: THRESHOLD });
  return values.map((value, at) =>
    Number.isNaN(value) ? null : rule.judge(START + at * minutes * 60_000, value),
  );
}

const flagged = (judged: ReturnType<typeof judgeAll>) =>
  judged.flatMap((one, at) => (one?.isFlagged === true ? [at] : []));

test('it learns for three weeks, and says nothing before', () => {
  const judged = judgeAll(weather(1));
  const first = judged.findIndex((one) => one !== null);
  assert.equal(first, LEARNING_DAYS * 24);
});

test('ordinary weather is not flagged', () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    assert.deepEqual(flagged(judgeAll(weather(seed))), [], `seed ${seed}`);
  }
});

test('one value that is 8 degrees off is flagged, whenever it is, and the next is not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 22 * 24, max: DAYS * 24 - 2 }),
      fc.boolean(),
      (seed, at, isCold) => {
        const values = weather(seed);
        values[at] = (values[at] ?? 0) + (isCold ? -8 : 8);
        assert.deepEqual(flagged(judgeAll(values)), [at]);
      },
    ),
  );
});

test('a new level is flagged at first and then taken for what it is', () => {
  const values = weather(3).map((value, hour) => (hour >= 1_000 ? value + 9 : value));
  // Eleven days later half of the baseline is of the new level, and it is flagged again.
  const found = flagged(judgeAll(values)).filter((at) => at < 1_000 + 240);
  assert.equal(found[0], 1_000);
  assert.ok((found.at(-1) ?? 0) < 1_000 + 12, String(found));
});

test('what comes later changes nothing of what was said', () => {
  const values = weather(4);
  const other = values.map((value, hour) => (hour > 900 ? value * 3 : value));
  assert.deepEqual(judgeAll(values).slice(0, 901), judgeAll(other).slice(0, 901));
});

test('values every ten minutes are judged as well as hourly ones', () => {
  const hourly = weather(5);
  const values = Array.from({ length: hourly.length * 6 - 6 }, (_, at) => {
    const [a = 0, b = 0] = [hourly[Math.floor(at / 6)], hourly[Math.floor(at / 6) + 1]];
    return a + ((b - a) * (at % 6)) / 6;
  });
  assert.deepEqual(flagged(judgeAll(values, 10)), []);
  for (const length of [1, 2, 3]) {
    const broken = [...values];
    for (let at = 6_000; at < 6_000 + length; at += 1) broken[at] = (broken[at] ?? 0) - 8;
    const found = flagged(judgeAll(broken, 10));
    assert.deepEqual(
      found,
      Array.from({ length }, (_, at) => 6_000 + at),
    );
  }
});

test('after a gap a value is compared with the season, not with what was long ago', () => {
  const values = weather(6).map((value, hour) => (hour > 800 && hour < 860 ? Number.NaN : value));
  const judged = judgeAll(values)[860];
  assert.ok(judged !== null && judged !== undefined && !judged.isFlagged);
});

test('after weeks without a value it learns anew', () => {
  const values = weather(7).map((value, hour) => (hour > 600 && hour < 1_100 ? Number.NaN : value));
  const judged = judgeAll(values);
  assert.notEqual(judged[600], null);
  assert.equal(judged[1_100], null);
  assert.equal(judged[1_300], null);
});

test('wind speeds are judged on their square root, so that calm is not unusual', () => {
  const scaled = SCALES.wind_speed_ms;
  assert.ok(scaled);
  const rule = new SeasonalRule({ scale: scaled, threshold: THRESHOLD });
  const random = createRandom(9);
  for (let hour = 0; hour < DAYS * 24; hour += 1) {
    const speed = Math.max(0, 4 + 3 * (random() - 0.5) + 2 * (random() - 0.5));
    rule.judge(START + hour * HOUR_MS, speed);
  }
  const at = START + DAYS * 24 * HOUR_MS;
  assert.equal(rule.judge(at, 0.9)?.isFlagged, false);
  assert.equal(rule.judge(at + HOUR_MS, 25)?.isFlagged, true);
});

test('the baseline is the median of the same hours, of this season and of earlier years', () => {
  const today = Math.floor(START / 86_400_000);
  const day = (value: number) => new Float64Array(24).map((_, hour) => value + hour);
  const recent = Array.from({ length: 21 }, (_, at) => [today - 21 + at, day(10 + at)] as const);
  const { median, recentDays } = baselineOf(new Map(recent), today);
  assert.equal(recentDays, 21);
  assert.equal(median[12], 10 + 10 + 12);
  const lastYear = Array.from(
    { length: 43 },
    (_, at) => [today - 365 - 21 + at, day(100)] as const,
  );
  const both = baselineOf(new Map([...recent, ...lastYear]), today);
  assert.equal(both.recentDays, 21);
  // 21 days of last year and 21 of these weeks: half of them are at 100.
  assert.ok((both.median[12] ?? 0) > 40);
  assert.ok(Number.isNaN(baselineOf(new Map(recent.slice(0, 2)), today).median[12] ?? 0));
});
