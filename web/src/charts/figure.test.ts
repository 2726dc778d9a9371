import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildFigure, type FigureOptions, linesOf, readAt, sharedGaps } from './figure.ts';

const HOUR = 3_600_000;
const START = Date.parse('2016-07-08T00:00:00Z');

function line(cityId: string, place: number, values: readonly (number | null)[]) {
  const times = values.map((_, index) => START + index * HOUR);
  return { cityId, name: cityId, place, times, values };
}

function options(changes: Partial<FigureOptions> = {}): FigureOptions {
  return {
    lines: [line('a', 0, [20, 21, null, null, 24, 25])],
    summaries: null,
    variable: 'temperature_c',
    units: 'c',
    zone: 'UTC',
    tone: 'light',
    from: START,
    to: START + 5 * HOUR,
    width: 1_000,
    height: 300,
    nights: [],
    anomalies: [],
    labelled: true,
    ...changes,
  };
}

interface Drawn {
  readonly traces: readonly {
    name: string;
    fillcolor?: string;
    line: { color: string; dash: string };
    y: number[];
  }[];
  readonly layout: {
    readonly annotations: readonly { text: string; y: number; x: number }[];
    readonly shapes: readonly { x0: string; x1: string }[];
    readonly yaxis: { range: [number, number] };
    readonly xaxis: { ticktext: string[] };
  };
}

const build = (changes?: Partial<FigureOptions>) => buildFigure(options(changes)) as Drawn;

test('lines follow the order of the compared cities, in the chosen unit, gaps kept', () => {
  const trace = (id: string, y: (number | null)[]) => {
    return {
      name: id,
      x: ['2016-07-08T00:00:00Z', '2016-07-08T01:00:00Z'],
      y,
      meta: { city_id: id },
    };
  };
  const traces = [trace('a', [0, null]), trace('b', [10, 20])];
  const lines = linesOf(traces, ['b', 'gone', 'a'], 'temperature_c', 'f');
  assert.deepEqual(
    lines.map(({ cityId, place, values }) => [cityId, place, values]),
    [
      ['b', 0, [50, 68]],
      ['a', 2, [32, null]],
    ],
  );
  assert.equal(lines[0]?.times[1], START + HOUR);
});

test('a gap is a column with its length in words, and not a line', () => {
  const { traces, layout } = build();
  assert.deepEqual(traces[0]?.y, [20, 21, null, null, 24, 25]);
  assert.equal(layout.shapes.length, 1);
  assert.equal(layout.shapes[0]?.x0, '2016-07-08T01:00:00.000Z');
  assert.ok(layout.annotations.some(({ text }) => text === 'no data 3 h'));
});

test('all times are told to Plotly as text, since it shifts numbers by the zone of the machine', () => {
  const own = line('b', 1, [20, 26, 20, 27]);
  const summaries = [{ ...own, lows: [20, 20, 20, 20], highs: [26, 27, 27, 27] }];
  const night = { from: START + HOUR, to: START + 2 * HOUR };
  const figure = JSON.stringify(build({ summaries, nights: [night] }));
  assert.doesNotMatch(figure, /1467\d{9}|1468\d{9}/);
  assert.match(figure, /"range":\["2016-07-08T00:00:00.000Z","2016-07-08T05:00:00.000Z"\]/);
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

test('colour, dash and label tell the lines apart, and labels do not lie upon each other', () => {
  const lines = [line('a', 0, [20, 21]), line('b', 1, [20, 21]), line('c', 2, [20, 21.1])];
  const { traces, layout } = build({ lines, to: START + HOUR });
  assert.equal(new Set(traces.map(({ line: { color } }) => color)).size, 3);
  assert.deepEqual(
    traces.map(({ line: { dash } }) => dash),
    ['solid', '7px,3px', '2px,3px'],
  );
  assert.deepEqual(
    layout.annotations.map(({ text }) => text),
    ['a 21.0°', 'b 21.0°', 'c 21.1°'],
  );
  const [low, high] = layout.yaxis.range;
  const heights = layout.annotations
    .map(({ y }) => ((high - y) / (high - low)) * 266)
    .sort((x, y) => x - y);
  for (let at = 1; at < heights.length; at += 1) {
    assert.ok((heights[at] ?? 0) - (heights[at - 1] ?? 0) > 15.9, heights.join());
  }
});

test('names are text for Plotly and not its markup', () => {
  const lines = [{ ...line('a', 0, [20, 21]), name: '<b>&' }];
  assert.equal(
    build({ lines, to: START + HOUR }).layout.annotations[0]?.text,
    '&lt;b&gt;&amp; 21.0°',
  );
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
  ];
  const { traces } = build({ anomalies });
  assert.deepEqual(traces[1]?.y, [21]);
  assert.equal(build().traces.length, 1);
});

test('a summary is drawn as a band with its middle, under the same colour and dash', () => {
  const own = line('b', 1, [20, 26, 20, 27]);
  const summaries = [{ ...own, values: [23, 23], lows: [20, 20], highs: [26, 27] }];
  const { traces } = build({ lines: [own], summaries });
  assert.equal(traces.length, 2);
  const [band, middle] = traces;
  assert.equal(band?.fillcolor, 'rgba(180, 71, 10, 0.16)');
  assert.deepEqual(middle?.y, [23, 23]);
  assert.equal(middle?.line.dash, '7px,3px');
  const [summary] = summaries;
  assert.ok(summary !== undefined);
  const bands = (count: number) =>
    build({ summaries: Array.from({ length: count }, () => summary) }).traces.filter(
      ({ fillcolor }) => fillcolor !== undefined,
    ).length;
  assert.deepEqual([1, 2, 3, 6].map(bands), [1, 2, 1, 1], 'more than two would hide each other');
});

test('humidity stays within what there is of it', () => {
  const { layout } = build({ variable: 'humidity_pct', lines: [line('a', 0, [0, 100])] });
  assert.ok(layout.yaxis.range[0] === 0 && layout.yaxis.range[1] <= 102);
});

test('what all lines say at a time', () => {
  const lines = [line('a', 0, [1, 2, 3]), line('b', 1, [1, null, null])];
  const said = readAt(lines, START + 2 * HOUR + 60_000, HOUR / 2);
  assert.deepEqual(
    said.map(({ value }) => value),
    [3, null],
  );
});
