/**
 * How far a station is from what its neighbours make likely, day by day: a sensor that ages drifts away
 * slowly, long before a single value cannot be right.
 */
import type { StationDrift } from '../model/quality.ts';
import { medianOf } from '../model/statistics.ts';
import { formatTime } from '../model/time-zone.ts';
import type { Residuals } from './bias.ts';
import type { SpatialName } from './spatial.ts';

const DAY_MS = 86_400_000;

/** A row per day (UTC) with a difference, in order. */
export function driftOf(
  city_id: string,
  variable: SpatialName,
  { at, residual, spread }: Residuals,
): StationDrift[] {
  const days = Map.groupBy(at.keys(), (index) => Math.floor((at[index] ?? 0) / DAY_MS));
  return [...days]
    .sort(([a], [b]) => a - b)
    .map(([day, indexes]) => {
      const median = (values: Float64Array) =>
        medianOf(
          Float64Array.from(indexes, (index) => values[index] ?? Number.NaN),
          indexes.length,
        );
      return {
        ...{ city_id, began_at: formatTime(new Date(day * DAY_MS)), variable },
        ...{ difference: median(residual), spread: median(spread), count: indexes.length },
      };
    });
}
