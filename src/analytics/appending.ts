/**
 * Appending: most landings bring the next observation of each city and nothing else. Those are merged into
 * what was published last, in this process, instead of running the statements again.
 *
 * Whatever is not a later observation of its city is left to the statements (refresh.ts): late rows,
 * corrections, other values that failed quality control, a new month, a clock that went back to the
 * day before within an hour. So are a city whose bounds for anomalies no longer hold, and every so
 * many landings all, so that no rounding adds up.
 */
import { CitySums, type CityValues } from '../model/city-sums.ts';
import { intervalOf } from '../model/coverage.ts';
import type { CityStatistics } from '../model/datasets.ts';
import type { HourValues } from '../model/hour-sums.ts';
import { compareTimes } from '../model/iso-time.ts';
import { spanOf } from '../model/statistics-span.ts';
import type { DataFile } from '../table/table.ts';
import { AppendedDays, type DayValues, type LastTemperature } from './appended-days.ts';
import type { AppendedTrends, WrittenRow } from './appended-trends.ts';
import { finishRow } from './export.ts';
import { type Aggregates, aggregatesOf, type Publication } from './publication.ts';
import type { Computed } from './publish.ts';
import { lineOf } from './published-files.ts';
import { countRows, type Run } from './run.ts';
import {
  type Bounds,
  type Candidate,
  flagCandidate,
  hasEnoughValues,
  isOutgrown,
} from './three-sigma.ts';

/** Of the view `observations`. */
interface AppendedRow extends CityValues, HourValues, DayValues {
  readonly city_id: string;
  readonly observed_at: string;
  readonly interval_s: number;
  readonly temperature_c: number | null;
  readonly humidity_pct: number | null;
  readonly wind_speed_ms: number | null;
  readonly wind_direction_deg: number | null;
  readonly temperature_c_reported: number | null;
}

/** Above these the statements are not slower. */
const LIMITS = { rows: 20_000, landings: 100, candidates: 20_000 } as const;

/** More than there are days on the calendar. */
const DAY_NUMBERS = 10_000_000;

/** The row and its line are made anew when the city changes. */
interface AppendedCity extends WrittenRow<CityStatistics> {
  readonly sums: CitySums;
}

/** What the anomalies and the days go on from. */
interface Basis {
  readonly bounds: ReadonlyMap<string, Bounds>;
  /** Newest first. */
  readonly candidates: Candidate[];
  readonly days: AppendedDays;
}

/** What a publication says, as sums that grow. */
export class Appendable {
  /** Of the publication that it stands for; changes with each. */
  path: string;
  readonly #months: ReadonlySet<string>;
  readonly #cities: Map<string, AppendedCity>;
  readonly #trends: AppendedTrends;
  #basis: Basis | null = null;
  #landings = 0;

  private constructor(
    path: string,
    months: readonly string[],
    cities: Map<string, AppendedCity>,
    trends: AppendedTrends,
  ) {
    this.path = path;
    this.#trends = trends;
    this.#months = new Set(months);
    this.#cities = cities;
  }

  /**
   * `months` are those that are computed from rows each time. `statistics` are in the order of cities.
   * Null for rows of an earlier version of the program.
   */
  static of(
    path: string,
    months: readonly string[],
    statistics: readonly WrittenRow<CityStatistics>[],
    trends: AppendedTrends | null,
  ): Appendable | null {
    if (trends === null) return null;
    const cities = new Map<string, AppendedCity>();
    for (const { row, line } of statistics) {
      const sums = CitySums.of(row);
      if (sums === null) return null;
      cities.set(row.city_id, { sums, row, line });
    }
    return new Appendable(path, months, cities, trends);
  }

