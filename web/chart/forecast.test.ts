import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Forecast } from '../../src/api/schemas.ts';
import { axisEnd, errorsOf, forecastLine, goesOn } from './forecast.ts';

const HOUR = 3_600_000;
const ISSUED = Date.parse('2024-10-31T14:00:00Z');

const skill = {
  ...{ horizon_h: 24, n: 700, hindcast_n: 0, mae: 1.44, rmse: 2, bias: 0, crps: 1 },
  ...{ inside_pct: 80, persistence_mae: 2.6, learned_mae: 1.4, baseline_mae: 2 },
  baseline: 'climatology' as const,
};

const FORECAST: Forecast = {
  ...{ city_id: 'oslo', city: 'Oslo', time_zone: 'UTC', variable: 'temperature_c', unit: '°C' },
  ...{ issued_at: '2024-10-31T14:00:00Z', learned_days: 30, needed_days: 28, late_hours: 0 },
  valid_at: [1, 2, 3].map((hour) => new Date(ISSUED + hour * HOUR).toISOString()),
  ...{ median: [10, 11, 12], low: [9, 9, 9], high: [11, 12, 13] },
  model: ['learned', 'learned', 'learned'],
  ...{ switches: [], skill: [skill], note: null },
};

test('a forecast is drawn in the chosen unit', () => {
  const line = forecastLine([FORECAST], 'temperature_c', 'f', ISSUED + 2 * HOUR);
  // The third lies beyond the axis, where no cursor reaches.
  assert.deepEqual(line?.values, [50, 51.8]);
  assert.deepEqual(line?.highs.length, 2);
  assert.deepEqual(line?.times[0], ISSUED + HOUR);
  assert.equal(forecastLine([FORECAST], 'pressure_hpa', 'c', ISSUED), null);
});

test('the axis goes on to the end of the forecast, but by no more than the range is long', () => {
  const end = ISSUED + 3 * HOUR;
  assert.equal(axisEnd({ from: ISSUED - 24 * HOUR, to: ISSUED }, [FORECAST]), end);
  assert.equal(axisEnd({ from: ISSUED - HOUR, to: ISSUED }, [FORECAST]), ISSUED + HOUR);
  assert.equal(axisEnd({ from: ISSUED, to: ISSUED + 9 * HOUR }, [FORECAST]), ISSUED + 9 * HOUR);
  assert.equal(axisEnd({ from: 0, to: ISSUED }, []), ISSUED);
});

test('only a short range that ends at the newest values has a forecast', () => {
  const range = { from: ISSUED - 24 * HOUR, to: ISSUED, open: true, anchored: false };
  assert.equal(goesOn(range), true);
  assert.equal(goesOn({ ...range, open: false }), false);
  assert.equal(goesOn({ ...range, open: false, anchored: true }), true);
  assert.equal(goesOn({ ...range, from: ISSUED - 30 * 24 * HOUR }), false);
  assert.equal(goesOn(null), false);
});

test('errors are differences: they have no zero point', () => {
  assert.deepEqual(errorsOf(FORECAST, 'c'), { own: '1.4 °C', persistence: '2.6 °C' });
  assert.deepEqual(errorsOf(FORECAST, 'f'), { own: '2.6 °F', persistence: '4.7 °F' });
  assert.equal(errorsOf({ ...FORECAST, skill: [] }, 'c'), null);
});
