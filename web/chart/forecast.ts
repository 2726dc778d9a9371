/** The forecast of the first compared city, drawn after what was measured. */
import type { Forecast } from '../../src/api/schemas.ts';
import type { ForecastVariable } from '../../src/model/forecast.ts';
import type { VariableName } from '../../src/model/variables.ts';
import type { ResolvedRange } from '../client/range.ts';
import { formatNumber } from '../format/numbers.ts';
import { convertValue, type Units, unitOf } from '../format/units.ts';
import type { Points } from './points.ts';
import type { UsualRange } from './usual.ts';

/** In the chosen unit. */
export interface ForecastLine extends Points, UsualRange {
  readonly cityId: string;
}

/** As the API has them; its own table would bring a library along. */
export const FORECAST_NAMES = [
  'temperature_c',
  'humidity_pct',
  'pressure_hpa',
  'wind_speed_ms',
] as const satisfies readonly ForecastVariable[];

const HOUR = 3_600_000;
/** A longer range has no room for two days more. */
const RANGE_MAX = 8 * 24 * HOUR;

/** Whether the range ends at the newest values, so that a forecast goes on from there. */
export function goesOn(range: ResolvedRange | null): boolean {
  if (range === null || !(range.open || range.anchored)) return false;
  return range.to - range.from <= RANGE_MAX;
}

/** Up to the end of the axis; null where this variable has none. */
export function forecastLine(
  forecasts: readonly Forecast[],
  variable: VariableName,
  units: Units,
  to: number,
): ForecastLine | null {
  const found = forecasts.find((one) => one.variable === variable);
  if (found === undefined) return null;
  const all = found.valid_at.map((time) => Date.parse(time));
  const times = all.filter((time) => time <= to);
  const convert = (values: readonly number[]) =>
    values.slice(0, times.length).map((value) => convertValue(value, variable, units));
  return {
    cityId: found.city_id,
    times,
    values: convert(found.median),
    lows: convert(found.low),
    highs: convert(found.high),
  };
}

/** Where the axis ends: a range is followed by as much again at most. */
export function axisEnd(
  range: { readonly from: number; readonly to: number },
  forecasts: readonly Pick<Forecast, 'valid_at'>[],
): number {
  const ends = forecasts.flatMap(({ valid_at }) => Date.parse(valid_at.at(-1) ?? '') || []);
  return Math.max(range.to, Math.min(Math.max(...ends), 2 * range.to - range.from));
}

export interface ForecastErrors {
  /** "1.4 °C". */
  readonly own: string;
  readonly persistence: string;
}

/** A day ahead, over the last 30 days; null before the first was scored. */
export function errorsOf({ variable, skill }: Forecast, units: Units): ForecastErrors | null {
  const day = skill.find(({ horizon_h }) => horizon_h === 24);
  if (day?.mae == null || day.persistence_mae == null) return null;
  // A difference has a scale but no zero point.
  const difference = (value: number) =>
    convertValue(value, variable, units) - convertValue(0, variable, units);
  const text = (value: number) =>
    `${formatNumber(difference(value), 1)} ${unitOf(variable, units)}`;
  return { own: text(day.mae), persistence: text(day.persistence_mae) };
}
