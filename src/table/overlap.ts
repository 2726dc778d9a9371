/** Which files of the table may share an observation with some rows, by months and statistics. */
import type { SqlSession } from '../sql/engine.ts';
import type { DataFile } from './table.ts';

export interface MonthRange {
  readonly month: string;
  readonly rows: number;
  readonly bytes: number;
  readonly cityIdMin: string;
  readonly cityIdMax: string;
  readonly observedAtMin: string;
  readonly observedAtMax: string;
}

export async function monthRanges(session: SqlSession, source: string): Promise<MonthRange[]> {
  return session.query<MonthRange & Record<string, unknown>>(`
    SELECT strftime(observed_at, '%Y-%m') AS month, count(*) AS rows,
      CAST(sum(length) AS BIGINT) AS bytes,
      min(city_id) AS "cityIdMin", max(city_id) AS "cityIdMax",
      min(observed_at) AS "observedAtMin", max(observed_at) AS "observedAtMax"
    FROM ${source} GROUP BY ALL ORDER BY month`);
}

/** Files that may hold an identity of these ranges, by their statistics. */
export function overlapping(files: readonly DataFile[], ranges: readonly MonthRange[]): DataFile[] {
  const byMonth = new Map(ranges.map((range) => [range.month, range]));
  return files.filter((file) => {
    const range = byMonth.get(file.month ?? '');
    if (range === undefined) return false;
    const { observedAtMin, observedAtMax, cityIdMin, cityIdMax } = file;
    if (observedAtMin !== null && Date.parse(observedAtMin) > ceilMs(range.observedAtMax))
      return false;
    if (observedAtMax !== null && Date.parse(observedAtMax) < Date.parse(range.observedAtMin)) {
      return false;
    }
    if (cityIdMin !== null && cityIdMin > range.cityIdMax) return false;
    return cityIdMax === null || cityIdMax >= range.cityIdMin;
  });
}

/** Statistics have milliseconds, rows microseconds. */
export function ceilMs(time: string): number {
  const floor = Date.parse(time);
  return /\.\d{3}\d*[1-9]/.test(time) ? floor + 1 : floor;
}
