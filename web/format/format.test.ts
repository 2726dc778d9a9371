import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lateAfter } from '../../src/model/lateness.ts';
import { DASHES } from '../chart/line-style.ts';
import { CONNECTION_SHAPES, connectionState } from '../header/connection.ts';
import { formatCompass, formatWind } from '../wind/wind.ts';
import { formatAge, newestBySource, timeliness } from './ages.ts';
import { formatBytes, formatCount, formatNumber, formatPlural, formatSigned } from './numbers.ts';
import { contrast, temperatureColour, textOn } from './palette.ts';
import {
  formatBare,
  formatDegrees,
  formatTemperatureDifference,
  formatValue,
  formatWholeDegrees,
} from './units.ts';

test('numbers have a true minus sign, groups, and no sign where they round to zero', () => {
  assert.equal(formatNumber(-7.26, 1), '−7.3');
  assert.equal(formatNumber(-0.04, 1), '0.0');
  assert.equal(formatCount(1_629_108), '1,629,108');
  for (const missing of [Number.NaN, Infinity, 'NaN' as unknown as number]) {
    assert.equal(formatNumber(missing, 1), '–');
  }
  assert.equal(formatSigned(2.71, 1), '+2.7');
  assert.equal(formatSigned(-0.12, 1), '−0.1');
  assert.equal(formatSigned(0.04, 1), '0.0');
  assert.equal(formatPlural(1, ['city', 'cities']), '1 city');
  assert.equal(formatPlural(36, ['city', 'cities']), '36 cities');
  assert.equal(formatBytes(1_536), '1.5 KiB');
  assert.equal(formatBytes(64 * 1024 * 1024), '64.0 MiB');
});

test('values are rounded by the table of variables, in the chosen unit', () => {
  assert.equal(formatValue(25.94, 'temperature_c', 'c'), '25.9 °C');
  assert.equal(formatValue(25.94, 'temperature_c', 'f'), '78.7 °F');
  assert.equal(formatValue(86.6, 'humidity_pct', 'f'), '87 %');
  assert.equal(formatValue(null, 'pressure_hpa', 'c'), '–');
  assert.equal(formatBare(1013.25, 'pressure_hpa', 'c'), '1,013');
  assert.equal(formatDegrees(-40, 'f'), '−40.0°');
  assert.equal(formatDegrees(undefined, 'c'), '–');
  const whole = [19.9, -0.4, -0.6, null].map((celsius) => formatWholeDegrees(celsius, 'c'));
  assert.deepEqual(whole, ['20°', '0°', '−1°', '–'], 'rounded, not cut');
  assert.equal(formatWholeDegrees(20.4, 'f'), '69°');
});

test('a difference of temperatures is scaled and not shifted', () => {
  assert.equal(formatTemperatureDifference(2.7, 'c'), '+2.7');
  assert.equal(formatTemperatureDifference(5, 'f'), '+9.0');
});

test('the palette is absolute: its stops, what lies between, and its ends', () => {
  assert.equal(temperatureColour(15), '#a5cd78');
  assert.equal(temperatureColour(48), '#6d1035');
  assert.equal(temperatureColour(60), '#6d1035');
  assert.equal(temperatureColour(-60), '#3b1e6e');
  assert.equal(temperatureColour(4), '#46b1c4');
});

test('text on any colour of the palette reads well at its size', () => {
  for (let celsius = -40; celsius <= 55; celsius += 0.1) {
    const colour = temperatureColour(celsius);
    // Large bold text needs 3 : 1 (WCAG 1.4.3).
    assert.ok(contrast(colour, textOn(colour)) > 4.3, `${celsius} ${colour}`);
  }
});

test('every line has a dash of its own', () => {
  assert.equal(new Set(DASHES.map((dash) => dash.join())).size, DASHES.length);
});

test('the wind is named by the direction that it comes from', () => {
  assert.equal(formatCompass(0), 'N');
  assert.equal(formatCompass(359), 'N');
  assert.equal(formatCompass(247.5), 'WSW');
  assert.equal(formatCompass(-90), 'W');
  assert.equal(formatWind(4.12, 247), '4.1 m/s WSW');
  assert.equal(formatWind(12.3, null), '12 m/s');
  assert.equal(formatWind(0, 90), 'calm');
  assert.equal(formatWind(0.2, 90), '0.2 m/s E');
  assert.equal(formatWind(0.04, 90), '0.04 m/s E');
  assert.equal(formatWind(null, 90), '–');
});

test('ages have at most two units', () => {
  assert.equal(formatAge(0.4), '0 s');
  assert.equal(formatAge(59.9), '59 s');
  assert.equal(formatAge(380), '6 min');
  assert.equal(formatAge(7_800), '2 h 10 min');
  assert.equal(formatAge(7_200), '2 h');
  assert.equal(formatAge(100_000), '1 d 3 h');
  assert.equal(formatAge(412 * 86_400), '412 d');
  assert.equal(formatAge(-5), '0 s');
});

test('late is what has missed twelve observations, within bounds; an import is history', () => {
  assert.equal(lateAfter(60), 720);
  assert.equal(lateAfter(600), 7_200);
  assert.equal(lateAfter(3_600), 9_000);
  assert.equal(lateAfter(1), 600);
  assert.equal(lateAfter(null), 7_200);
  assert.equal(timeliness({ source: 'openweathermap', interval_s: 600 }, 7_201), 'late');
  assert.equal(timeliness({ source: 'openweathermap', interval_s: 600 }, 7_200), 'fresh');
  assert.equal(timeliness({ source: 'import:kaggle', interval_s: 3_600 }, 1e8), 'history');
});

test('the state says the worst first, each with a shape and a word of its own', () => {
  const well = {
    paused: false,
    stream: 'open',
    reached: true,
    stale: false,
    history: false,
  } as const;
  assert.equal(connectionState(well), 'live');
  assert.equal(connectionState({ ...well, stream: 'lost' }), 'polling');
  assert.equal(connectionState({ ...well, stale: true, stream: 'lost' }), 'stale');
  assert.equal(connectionState({ ...well, stale: true, history: true }), 'history');
  assert.equal(connectionState({ ...well, reached: false, stale: true }), 'offline');
  assert.equal(connectionState({ ...well, reached: null }), 'connecting');
  assert.equal(connectionState({ ...well, reached: false, paused: true }), 'paused');
  const shapes = Object.values(CONNECTION_SHAPES);
  assert.equal(new Set(shapes).size, shapes.length);
});

test('each source has a newest time of its own, the newest source first', () => {
  const newest = newestBySource([
    { source: 'import:kaggle', observed_at: '2017-11-30T00:00:00Z' },
    { source: 'openweathermap', observed_at: '2024-11-01T00:10:00Z' },
    { source: 'import:kaggle', observed_at: '2017-11-29T00:00:00Z' },
    { source: 'openweathermap', observed_at: '2024-11-01T01:20:00+01:00' },
  ]);
  assert.deepEqual(newest, [
    ['openweathermap', Date.UTC(2024, 10, 1, 0, 20)],
    ['import:kaggle', Date.UTC(2017, 10, 30)],
  ]);
  assert.deepEqual(newestBySource([]), []);
});
