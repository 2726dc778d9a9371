/** The hours that what is usual follows from, read from the table. */
import { JUDGED_VARIABLES } from '../anomalies/judge.ts';
import { SCALES } from '../anomalies/scales.ts';
import type { VariableName } from '../model/variables.ts';
import type { SqlSession } from '../sql/engine.ts';
import { literal, timestamp } from '../sql/text.ts';
import { takeTurns } from '../waiting.ts';
import { view } from './compute.ts';
import { queryText } from './queries.ts';

export type DaysOfCity = Partial<Record<VariableName, Map<number, Float64Array>>>;

const HOURS = 24;
const DAY_MS = 86_400_000;

/**
 * City → variable → day since 1970 → 24 values on the variable's scale, NaN for none; of days from the
 * first of a window to its last. Reads the views `observations` and `failed_values`.
 */
export async function readSeasonHours(
  session: SqlSession,
  windows: readonly (readonly [first: number, last: number])[],
  cities: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, DaysOfCity>> {
  const at = (day: number) => timestamp(new Date(day * DAY_MS).toISOString());
  const ranges = windows.map(
    ([first, last]) => `observed_at >= ${at(first)} AND observed_at < ${at(last + 1)}`,
  );
  const among = `city_id IN (${cities.map(literal).join(', ')})`;
  const where = `${among} AND (${ranges.join(' OR ')})`;
  await view(session, 'season_rows', `SELECT * FROM observations WHERE ${where}`);
  const found = new Map<string, DaysOfCity>();
  const turn = takeTurns(signal);
  for await (const { rows } of session.stream(queryText('season_hours'), {}, signal)) {
    for (const row of rows as Record<string, unknown>[]) {
      const id = String(row.city_id);
      let days = found.get(id);
      if (days === undefined) {
        days = {};
        found.set(id, days);
      }
      put(days, row);
    }
    await turn();
  }
  return found;
}

function put(city: DaysOfCity, row: Record<string, unknown>): void {
  const hour = Number(row.hour);
  const day = Math.floor(hour / HOURS);
  for (const name of JUDGED_VARIABLES) {
    const value = row[name];
    if (typeof value !== 'number') continue;
    city[name] ??= new Map();
    let hours = city[name].get(day);
    if (hours === undefined) {
      hours = new Float64Array(HOURS).fill(Number.NaN);
      city[name].set(day, hours);
    }
    hours[hour - day * HOURS] = SCALES[name]?.to(value) ?? Number.NaN;
  }
}
