import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from '../model/variables.ts';
import { parseDecimal } from './numbers.ts';
import { converterTo, unitsOf } from './units.ts';

const KNOWN: readonly (readonly [VariableName, string, number, number])[] = [
  ['temperature_c', 'C', -40, -40],
  ['temperature_c', '°C', 21.5, 21.5],
  ['temperature_c', '°F', -40, -40],
  ['temperature_c', '°F', 212, 100],
  ['feels_like_c', 'F', 32, 0],
  ['temperature_c', 'K', 273.15, 0],
  ['humidity_pct', '%', 55, 55],
  ['humidity_pct', 'fraction', 0.55, 55],
  ['cloud_cover_pct', 'oktas', 8, 100],
  ['pressure_hpa', 'hPa', 1013.25, 1013.25],
  ['pressure_hpa', 'mbar', 1013.25, 1013.25],
  ['pressure_hpa', 'Pa', 101_325, 1013.25],
  ['pressure_hpa', 'kPa', 101.325, 1013.25],
  ['pressure_hpa', 'inHg', 29.92, 1013.2075888],
  ['pressure_hpa', 'mmHg', 750, 999.91793],
  ['wind_speed_ms', 'm/s', 7, 7],
  ['wind_speed_ms', 'km/h', 36, 10],
  ['wind_speed_ms', 'mph', 100, 44.704],
  ['wind_gust_ms', 'knots', 1_000, 514.444444],
  ['wind_speed_ms', 'ft/s', 10, 3.048],
  ['wind_direction_deg', '°', 270, 270],
  ['wind_direction_deg', 'degrees', 270, 270],
  ['visibility_m', 'm', 9_000, 9_000],
  ['visibility_m', 'km', 9, 9_000],
  ['visibility_m', 'miles', 10, 16_093.44],
  ['visibility_m', 'ft', 1_000, 304.8],
  ['rain_1h_mm', 'mm', 3, 3],
  ['rain_1h_mm', 'cm', 3, 30],
  ['snow_1h_mm', 'in', 1, 25.4],
];

test('known conversions, one for every unit of the table', () => {
  for (const [variable, unit, theirs, ours] of KNOWN) {
    const got = converterTo(variable, unit)?.(theirs) ?? Number.NaN;
    assert.ok(Math.abs(got - ours) < 1e-4, `${theirs} ${unit} is ${got}, not ${ours}`);
  }
  const all = new Set(VARIABLE_NAMES.flatMap(unitsOf));
  assert.deepEqual([...all].sort(), [...new Set(KNOWN.map(([, unit]) => unit))].sort());
});

test('a variable has its own unit by default, and rejects units of another quantity', () => {
  for (const name of VARIABLE_NAMES) {
    assert.ok(unitsOf(name).includes(VARIABLES[name].unit), name);
    assert.equal(converterTo(name)?.(12.5), 12.5);
  }
  assert.equal(converterTo('temperature_c', 'hPa'), null);
  assert.equal(converterTo('wind_speed_ms', 'km'), null);
  for (const name of ['', 'constructor', '__proto__', 'HPA']) {
    assert.equal(converterTo('pressure_hpa', name), null, name);
  }
});

test('every unit keeps order and distance: two points decide all others', () => {
  const cases = VARIABLE_NAMES.flatMap((name) => unitsOf(name).map((unit) => ({ name, unit })));
  const number = fc.double({ min: -1e5, max: 1e5, noNaN: true });
  fc.assert(
    fc.property(fc.constantFrom(...cases), number, ({ name, unit }, value) => {
      const convert = converterTo(name, unit);
      assert.ok(convert);
      const [zero, one] = [convert(0), convert(1)];
      assert.ok(one > zero);
      const back = (convert(value) - zero) / (one - zero);
      assert.ok(Math.abs(back - value) <= 1e-6 * Math.max(1, Math.abs(value)), unit);
    }),
  );
});

test('only decimal numbers are numbers', () => {
  for (const text of ['0', '-1.5', '+3', '.5', '5.', '1e3', '-2.5E-2']) {
    assert.equal(parseDecimal(text), Number(text), text);
  }
  for (const text of [
    '',
    ' ',
    '0x10',
    '1_000',
    '1,5',
    'Infinity',
    'NaN',
    '1e999',
    '1.2.3',
    '--1',
  ]) {
    assert.equal(parseDecimal(text), null, text);
  }
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(parseDecimal(String(value)), Object.is(value, -0) ? 0 : value);
    }),
  );
});
