import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { VariableName } from '../model/variables.ts';
import { findBias } from './bias.ts';
import {
  checkInternal,
  checkPersistence,
  checkSteps,
  type Series,
  type SeriesFlag,
  stepMost,
} from './series.ts';

const HOUR_MS = 3_600_000;

interface SeriesParts {
  readonly minutes?: number;
  readonly elevation?: number | null;
}

function seriesOf(
  values: Partial<Record<VariableName, readonly number[]>>,
  { minutes = 60, elevation = null }: SeriesParts = {},
): Series {
  const arrays = Object.entries(values).map(([name, list]) => [name, Float64Array.from(list)]);
  const count = Math.max(...arrays.map(([, array]) => array?.length as number));
  return {
    at: Float64Array.from({ length: count }, (_, index) => index * minutes * 60_000),
    values: Object.fromEntries(arrays),
    elevation,
  };
}

const said = (flags: readonly SeriesFlag[]) =>
  flags.map(({ index, test: name, verdict }) => `${index} ${name} ${verdict}`);

/** A day as thermometers see it, in tenths. */
const daily = (hour: number) => Math.round((12 - 7 * Math.cos((hour / 12) * Math.PI)) * 10) / 10;
const days = (hours: number) => Array.from({ length: hours }, (_, hour) => daily(hour));

test('limits of change are those of WMO-No. 305, and lie between them in between', () => {
  const limits = [0.2, 1, 2, 3, 6, 12].map((hours) => stepMost('temperature_c', hours));
  assert.deepEqual(limits, [4, 4, 7, 9, 15, 25]);
  assert.equal(stepMost('temperature_c', 4.5), 12);
  assert.equal(stepMost('pressure_hpa', 9), 27);
  assert.equal(stepMost('temperature_c', 12.1), null);
  assert.equal(stepMost('humidity_pct', 1), null);
});

test('a day with its cycle has no jump and does not stand still', () => {
  const series = seriesOf({ temperature_c: days(96) });
  assert.deepEqual(checkSteps(series), []);
  assert.deepEqual(checkPersistence(series), []);
});

test('a spike fails, whatever its sign, and the values around it do not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 1, max: 12 }),
      fc.double({ min: 8, max: 60, noNaN: true }),
      fc.boolean(),
      (first, length, size, isCold) => {
        const values = Array.from({ length: 120 }, (_, index) => daily(index / 6));
        for (let index = first; index < first + length; index += 1) {
          values[index] = (values[index] ?? 0) + (isCold ? -size : size);
        }
        const flags = checkSteps(seriesOf({ temperature_c: values }, { minutes: 10 }));
        const wanted = Array.from({ length }, (_, index) => `${first + index} spike fail`);
        assert.deepEqual(said(flags), wanted);
      },
    ),
  );
});

test('a jump that stays is suspect once: it may be a front', () => {
  const values = days(48).map((value, hour) => (hour >= 20 ? value - 9 : value));
  assert.deepEqual(said(checkSteps(seriesOf({ temperature_c: values }))), ['20 step suspect']);
});

test('what is missing between two values allows as much as its hours do', () => {
  const values = [10, Number.NaN, Number.NaN, 18.5];
  assert.deepEqual(checkSteps(seriesOf({ temperature_c: values })), []);
  assert.deepEqual(said(checkSteps(seriesOf({ temperature_c: [10, 18.5] }))), ['1 step suspect']);
});

test('a sensor that stands still for half a day is suspect, for a day it fails', () => {
  const stuck = (hours: number) =>
    days(240).map((value, hour) => (hour >= 100 && hour <= 100 + hours ? 11.3 : value));
  const verdicts = (hours: number) =>
    new Set(checkPersistence(seriesOf({ temperature_c: stuck(hours) })).map((one) => one.verdict));
  assert.deepEqual(verdicts(11), new Set());
  assert.deepEqual(verdicts(12), new Set(['suspect']));
  assert.deepEqual(verdicts(24), new Set(['fail']));
  assert.equal(checkPersistence(seriesOf({ temperature_c: stuck(24) })).length, 25);
});

test('whole degrees of an even climate repeat honestly', () => {
  const island = Array.from({ length: 240 }, (_, hour) => (hour % 24 < 6 ? 27 : 28));
  assert.deepEqual(checkPersistence(seriesOf({ temperature_c: island })), []);
  const calm = days(240).map((value, hour) => (hour > 60 ? 0 : value));
  assert.deepEqual(checkPersistence(seriesOf({ wind_speed_ms: calm })), []);
  const fog = days(240).map((value, hour) => (hour > 60 ? 100 : 60 + value));
  assert.deepEqual(checkPersistence(seriesOf({ humidity_pct: fog })), []);
});

test('a gust below the mean wind fails, one that is rounded does not', () => {
  const speeds = [10, 10, 10, Number.NaN];
  const gusts = [15, 9.7, 4, 3];
  const flags = checkInternal(seriesOf({ wind_speed_ms: speeds, wind_gust_ms: gusts }));
  assert.deepEqual(
    flags.map(({ index, variable, verdict }) => [index, variable, verdict]),
    [[2, 'wind_gust_ms', 'fail']],
  );
});

test('a pressure of the station itself in place of that at sea level fails', () => {
  const pressures = { pressure_hpa: [1_021, 861, 985, Number.NaN] };
  const flags = (elevation: number | null) =>
    said(checkInternal(seriesOf(pressures, { elevation })));
  assert.deepEqual(flags(1_338), ['1 internal fail']);
  assert.deepEqual(flags(100), []);
  assert.deepEqual(flags(null), []);
});

test('the same difference all day long is a bias, one that comes and goes is weather', () => {
  const bias = (residual: (hour: number) => number, hours = 48) => {
    const range = Array.from({ length: hours }, (_, hour) => hour);
    const found = findBias(
      {
        at: Float64Array.from(range, (hour) => hour * HOUR_MS),
        residual: Float64Array.from(range, residual),
        spread: new Float64Array(hours).fill(1.2),
      },
      3,
    );
    return found === null ? null : [found.verdict, Math.round(found.bias * 10) / 10];
  };
  assert.deepEqual(
    bias((hour) => -6.5 + (hour % 3) * 0.2),
    ['fail', -6.3],
  );
  assert.deepEqual(
    bias((hour) => 4 + (hour % 2) * 0.2),
    ['suspect', 4.2],
  );
  assert.equal(
    bias((hour) => (hour % 24 < 12 ? -7 : -1)),
    null,
  );
  assert.equal(
    bias(() => -6.5, 24),
    null,
  );
  assert.equal(
    bias(() => -1.5),
    null,
  );
});
