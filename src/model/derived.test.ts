import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  absoluteHumidity,
  feelsLike,
  heatIndex,
  saturationPressure,
  seaLevelPressure,
  wetBulb,
  windChill,
} from './derived.ts';
import { dewPoint, relativeHumidity } from './humidity.ts';

const celsius = (fahrenheit: number) => (fahrenheit - 32) / 1.8;
const near = (value: number, wanted: number, within: number) =>
  assert.ok(Math.abs(value - wanted) <= within, `${value}, expected ${wanted} ± ${within}`);

test('the heat index is that of the chart of the National Weather Service, °F', () => {
  const chart = [
    [80, 40, 80],
    [86, 90, 105],
    [90, 60, 100],
    [96, 50, 108],
    [100, 40, 109],
    [110, 40, 136],
  ] as const;
  for (const [temperature, humidity, wanted] of chart) {
    near(heatIndex(celsius(temperature), humidity) * 1.8 + 32, wanted, 0.6);
  }
  assert.ok(Number.isNaN(heatIndex(26, 50)));
});

test('wind chill is that of the chart of Environment Canada, °C and km/h', () => {
  const chart = [
    [0, 20, -5],
    [-10, 30, -20],
    [-20, 60, -36],
    [-40, 15, -54],
  ] as const;
  for (const [temperature, speed, wanted] of chart) {
    near(windChill(temperature, speed / 3.6), wanted, 0.6);
  }
  assert.ok(Number.isNaN(windChill(11, 5)));
  assert.ok(Number.isNaN(windChill(-5, 1)));
});

test('in mild air it feels like the thermometer says, and not colder in the heat', () => {
  assert.equal(feelsLike(18, 60, 8), 18);
  assert.equal(feelsLike(5, 60, 0.5), 5);
  assert.ok(feelsLike(5, 60, 8) < 2);
  assert.ok(feelsLike(32, 70, 2) > 39);
});

test('the wet bulb is that of Stull’s own example, and lies between dew point and temperature', () => {
  near(wetBulb(20, 50), 13.7, 0.05);
  for (const [temperature, humidity] of [
    [60, 50],
    [20, 3],
    [-20, 5],
    [-15, 30],
  ] as const) {
    assert.ok(Number.isNaN(wetBulb(temperature, humidity)), `${temperature} °C, ${humidity} %`);
  }
  fc.assert(
    fc.property(
      fc.double({ min: -5, max: 45, noNaN: true }),
      fc.double({ min: 25, max: 98, noNaN: true }),
      (temperature, humidity) => {
        const bulb = wetBulb(temperature, humidity);
        assert.ok(bulb <= temperature + 0.7 && bulb >= dewPoint(temperature, humidity) - 1);
      },
    ),
  );
});

test('dew point and humidity undo each other', () => {
  near(dewPoint(20, 50), 9.27, 0.05);
  fc.assert(
    fc.property(
      fc.double({ min: -60, max: 60, noNaN: true }),
      fc.double({ min: 0.5, max: 100, noNaN: true }),
      (temperature, humidity) => {
        near(relativeHumidity(temperature, dewPoint(temperature, humidity)), humidity, 1e-6);
      },
    ),
  );
  assert.ok(Number.isNaN(dewPoint(20, 0)));
});

test('saturated air holds what the tables say', () => {
  for (const [temperature, wanted] of [
    [0, 4.85],
    [20, 17.3],
    [30, 30.4],
  ] as const) {
    near(absoluteHumidity(temperature, 100), wanted, 0.15);
  }
  near(saturationPressure(20), 23.39, 0.06);
});

test('pressure at sea level is that of the standard atmosphere where the air is standard', () => {
  near(seaLevelPressure(954.61, 500, 11.75, 0), 1_013.25, 0.15);
  near(seaLevelPressure(1_013.25, 0, 20, 70), 1_013.25, 1e-9);
  assert.ok(Number.isNaN(seaLevelPressure(850, 1_500, 5, 50)));
});
