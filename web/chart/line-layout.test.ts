import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LayoutOptions, layOutLines } from './line-layout.ts';
import { linesOf, nearestIndex, readAt, sharedGaps, timesOf } from './lines.ts';

const HOUR = 3_600_000;
const START = Date.parse('2016-07-08T00:00:00Z');

function line(cityId: string, place: number, values: readonly (number | null)[]) {
  const times = values.map((_, index) => START + index * HOUR);
  return { cityId, name: cityId, place, times, values };
}

function layOut(changes: Partial<LayoutOptions> = {}) {
  return layOutLines({
    lines: [line('a', 0, [20, 21, null, null, 24, 25])],
    summaries: null,
    usual: null,
    variable: 'temperature_c',
    units: 'c',
    zone: 'UTC',
    from: START,
    to: START + 5 * HOUR,
    width: 1_000,
    height: 300,
    nights: [],
    sky: null,
    anomalies: [],
    flags: [],
    labelled: true,
    ...changes,
  });
}

test('a value with several flags is one hollow mark, failed if one of them says so', () => {
  const flag = (hour: number, test: 'step' | 'spike', verdict: 'suspect' | 'fail') => ({
    ...{ city_id: 'a', variable: 'temperature_c' as const, test, verdict, value: 20 + hour },
    observed_at: new Date(START + hour * HOUR).toISOString(),
    ...{ expected: null, spread: null, compared: null },
  });
  const flags = [flag(0, 'step', 'suspect'), flag(0, 'spike', 'fail'), flag(1, 'step', 'suspect')];
  const { hollows, x, y } = layOut({
    flags: [...flags, { ...flag(2, 'step', 'fail'), city_id: 'b' }, flag(9, 'step', 'fail')],
  });
  assert.deepEqual(
    hollows.map((hollow) => [hollow.x, hollow.y, hollow.flag.verdict]),
    [
      [x(START), y(20), 'fail'],
      [x(START + HOUR), y(21), 'suspect'],
    ],
  );
});

test('lines follow the order of the compared cities, in the chosen unit, gaps kept', () => {
  const series = (city_id: string, values: (number | null)[]) => ({
    city_id,
    city: city_id,
    variable: 'temperature_c' as const,
    observed_at: ['2016-07-08T00:00:00Z', '2016-07-08T01:00:00Z'],
    values,
  });
  const all = [series('a', [0, null]), series('b', [10, 20])];
  const lines = linesOf(all, ['b', 'gone', 'a'], 'temperature_c', 'f');
  assert.deepEqual(
    lines.map(({ cityId, place, values }) => [cityId, place, values]),
    [
      ['b', 0, [50, 68]],
      ['a', 2, [32, null]],
    ],
  );
  assert.equal(lines[0]?.times[1], START + HOUR);
});

test('a gap is a column with its length in words, and lifts the pen', () => {
  const { lines, gaps, x } = layOut();
  assert.equal(lines[0]?.path.match(/M/g)?.length, 2);
  assert.equal(gaps.length, 1);
  assert.equal(gaps[0]?.x, x(START + HOUR));
  assert.equal(gaps[0]?.words, 'no data 3 h');
});

test('a time and its place on the axis belong together, whatever the range', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 1e12 }),
      fc.integer({ min: 200, max: 4_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (length, width, share) => {
        const { x, timeAt, left, right } = layOut({ to: START + length, width });
        const at = START + share * length;
        assert.ok(Math.abs(timeAt(x(at)) - at) <= Math.max(1, length * 1e-9));
        assert.ok(x(at) >= left - 1e-6 && x(at) <= right + 1e-6);
      },
    ),
  );
});

