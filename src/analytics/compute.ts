/** The datasets of a selection of observations, by the same texts as the published ones. */
import type { CityStatistics, HourlyTrend } from '../model/datasets.ts';
import type { Columns, SqlSession } from './engine.ts';
import { queryText } from './queries.ts';

export interface Selection {
  /** Local paths of the data files that may hold selected rows. */
  readonly paths: readonly string[];
  readonly columns: Columns;
  /** City ids; empty means all. */
  readonly cities: readonly string[];
  /** ISO 8601; `from` is inclusive, `to` exclusive. */
  readonly from: string | null;
  readonly to: string | null;
}

export async function computeCityStatistics(
  session: SqlSession,
  selection: Selection,
  signal?: AbortSignal,
): Promise<CityStatistics[]> {
  await selectObservations(session, selection);
  await view(session, 'city_statistics_states', queryText('city_statistics_state'));
  await view(session, 'city_statistics_merged', queryText('city_statistics_merge'));
  return session.query<CityStatistics>(queryText('city_statistics'), {}, signal);
}

export async function computeHourlyTrends(
  session: SqlSession,
  selection: Selection,
  signal?: AbortSignal,
): Promise<HourlyTrend[]> {
  await selectObservations(session, selection);
  await view(session, 'hourly_trends_states', queryText('hourly_trends_state'));
  await view(session, 'hourly_trends_merged', queryText('hourly_trends_merge'));
  return session.query<HourlyTrend>(queryText('hourly_trends'), {}, signal);
}

/** Makes the view `observations` hold the selected rows. */
async function selectObservations(session: SqlSession, selection: Selection): Promise<void> {
  const { cities, from, to } = selection;
  await session.define('selected_files', selection.paths, selection.columns);
  const conditions = [
    ...(from === null ? [] : [`observed_at >= ${timestamp(from)}`]),
    ...(to === null ? [] : [`observed_at < ${timestamp(to)}`]),
    ...(cities.length === 0 ? [] : [`city_id IN (${cities.map(literal).join(', ')})`]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  await view(session, 'observations', `SELECT * FROM selected_files${where}`);
}

/** A temporary view of both engines. */
export async function view(session: SqlSession, name: string, sql: string): Promise<void> {
  await session.execute(`CREATE OR REPLACE TEMP VIEW ${name} AS ${sql}`);
}

/** Views take no parameters, so values are written into the text: only times and ids that match. */
export function timestamp(iso: string): string {
  return `CAST(${literal(new Date(iso).toISOString())} AS TIMESTAMP WITH TIME ZONE)`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
