import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualAt, usualRange } from './usual.ts';

/** Usual in every month: its number, two less to two more; the hour counts a tenth. */
const ROWS = Array.from({ length: 12 * 24 }, (_, at) => {
  const [month, hour] = [Math.floor(at / 24) + 1, at % 24];
  const median = month + hour / 10;
  return { month, hour, low: median - 2, median, high: median + 2 };
});
const TABLE = new Map(ROWS.map((row) => [row.month * 24 + row.hour, row]));
const HOUR = 3_600_000;

test('a month says most at its middle, and goes evenly over into the next', () => {
  const middle = (Date.UTC(2024, 3, 1) + Date.UTC(2024, 4, 1)) / 2;
  assert.equal(usualAt(TABLE, middle)?.median, 4);
  const end = usualAt(TABLE, Date.UTC(2024, 4, 1));
  assert.ok(end !== null && end.median > 4.4 && end.median < 4.6, `${end?.median}`);
  const before = usualAt(TABLE, Date.UTC(2024, 3, 30, 23));
  assert.ok(before !== null && Math.abs(before.median - 2.3 - end.median) < 0.05, 'no step');
  const newYear = usualAt(TABLE, Date.UTC(2025, 0, 1));
  assert.ok(newYear !== null && newYear.median > 6 && newYear.median < 7, `${newYear?.median}`);
});

test('a month counts alone up to the middle of an unknown one, and draws no band beyond', () => {
  const march = new Map([...TABLE].filter(([, { month }]) => month === 3));
  assert.equal(usualAt(march, Date.UTC(2024, 2, 30))?.median, 3);
  assert.equal(usualAt(march, Date.UTC(2024, 3, 2))?.median, 3);
  assert.equal(usualAt(march, Date.UTC(2024, 1, 27))?.median, 3);
  assert.equal(usualAt(march, Date.UTC(2024, 3, 17)), null);
  assert.equal(usualAt(march, Date.UTC(2024, 1, 2)), null);
  const span = { from: Date.UTC(2024, 2, 31), to: Date.UTC(2024, 3, 18) };
  const range = usualRange([...march.values()], span, 'UTC', 'temperature_c', 'c');
  assert.deepEqual([range?.lows[0] === null, range?.lows.at(-1)], [false, null]);
  assert.equal(usualRange([], span, 'UTC', 'temperature_c', 'c'), null);
});

test('the band begins and ends with the range, whatever its steps', () => {
  for (const days of [2, 60]) {
    const from = Date.UTC(2024, 6, 1, 5, 20);
    const to = from + days * 24 * HOUR + 18 * HOUR;
    const times = usualRange(ROWS, { from, to }, 'UTC', 'temperature_c', 'c')?.times ?? [];
    assert.deepEqual([times[0], times.at(-1)], [from, to], `${days} days`);
    assert.deepEqual([...new Set(times)].sort(), [...times].sort());
  }
});

test('the band follows the city’s clock and the chosen unit', () => {
  const from = Date.UTC(2024, 6, 16, 12);
  const range = usualRange(ROWS, { from, to: from + HOUR }, 'Asia/Tokyo', 'temperature_c', 'f');
  // 21 h in Tokyo, in the middle of July: 7 + 2.1, two more in °F.
  assert.ok(Math.abs((range?.highs[0] ?? 0) - (11.1 * 1.8 + 32)) < 0.05, `${range?.highs[0]}`);
});

test('a long range takes whole days, and few points', () => {
  const span = { from: Date.UTC(2020, 0, 1), to: Date.UTC(2022, 0, 1) };
  const range = usualRange(ROWS, span, 'UTC', 'temperature_c', 'c');
  assert.equal(range?.times.length, 732);
  const july = range?.times.indexOf(Date.UTC(2020, 6, 16)) ?? -1;
  assert.ok(
    Math.abs((range?.lows[july] ?? 0) - 5) < 0.1 &&
      Math.abs((range?.highs[july] ?? 0) - 11.3) < 0.1,
  );
});