test('every value lies within the drawing, and marks are round and not too many', () => {
  const values = fc.array(fc.double({ min: -60, max: 55, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(values, (some) => {
      const { y, top, bottom, valueMarks } = layOut({ lines: [line('a', 0, some)] });
      for (const value of some) assert.ok(y(value) >= top - 1 && y(value) <= bottom + 1);
      assert.ok(valueMarks.length >= 1 && valueMarks.length <= 12, `${valueMarks.length} marks`);
    }),
  );
});

test('only what no line has is a gap; what is missing at the ends counts', () => {
  const a = line('a', 0, [null, 1, null, null, 4, null]);
  const b = line('b', 1, [null, 1, 2, null, 4, null]);
  assert.deepEqual(
    sharedGaps([a, b], START, START + 5 * HOUR).map(({ from, to }) => [
      (from - START) / HOUR,
      (to - START) / HOUR,
    ]),
    [
      [0, 1],
      [2, 4],
      [4, 5],
    ],
  );
});

test('days are named in their middle, and dated where a weekday would not say which', () => {
  const DAY = 24 * HOUR;
  const week = layOut({ from: START - 6 * HOUR, to: START + 7 * DAY, width: 500 });
  const named = week.timeMarks.filter(({ label }) => label !== '');
  assert.deepEqual(
    named.map(({ label }) => label),
    ['Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed', 'Thu'],
  );
  assert.ok(Math.abs((named[0]?.x ?? 0) - week.x(START + DAY / 2)) < 1e-6);
  assert.equal(week.timeMarks.filter(({ tick }) => tick !== null).length, 7);
  const month = layOut({ to: START + 30 * DAY, width: 1_300 });
  for (const { label } of month.timeMarks) assert.match(label, /\d|^$/);
});

test('labels at the ends do not lie upon each other', () => {
  const lines = [line('a', 0, [20, 21]), line('b', 1, [20, 21]), line('c', 2, [20, 21.1])];
  const { ends } = layOut({ lines, to: START + HOUR });
  assert.deepEqual(
    ends.map(({ text }) => text),
    ['a 21.0°', 'b 21.0°', 'c 21.1°'],
  );
  const heights = ends.map(({ y }) => y).sort((a, b) => a - b);
  for (let at = 1; at < heights.length; at += 1) {
    assert.ok((heights[at] ?? 0) - (heights[at - 1] ?? 0) > 15.9, heights.join());
  }
  assert.deepEqual(layOut({ lines, labelled: false }).ends, []);
});

test('an unusual value of a drawn city has a ring; others have none', () => {
  const anomaly = {
    city: 'a',
    observed_at: '2016-07-08T01:00:00Z',
    variable: 'temperature_c',
    value: 21,
    expected: 10,
    score: 4,
    threshold: 3,
    rule: 'three_sigma',
    observation_count: 50,
    reason: '',
  } as const;
  const anomalies = [
    { ...anomaly, city_id: 'a' },
    { ...anomaly, city_id: 'elsewhere' },
    { ...anomaly, city_id: 'a', variable: 'humidity_pct' },
    { ...anomaly, city_id: 'a', observed_at: '2016-07-09T01:00:00Z' },
  ];
  const { rings, x, y } = layOut({ anomalies });
  assert.deepEqual(
    rings.map((ring) => [ring.x, ring.y]),
    [[x(START + HOUR), y(21)]],
  );
});

test('a summary is a band with its middle; more than two bands would hide each other', () => {
  const own = line('b', 1, [20, 26, 20, 27]);
  const summary = {
    ...own,
    values: [23, 23, 23, 23],
    lows: [20, 20, 20, 20],
    highs: [26, 26, 27, 27],
  };
  const bands = (count: number) =>
    layOut({ summaries: Array.from({ length: count }, () => summary) }).bands.length;
  assert.deepEqual([1, 2, 3, 6].map(bands), [1, 2, 1, 1]);
});

test('humidity stays within what there is of it', () => {
  const { y, bottom, top } = layOut({ variable: 'humidity_pct', lines: [line('a', 0, [0, 100])] });
  assert.ok(Math.abs(y(0) - bottom) < 1e-6 && y(102) >= top - 1e-6);
});

test('a value between two gaps is a dot', () => {
  const values = Array.from({ length: 60 }, (_, at) => (at === 30 || at % 60 < 20 ? 5 : null));
  const { lines } = layOut({ lines: [line('a', 0, [...values, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5])] });
  assert.equal(lines[0]?.dots.length, 1);
});

test('what all lines say at a time', () => {
  const lines = [line('a', 0, [1, 2, 3]), line('b', 1, [1, null, null])];
  const said = readAt(lines, START + 2 * HOUR + 60_000, HOUR / 2);
  assert.deepEqual(
    said.map(({ value }) => value),
    [3, null],
  );
  assert.deepEqual(timesOf(lines), [START, START + HOUR, START + 2 * HOUR]);
});

test('the nearest time is found as one would by looking at all of them', () => {
  const times = fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), { minLength: 1 });
  fc.assert(
    fc.property(times, fc.integer({ min: -50, max: 1_050 }), (some, wanted) => {
      const sorted = some.toSorted((a, b) => a - b);
      const found = sorted[nearestIndex(sorted, wanted)] ?? Number.NaN;
      const least = Math.min(...sorted.map((time) => Math.abs(time - wanted)));
      assert.equal(Math.abs(found - wanted), least);
    }),
  );
  assert.equal(nearestIndex([], 5), -1);
});
