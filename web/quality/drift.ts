/** How far stations are from their neighbours, for drawing: a row per station and variable. */
import type { DriftVariable, StationDrift } from '../../src/model/quality.ts';
import { medianOf } from '../../src/model/statistics.ts';
import type { Points } from '../chart/points.ts';

export interface DriftRow {
  readonly cityId: string;
  readonly variable: DriftVariable;
  /** Differences by day, oldest first. */
  readonly points: Points;
  /** Median of the newest days. */
  readonly newest: number;
  /** That less the median of the oldest days; null while there are too few. */
  readonly change: number | null;
}

const DAYS = 7;

/** `days` come newest first. The rows that are off furthest, or have changed most, come first. */
export function driftRows(days: readonly StationDrift[]): readonly DriftRow[] {
  const rows = [...Map.groupBy(days, (day) => `${day.city_id}\n${day.variable}`).values()].flatMap(
    (found) => {
      const [first] = found;
      if (first === undefined) return [];
      const own = found.toReversed();
      const values = own.map(({ difference }) => difference);
      const newest = median(values.slice(-DAYS));
      const isLong = values.length >= 2 * DAYS;
      return [
        {
          ...{ cityId: first.city_id, variable: first.variable, newest },
          points: { times: own.map(({ began_at }) => Date.parse(began_at)), values },
          change: isLong ? newest - median(values.slice(0, DAYS)) : null,
        },
      ];
    },
  );
  const size = ({ newest, change }: DriftRow) => Math.max(Math.abs(newest), Math.abs(change ?? 0));
  return rows.sort((a, b) => size(b) - size(a));
}

function median(values: readonly number[]): number {
  return medianOf(Float64Array.from(values), values.length);
}
