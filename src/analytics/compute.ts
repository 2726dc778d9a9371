/** The datasets of a selection of observations, by the same texts as the published ones. */

import { MOMENT } from '../model/coverage.ts';
import type { CityStatistics, HourlyTrend } from '../model/datasets.ts';
import { CONTENT_COLUMNS } from '../model/observation.ts';
import { isVariableName } from '../model/variables.ts';
import { WIND_DIRECTION } from '../model/wind.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { literal, timestamp } from '../sql/text.ts';
import { QUALITY_FLAG_COLUMNS } from './columns.ts';
import { OBSERVED_VARIABLES, withAllValues, withoutFailed } from './failed-values.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';

export interface Selection {
  /** Local paths of the data files that may hold selected rows. */
  readonly paths: readonly string[];
  readonly columns: Columns;
  /** City ids; empty means all. */
  readonly cities: readonly string[];
  /** ISO 8601; `from` is inclusive, `to` exclusive. */
  readonly from: string | null;
  readonly to: string | null;
  /** Local paths of the flags of quality control that count; without any, no value has failed. */
  readonly flags?: readonly string[];
}

/** NaN and infinities, which no record of ours holds, count as missing. */
const number = (name: string, value = name) => `CASE WHEN abs(${name}) <= 1e300 THEN ${value} END`;
const HELD = CONTENT_COLUMNS.map((name) =>
  isVariableName(name) ? `abs(${name}) <= 1e300` : `${name} IS NOT NULL`,
);

/**
 * The columns that datasets are computed from, of rows as they are in files. One value that is not
 * a number would remove its city's statistics in one engine and stop the other.
 */
export const OBSERVED = [
  ...['city_id', 'city', 'country', 'observed_at', 'hour_utc', 'hour_local'],
  ...OBSERVED_VARIABLES.map((name) =>
    name === 'wind_direction_deg'
      ? `${number(name, WIND_DIRECTION)} AS ${name}`
      : `${number(name)} AS ${name}`,
  ),
  `${MOMENT} AS moment`,
  'utc_offset_s',
  'CAST(floor(unix_micros(observed_at) / 3.6e9) AS BIGINT) AS utc_hour',
  // Of the city's clock, counted from 1970-01-01; of UTC where the clock is not known.
  'CAST(floor((unix_micros(observed_at) / 1e6 + coalesce(utc_offset_s, 0)) / 86400) AS INTEGER) AS day',
  // Most rows hold the first of them: the others are not looked at then.
  `CASE WHEN ${HELD[0]} THEN TRUE ELSE coalesce(${HELD.slice(1).join(' OR ')}, FALSE) END AS has_value`,
].join(', ');

export async function computeCityStatistics(
  session: SqlSession,
  selection: Selection,
  signal?: AbortSignal,
): Promise<CityStatistics[]> {
  await selectObservations(session, selection);
  return withPartials(
    session,
    'city_statistics',
    () => session.query<CityStatistics>(queryText('city_statistics'), {}, signal),
    signal,
  );
}

export async function computeHourlyTrends(
  session: SqlSession,
  selection: Selection,
  signal?: AbortSignal,
): Promise<HourlyTrend[]> {
  await selectObservations(session, selection);
  await view(
    session,
    'city_names',
    'SELECT city_id, max_by(city, observed_at) AS city FROM observations GROUP BY city_id',
  );
  return withPartials(
    session,
    'hourly_trends',
    async () => {
      await view(session, 'hour_sums', queryText('hour_sums'));
      const text = `SELECT * FROM (${queryText('hourly_trends')}) AS dataset`;
      return session.query<HourlyTrend>(`${text} ORDER BY city_id, clock, hour`, {}, signal);
    },
    signal,
  );
}

/** Aggregates that the dataset's text is made from. */
const PARTIALS_OF = {
  city_statistics: ['city_statistics', 'coverage'],
  hourly_trends: ['hourly_trends'],
} as const;

/** The dataset's texts name its partial aggregates several times: as a view these would be made each time. */
export async function withPartials<T>(
  session: SqlSession,
  dataset: keyof typeof PARTIALS_OF,
  run: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const kinds = PARTIALS_OF[dataset];
  const isOfDays = dataset === 'city_statistics';
  try {
    if (isOfDays) await materializeDays(session, signal);
    for (const kind of kinds) {
      await session.materialize(`${kind}_partials`, queryText(`${kind}_partial`), signal);
    }
    return await run();
  } finally {
    for (const kind of kinds) await session.drop(`${kind}_partials`);
    if (isOfDays) await dropDays(session);
  }
}

const DAYS = ['day_groups', 'day_times', 'observed_names'] as const;

/**
 * Makes the views `observed_days` and `observed_names` of the rows in the view `observations`: partial
 * aggregates are made from them, so that rows are read once for all.
 */
export async function materializeDays(
  session: SqlSession,
  signal?: AbortSignal,
  define: Run['view'] = (name, sql) => view(session, name, sql),
): Promise<void> {
  await session.materialize('day_groups', queryText('day_groups'), signal);
  const [of] = await session.query<{ unfit: number }>(
    'SELECT count(*) AS unfit FROM day_groups WHERE NOT fits',
    {},
    signal,
  );
  const allFit = of?.unfit === 0;
  if (!allFit) await session.materialize('day_times', queryText('day_times'), signal);
  await session.materialize('observed_names', queryText('observed_names'), signal);
  await define('observed_days', queryText(allFit ? 'fitting_days' : 'observed_days'));
}

/** Lets go of what those views stand for. */
export async function dropDays(session: SqlSession): Promise<void> {
  for (const name of DAYS) await session.drop(name);
}

/** Makes the view `observations` hold the selected rows. */
async function selectObservations(session: SqlSession, selection: Selection): Promise<void> {
  const { cities, from, to, flags = [] } = selection;
  await session.define('selected_files', selection.paths, selection.columns);
  const conditions = [
    ...(from === null ? [] : [`observed_at >= ${timestamp(from)}`]),
    ...(to === null ? [] : [`observed_at < ${timestamp(to)}`]),
    ...(cities.length === 0 ? [] : [`city_id IN (${cities.map(literal).join(', ')})`]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  // The partial aggregates of a selection are merged at once: one for all its months will do.
  const held = `SELECT ${OBSERVED}, '' AS month FROM selected_files${where}`;
  if (flags.length === 0) return view(session, 'observations', withAllValues(held));
  await session.define('quality_flags', flags, QUALITY_FLAG_COLUMNS);
  await session.materialize('failed_values', queryText('failed_values'));
  await view(session, 'observations', withoutFailed(held));
}

/** A temporary view of both engines. */
export async function view(session: SqlSession, name: string, sql: string): Promise<void> {
  await session.execute(`CREATE OR REPLACE TEMP VIEW ${name} AS ${sql}`);
}
