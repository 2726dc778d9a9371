/** The table's observations by the hour, as the forecasters learn them. */
import { readFileSync } from 'node:fs';
import { FORECAST_VARIABLES } from '../model/forecast.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import type { DataFile, Table } from '../table/table.ts';
import { WIDTH } from './city-forecaster.ts';
import { formatHour } from './hour.ts';

export interface HourRange {
  /** Hours after this one … */
  readonly after: number;
  /** … up to this one. */
  readonly to: number;
}

export interface HourRow {
  readonly city_id: string;
  readonly hour: number;
  /** A value each of FORECAST_VARIABLES, NaN for none. */
  readonly values: readonly number[];
}

export interface HourlyValues {
  /** Time of the newest observation of each city in these files. */
  newest(files: readonly DataFile[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** Hours with a value, by city and hour, a batch at a time. */
  read(
    files: readonly DataFile[],
    cities: readonly string[],
    range: HourRange,
    signal: AbortSignal,
  ): AsyncIterable<readonly HourRow[]>;
  /** Hours of a city with a temperature, before `since` and from it on. */
  count(
    files: readonly DataFile[],
    city: string,
    range: HourRange & { readonly since: number },
    signal: AbortSignal,
  ): Promise<{ readonly before: number; readonly after: number }>;
}

export interface HourlyValuesOptions {
  readonly session: SqlSession;
  readonly table: Pick<Table, 'localPaths'>;
  readonly columns: Columns;
  /** The files that may hold observations of these cities and times. */
  readonly select: (
    files: readonly DataFile[],
    of: { readonly cities: readonly string[]; readonly from: string; readonly to: string },
  ) => readonly DataFile[];
}

const VALUES = FORECAST_VARIABLES.map((name) => `arg_max(${name}, observed_at) AS ${name}`);
const VALUES_SQL = queryText('hourly-values').replace('{values}', VALUES.join(',\n  '));
const COUNTS_SQL = queryText('hour-counts');
const NEWEST_SQL =
  'SELECT city_id, max(observed_at) AS observed_at FROM observations GROUP BY city_id';
const SECOND_MS = 1_000;

function queryText(name: string): string {
  return readFileSync(new URL(`queries/${name}.sql`, import.meta.url), 'utf8');
}

export function openHourlyValues(options: HourlyValuesOptions): HourlyValues {
  const { session, table, columns, select } = options;

  async function define(files: readonly DataFile[]): Promise<void> {
    await session.define('observations', await table.localPaths(files), columns);
  }

  async function defineRange(
    files: readonly DataFile[],
    cities: readonly string[],
    { after, to }: HourRange,
  ) {
    const [from, until] = [formatHour(after), formatHour(to)];
    // Files are selected up to a time that is left out.
    const end = new Date(Date.parse(until) + SECOND_MS).toISOString();
    await define(select(files, { cities, from, to: end }));
    return { after: from, to: until };
  }

  return {
    async newest(files, signal) {
      if (files.length === 0) return new Map();
      await define(files);
      type NewestRow = { readonly city_id: string; readonly observed_at: string };
      const rows = await session.query<NewestRow>(NEWEST_SQL, {}, signal);
      return new Map(rows.map(({ city_id, observed_at }) => [city_id, observed_at]));
    },
    async *read(files, cities, range, signal) {
      const times = await defineRange(files, cities, range);
      const parameters = { ...times, cities: cities.join(',') };
      for await (const { rows } of session.stream(VALUES_SQL, parameters, signal)) {
        yield rows.map((row) => ({
          city_id: String(row.city_id),
          hour: Number(row.hour),
          values: FORECAST_VARIABLES.map((name) => numberOf(row[name])),
        }));
      }
    },
    async count(files, city, range, signal) {
      const { after, to } = await defineRange(files, [city], range);
      const parameters = { after, to, city, since: range.since };
      type Counts = { readonly before: number; readonly after: number };
      const [found] = await session.query<Counts>(COUNTS_SQL, parameters, signal);
      return found ?? { before: 0, after: 0 };
    },
  };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** The hours from `first` to `last`, a row of WIDTH values each; NaN where nothing was measured. */
export function matrixOf(rows: readonly HourRow[], first: number, last: number): Float64Array {
  const values = new Float64Array(Math.max(0, last - first + 1) * WIDTH).fill(Number.NaN);
  for (const row of rows) {
    if (row.hour >= first && row.hour <= last) values.set(row.values, (row.hour - first) * WIDTH);
  }
  return values;
}
