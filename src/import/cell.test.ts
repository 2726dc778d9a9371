import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cellReader, humidityOf } from './cell.ts';
import { compassReader } from './compass.ts';
import type { Mapping, VariableMapping } from './mapping.ts';
import { numberReader } from './numbers.ts';

const MAPPING: Mapping = {
  name: 'm',
  interval_s: 3600,
  city: { name: 'Oslo', latitude: 59.9, longitude: 10.7 },
  time: { column: 't' },
  variables: {},
};

function read(variable: VariableMapping, text: string, mapping: Partial<Mapping> = {}) {
  return cellReader({ column: 'x', ...variable }, { ...MAPPING, ...mapping })(text);
}

test('marks of missing values: for all columns, or for one in their place', () => {
  const missing = { missing: ['999.9', '9999.9', 'NA'] };
  assert.equal(read({ name: 'pressure_hpa' }, '999.9', missing), null);
  assert.equal(read({ name: 'pressure_hpa', missing: ['9999.9'] }, '999.9', missing), 999.9);
  assert.equal(read({ name: 'pressure_hpa', missing: ['9999.9'] }, ' 9999.90 ', missing), null);
  assert.equal(read({ name: 'wind_speed_ms', missing: [-999] }, '-999.0'), null);
  assert.equal(read({ name: 'humidity_pct' }, 'NA'), 'not a number');
  assert.equal(read({ name: 'humidity_pct' }, ' NA', missing), null);
  assert.equal(read({ name: 'humidity_pct' }, '  '), null);
});

test('scale, offset, unit and what is stripped', () => {
  assert.equal(read({ name: 'temperature_c', scale: 0.1 }, '76'), 7.6);
  assert.equal(read({ name: 'pressure_hpa', scale: 0.1, missing: ['99999'] }, '10132'), 1013.2);
  assert.equal(
    read({ name: 'wind_speed_ms', scale: 0.1, unit: 'knots' }, '100'),
    (10 * 1852) / 3600,
  );
  assert.equal(read({ name: 'pressure_hpa', offset: 1000 }, '13.2'), 1013.2);
  assert.equal(read({ name: 'visibility_m', scale: 1000 }, '9.5'), 9_500);
  assert.equal(read({ name: 'wind_speed_ms', strip: ' m/s' }, '5 m/s'), 5);
  assert.equal(read({ name: 'wind_speed_ms', strip: 'm/s' }, '5'), 5);
});

test('words for directions, traces of rain, and what is rejected', () => {
  const direction = (text: string, unit?: string) =>
    read({ name: 'wind_direction_deg', ...(unit === undefined ? {} : { unit }) }, text);
  assert.deepEqual(
    ['N', 'nne', 'SSW', 'WNW', '270'].map((text) => direction(text)),
    [0, 22.5, 202.5, 292.5, 270],
  );
  assert.equal(direction('O'), 'not a number');
  assert.deepEqual(
    ['O', 'NO', 'SSO'].map((text) => direction(text, 'compass-german')),
    [90, 45, 157.5],
  );
  assert.deepEqual(
    ['O', 'NO', 'E'].map((text) => direction(text, 'compass-french')),
    [270, 315, 90],
  );
  assert.deepEqual(
    ['ZZW', 'OZO'].map((text) => direction(text, 'compass-dutch')),
    [202.5, 112.5],
  );
  assert.deepEqual(
    ['VRB', 'variable', 'Calm'].map((text) => direction(text)),
    [null, null, null],
  );
  assert.equal(direction('415'), 'out of range (0 to 360 °)');
  assert.equal(read({ name: 'rain_1h_mm', trace: ['T'], unit: 'in' }, 'T'), 0);
  assert.equal(read({ name: 'rain_1h_mm' }, 'T'), 'not a number');
  assert.equal(read({ name: 'wind_gust_ms', unit: 'mph' }, '1048'), 'out of range (0 to 150 m/s)');
  assert.equal(read({ name: 'humidity_pct' }, 'nan'), 'NaN');
  assert.equal(read({ name: 'humidity_pct' }, '-inf'), 'out of range (0 to 100 %)');
});

test('every point of the compass is 22.5° from the next, once in each language', () => {
  for (const unit of ['compass', 'compass-german', 'compass-dutch', 'compass-french'] as const) {
    const letters = {
      compass: 'NESW',
      'compass-german': 'NOSW',
      'compass-dutch': 'NOZW',
      'compass-french': 'NESO',
    };
    const texts = [...letters[unit]].flatMap((a) => [
      a,
      ...[...letters[unit]].flatMap((b) => [a + b, ...[...letters[unit]].map((c) => a + b + c)]),
    ]);
    const degrees = texts.flatMap((text) => compassReader(unit)(text) ?? []);
    assert.deepEqual(
      degrees.toSorted((a, b) => a - b),
      Array.from({ length: 16 }, (_, index) => index * 22.5),
    );
  }
});

test('numbers of every style are read back, and what is not clear is not guessed', () => {
  const styles = [
    { decimalComma: false, thousands: null, locale: 'en', grouping: false },
    { decimalComma: true, thousands: null, locale: 'de', grouping: false },
    { decimalComma: false, thousands: ',', locale: 'en', grouping: true },
    { decimalComma: true, thousands: '.', locale: 'de', grouping: true },
    { decimalComma: true, thousands: ' ', locale: 'fr', grouping: true },
    { decimalComma: false, thousands: '’', locale: 'de-CH', grouping: true },
  ] as const;
  const value = fc.integer({ min: -99_999_999, max: 99_999_999 }).map((number) => number / 100);
  fc.assert(
    fc.property(fc.constantFrom(...styles), value, ({ locale, grouping, ...style }, number) => {
      const text = new Intl.NumberFormat(locale, {
        useGrouping: grouping,
        minimumFractionDigits: 2,
      }).format(number);
      assert.equal(
        numberReader(style)(text),
        Object.is(number, -0) ? 0 : number,
        `${locale} ${text}`,
      );
    }),
  );
  const comma = numberReader({ decimalComma: true, thousands: null });
  const texts = ['1.015,1', '1015,1', '28.9', '10.000', '0.125', '1.000.000', '1,2,3', '1.01,5'];
  assert.deepEqual(texts.map(comma), [1015.1, 1015.1, 28.9, 'ambiguous', 0.125, 1e6, null, null]);
  const point = numberReader({ decimalComma: false, thousands: null });
  assert.deepEqual(['1,015.1', '1,015', '1,2', '\u22125.5'].map(point), [1015.1, null, null, -5.5]);
  const grouped = numberReader({ decimalComma: true, thousands: '.' });
  assert.deepEqual(['10.000', '28.9', '28,9', '1.01,5'].map(grouped), [10_000, null, 28.9, null]);
  assert.match(String(read({ name: 'visibility_m', decimal_comma: true }, '10.000')), /thousands/);
});

test('humidity from temperature and dew point', () => {
  // Values of the psychrometric tables: 20 °C and 10 °C 52.5 %, 30 °C and 20 °C 55.1 %.
  for (const [temperature, dewPoint, wanted] of [
    [20, 10, 52.5],
    [30, 20, 55.1],
    [0, -10, 46.9],
    [15, 15, 100],
    [15, 15.5, 100],
  ] as const) {
    assert.ok(Math.abs(Number(humidityOf(temperature, dewPoint)) - wanted) < 0.3);
  }
  assert.equal(humidityOf(10, 15), 'out of range (0 to 100 %)');
});
