import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutSky, type SkySeries, skyHeight } from './sky-layout.ts';

const HOUR = 3_600_000;
const START = Date.parse('2016-07-08T00:00:00Z');
const timeAt = (hour: number) => new Date(START + hour * HOUR).toISOString();

function series(variable: SkySeries['variable'], values: Readonly<Record<number, number>>) {
  const hours = Object.keys(values).map(Number);
  return {
    variable,
    observed_at: hours.map(timeAt),
    values: hours.map((hour) => values[hour] ?? null),
  };
}

function layOut(all: readonly SkySeries[], hours = 24) {
  const to = START + hours * HOUR;
  return layOutSky({ series: all, from: START, to, left: 0, right: 960, bottom: 300 });
}

test('a bar is as high as the most that fell in its hour, snow upon rain', () => {
  const rain = series('rain_1h_mm', { 1: 1, 1.5: 4, 2: 2, 30: 9 });
  const { bars, floor, height, mostMm } = layOut([rain, series('snow_1h_mm', { 2: 9 })]);
  assert.equal(mostMm, 9);
  assert.deepEqual(
    bars.map(({ x, width, ...fallen }) => [Math.round(x), Math.round(width), fallen]),
    [
      [40, 39, { rain: (4 / 9) * height, snow: 0 }],
      [80, 39, { rain: (2 / 9) * height, snow: height }],
    ],
  );
  assert.ok(floor < 300);
});

test('a drizzle does not fill the height, and no rain takes no room', () => {
  const drizzle = [series('rain_1h_mm', { 1: 0.2 })];
  assert.equal(layOut(drizzle).mostMm, 2);
  const span = { from: START, to: START + 24 * HOUR };
  const dry = [series('rain_1h_mm', { 1: 0 })];
  assert.ok(skyHeight({ series: dry, ...span }) < skyHeight({ series: drizzle, ...span }));
  assert.deepEqual(layOut(dry).bars, []);
});

test('an arrow points to where the wind blows; calm and gaps have none', () => {
  const speeds = series('wind_speed_ms', { 2: 1, 9: 5, 15: 0, 20: 12 });
  const directions = series('wind_direction_deg', { 2: 270, 9: 0, 15: 90, 20: 200 });
  const { arrows } = layOut([speeds, directions], 24);
  assert.deepEqual(
    arrows.map(({ turn, size, label }) => [turn, size, label]),
    [
      [90, 0.75, 'W'],
      [180, 1, 'N'],
      [20, 1.25, 'SSW'],
    ],
  );
  assert.deepEqual(layOut([speeds, directions], 24 * 30).arrows, []);
});
