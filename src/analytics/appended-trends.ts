/**
 * The hours of the day that further rows are merged into: as lines in this process, or, where they are too
 * many for a text, as a table of the engine.
 */
import type { HourlyTrend } from '../model/datasets.ts';
import { HourSums, type HourValues } from '../model/hour-sums.ts';
import type { PublishedFile } from './publication.ts';
import { lineOf } from './published-files.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';

export interface AppendedTrends {
  /** The rows of a text, to be merged. */
  read<R>(run: Run, sql: string): Promise<R[]>;
  /** Merges the rows of one city, which is called so now. */
  add(cityId: string, city: string, rows: readonly HourValues[]): void;
  /** Writes the dataset, with what was read last. */
  write(run: Run): Promise<PublishedFile>;
}

/** A row of a dataset, and its line. */
export interface WrittenRow<R> {
  readonly row: R;
  readonly line: string;
}

interface Hours {
  readonly sums: HourSums;
  /** Made anew when the city changes. */
  lines: readonly string[];
}

export class TrendLines implements AppendedTrends {
  readonly #cities: ReadonlyMap<string, Hours>;

  private constructor(cities: ReadonlyMap<string, Hours>) {
    this.#cities = cities;
  }

  /** Of published rows in their order; null when they lack the sums. */
  static of(written: readonly WrittenRow<HourlyTrend>[]): TrendLines | null {
    const cities = new Map<string, Hours>();
    for (const [id, ofCity] of Map.groupBy(written, ({ row }) => row.city_id)) {
      const sums = HourSums.of(ofCity.map(({ row }) => row));
      if (sums === null) return null;
      cities.set(id, { sums, lines: ofCity.map(({ line }) => line) });
    }
    return new TrendLines(cities);
  }

  read<R>({ session, signal }: Run, sql: string): Promise<R[]> {
    return session.query<R>(sql, {}, signal);
  }

  add(cityId: string, city: string, rows: readonly HourValues[]): void {
    const hours = this.#cities.get(cityId);
    if (hours === undefined) return;
    for (const row of rows) hours.sums.add(row);
    hours.lines = hours.sums.rows(cityId, city).map(lineOf);
  }

  write(run: Run): Promise<PublishedFile> {
    const lines = [...this.#cities.values()].flatMap((hours) => hours.lines);
    return run.writeLines(lines.join(''), lines.length);
  }
}

const KEYS = ['city_id', 'clock', 'hour']
  .map((name) => `kept.${name} = more.${name}`)
  .join(' AND ');
const MEANS = ['temperature_c', 'humidity_pct', 'wind_speed_ms'];
const SUMS = [
  ...['observation_count', ...MEANS.map((name) => `${name}_count`)],
  ...['wind_direction_deg_count', 'wind_direction_sin', 'wind_direction_cos'],
];

/** As `HourSums`: the mean of the whole is moved by the share of what was added. */
const MERGE = `UPDATE hour_sums_kept AS kept SET ${[
  ...MEANS.map((name) => {
    const [mean, count] = [`${name}_mean`, `${name}_count`];
    const share = `more.${count} / (kept.${count} + more.${count})`;
    const moved = `kept.${mean} + (more.${mean} - kept.${mean}) * ${share}`;
    return `${mean} = coalesce(${moved}, kept.${mean}, more.${mean})`;
  }),
  ...SUMS.map((name) => `${name} = kept.${name} + more.${name}`),
].join(', ')} FROM hour_sums_appended AS more WHERE ${KEYS}`;

const INSERT = `INSERT INTO hour_sums_kept BY NAME SELECT * FROM hour_sums_appended AS more
  WHERE NOT EXISTS (SELECT 1 FROM hour_sums_kept AS kept WHERE ${KEYS})`;

/** Of `hour_sums_kept`, which the view `hour_sums` stands for. */
export class TrendTable implements AppendedTrends {
  async read<R>({ session, signal }: Run, sql: string): Promise<R[]> {
    await session.materialize('appended_rows', sql, signal);
    return session.query<R>('SELECT * FROM appended_rows', {}, signal);
  }

  add(): void {}

  async write(run: Run): Promise<PublishedFile> {
    const { session, signal } = run;
    await session.materialize(
      'hour_sums_appended',
      `WITH observations AS (SELECT * FROM appended_rows),
       hourly_trends_partials AS (SELECT * FROM (${queryText('hourly_trends_partial')}) AS partial)
       SELECT * FROM (${queryText('hour_sums')}) AS sums`,
      signal,
    );
    await session.execute(`${MERGE}; ${INSERT}`, signal);
    // In the order of the table, in which only hours that are new are out of their place.
    return run.write('_data', queryText('hourly_trends'));
  }
}