  /** Whether it stands for this publication, and can go on with these files. */
  continues({ datasets }: Publication, added: readonly DataFile[]): boolean {
    return (
      datasets.city_statistics.path === this.path &&
      this.#landings < LIMITS.landings &&
      countRows(added) <= LIMITS.rows &&
      added.every(({ month }) => this.#months.has(month ?? ''))
    );
  }

  /** False when it takes the statements; it must not be used any more then. */
  async append(run: Run, added: readonly DataFile[]): Promise<boolean> {
    this.#landings += 1;
    this.#basis ??= await readBasis(run);
    if (this.#basis === null) return false;
    const sql = await run.select(added, APPENDED_COLUMNS);
    const rows = await this.#trends.read<AppendedRow>(run, sql);
    const byCity = Map.groupBy(rows, ({ city_id }) => city_id);
    for (const [id, ofCity] of byCity) {
      ofCity.sort((a, b) => compareTimes(a.observed_at, b.observed_at));
      if (!this.#addCity(id, ofCity, this.#basis)) return false;
    }
    return true;
  }

  #addCity(id: string, rows: readonly AppendedRow[], basis: Basis): boolean {
    const known = this.#cities.get(id);
    if (known === undefined) return false;
    const { sums } = known;
    for (const next of rows) {
      if (!sums.isNext(next) || !basis.days.isNext(next)) return false;
      sums.add(next);
      basis.days.add(next);
      addCandidate(basis, next);
    }
    const row = sums.row();
    // The trends of all its hours say what it is called.
    if (row.city !== known.row.city) return false;
    this.#cities.set(id, { sums, row, line: lineOf(row) });
    this.#trends.add(id, row.city, rows);
    return basis.candidates.length <= LIMITS.candidates && !isOutgrown(row, basis.bounds.get(id));
  }

  /** Writes the files of the datasets, and says what a publication says of them. */
  async write(run: Run, before: Publication, aggregates: Aggregates): Promise<Computed> {
    const { version: _, computed_at: __, quality: ___, events: ____, ...rest } = before;
    const cities = [...this.#cities.values()];
    const anomalies = this.#anomalies();
    const days = this.#basis?.days.lines() ?? [];
    const city_statistics = await run.writeLines(
      cities.map(({ line }) => line).join(''),
      cities.length,
    );
    this.path = city_statistics.path;
    return {
      ...rest,
      table_version: run.snapshot.version,
      engine: run.engineName,
      ...summaryOf(cities.map(({ row }) => row)),
      ...(run.quality === null ? {} : { quality: run.quality }),
      datasets: {
        city_statistics,
        hourly_trends: await this.#trends.write(run),
        anomalies: await run.writeLines(anomalies.join(''), anomalies.length),
      },
      aggregates: {
        ...aggregates,
        days_appended: days.length === 0 ? null : await run.writeLines(days.join(''), days.length),
      } satisfies Aggregates,
    };
  }

  #anomalies(): string[] {
    const lines: string[] = [];
    for (const candidate of this.#basis?.candidates ?? []) {
      const row = this.#cities.get(candidate.city_id)?.row;
      const flagged = row === undefined ? null : flagCandidate(candidate, row);
      if (flagged !== null) lines.push(lineOf(finishRow('anomalies', flagged)));
    }
    return lines;
  }
}

/**
 * Merges the rows of `added`, which are all that came since `before`, and writes the datasets; null when
 * it takes the statements.
 */
export async function appendRows(
  run: Run,
  before: Publication,
  added: readonly DataFile[],
): Promise<Computed | null> {
  const { appendable } = run.memory;
  const aggregates = aggregatesOf(before);
  if (aggregates === null || appendable === null) return null;
  if (!appendable.continues(before, added)) return null;
  // What fails half-way must not be gone on from.
  run.memory.appendable = null;
  if (!(await appendable.append(run, added))) return null;
  const computed = await appendable.write(run, before, aggregates);
  run.memory.appendable = appendable;
  return computed;
}

const APPENDED_COLUMNS = [
  ...['city_id', 'city', 'country', 'month', 'observed_at', 'hour_utc', 'hour_local'],
  ...['utc_hour', 'utc_offset_s', 'day', `${intervalOf('moment')} AS interval_s`, 'has_value'],
  ...[
    'temperature_c',
    'temperature_c_reported',
    'humidity_pct',
    'pressure_hpa',
    'wind_speed_ms',
    'wind_gust_ms',
  ],
  ...['wind_direction_deg', 'rain_1h_mm', 'snow_1h_mm'],
];

/** Null when there are too many candidates. */
async function readBasis({ session, signal }: Run): Promise<Basis | null> {
  const candidates = await session.query<Candidate & Record<string, unknown>>(
    `SELECT city_id, observed_at, temperature_c FROM anomaly_candidates
     ORDER BY observed_at DESC, city_id LIMIT ${LIMITS.candidates + 1}`,
    {},
    signal,
  );
  if (candidates.length > LIMITS.candidates) return null;
  const bounds = await session.query<Bounds & { readonly city_id: string }>(
    'SELECT city_id, low, high FROM anomaly_bounds',
    {},
    signal,
  );
  const last = await session.query<LastTemperature & { readonly city_id: string }>(
    `SELECT city_id, max(utc_hour) AS utc_hour,
       max_by(day, utc_hour * ${DAY_NUMBERS} + day) AS day
     FROM observations WHERE temperature_c IS NOT NULL GROUP BY city_id`,
    {},
    signal,
  );
  return {
    candidates,
    bounds: new Map(bounds.map(({ city_id, low, high }) => [city_id, { low, high }])),
    days: new AppendedDays(new Map(last.map(({ city_id, ...of }) => [city_id, of]))),
  };
}

/** Keeps the value where it is outside the bounds of its city. */
function addCandidate({ bounds, candidates }: Basis, row: AppendedRow): void {
  const { city_id, observed_at, temperature_c_reported: value } = row;
  const limits = bounds.get(city_id);
  if (value === null || limits === undefined) return;
  if (value >= limits.low && value <= limits.high) return;
  const isAfter = (other: Candidate) =>
    (compareTimes(observed_at, other.observed_at) || (city_id < other.city_id ? 1 : -1)) > 0;
  const at = candidates.findIndex(isAfter);
  candidates.splice(at === -1 ? candidates.length : at, 0, {
    ...{ city_id, observed_at, temperature_c: value },
  });
}

/** What a publication says of all cities (`summarise`). */
function summaryOf(rows: readonly CityStatistics[]) {
  const { from, to, coveragePct } = spanOf(rows);
  return {
    ...{ coverage_pct: coveragePct, observed_from: from, observed_to: to },
    not_enough_values: rows.filter((row) => !hasEnoughValues(row)).map(({ city_id }) => city_id),
  };
}
