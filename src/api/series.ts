/** Series: the observations of some cities over time, sampled for drawing, gaps kept. */
import {
  expectedBetween,
  intervalOf,
  isFar,
  MISSING_BESIDE_S,
  MISSING_BETWEEN,
  MISSING_COLUMNS,
  MISSING_LEAST,
  MOMENT,
  PHASE,
  slotsBetween,
  spanOf,
} from '../model/coverage.ts';
import { isoTime } from '../model/iso-time.ts';
import type { VariableName } from '../model/variables.ts';
import { VARIABLES } from '../model/variables.ts';
import { isHeldSql, valueSql } from '../model/wind.ts';
import type { Facts } from './answers.ts';
import type { TimeRange } from './parameters.ts';
import { fillQuery, loadQuery, selectFiles } from './reader.ts';
import type { Series } from './schemas.ts';
import { chosenCities, indexCities, newestOf, type Server, sourcesOf } from './server.ts';
import type { Current } from './versions.ts';

export interface SeriesAsked {
  readonly cities: readonly string[];
  readonly variables: readonly VariableName[];
  readonly range: TimeRange;
  readonly points: number;
  /** Aborts once no caller waits for the series any more. */
  readonly signal?: AbortSignal;
}

export interface SeriesFound {
  readonly series: readonly Series[];
  readonly facts: Facts;
}

/** One row of series.sql; times in µs since 1970. Without any value a city has one row, all null. */
type Row = Bucket | (Omit<Bucket, 'first_us'> & { readonly first_us: null });

interface Bucket {
  readonly city_id: string;
  readonly sampled: boolean;
  readonly interval_s: number | null;
  readonly held_s: number;
  readonly expected_s: number;
  readonly first_us: number;
  readonly first_value: number;
  readonly last_us: number;
  readonly last_value: number;
  readonly lowest_us: number;
  readonly lowest_value: number;
  readonly highest_us: number;
  readonly highest_value: number;
}

const SERIES_SQL = loadQuery('series');
const SERIES_PARTS = {
  moment: MOMENT,
  interval_s: intervalOf('moment'),
  phase: PHASE,
  slots_s: slotsBetween('held_first', 'held_last'),
  span: spanOf('before', 'moment'),
  is_far: isFar('before', 'moment'),
  missing_between: MISSING_BETWEEN,
  missing_beside_s: MISSING_BESIDE_S,
  missing_s: MISSING_COLUMNS.map((name) => `missing_s AS ${name}`).join(', '),
  missing_least: MISSING_LEAST,
  expected_s: expectedBetween('first_moment', 'last_moment'),
};
const DAY_MS = 86_400_000;
const SECOND_US = 1_000_000;
const TIME_MIN = Date.parse('0001-01-01T00:00:00Z');
const DEFAULT_DAYS = 7;
const CITIES_MAX = 50;
/** Points of one answer at most, whatever is asked for. */
const POINTS_MAX = 200_000;
const POINTS_MIN = 10;
/** From this many intervals between two observations on at least one is missing between them. */
const GAP_INTERVALS = 1.5;

export async function readSeries(
  server: Server,
  current: Current,
  asked: SeriesAsked,
): Promise<SeriesFound> {
  const { conditions } = current;
  const cities = chosenCities(conditions, asked.cities, CITIES_MAX);
  const newest = newestOf(conditions, asked.cities);
  const range = fillRange(asked.range, newest);
  const lines = asked.variables.length * Math.max(1, cities.length);
  const points = Math.max(POINTS_MIN, Math.min(asked.points, Math.floor(POINTS_MAX / lines)));
  const series: Series[] = [];
  const ends: (number | null)[] = [];
  let heldS = 0;
  let expectedS = 0;
  for (const variable of range === null ? [] : asked.variables) {
    if (range === null) break;
    const files = selectFiles(conditions.snapshot.files, { cities, ...range });
    const bucketMs = bucketMsOf(range, points);
    const sql = fillQuery(SERIES_SQL, {
      ...SERIES_PARTS,
      value: valueSql(variable),
      is_held: isHeldSql(variable),
    });
    const buckets =
      files.length === 0
        ? []
        : await server.reader.query<Row>(
            files,
            sql,
            { ...range, cities: cities.join(','), points, bucket_ms: bucketMs },
            asked.signal,
          );
    const byCity = Map.groupBy(buckets, (bucket) => bucket.city_id);
    for (const city of cities) {
      const rows = byCity.get(city) ?? [];
      const own = rows.filter((row): row is Bucket => row.first_us !== null);
      series.push(drawSeries(server, current, city, variable, own, bucketMs));
      heldS += rows[0]?.held_s ?? 0;
      expectedS += rows[0]?.expected_s ?? 0;
      ends.push(own[0]?.first_us ?? null, own.at(-1)?.last_us ?? null);
    }
  }
  const times = ends.filter((time) => time !== null).sort((a, b) => a - b);
  const facts: Facts = {
    sources: sourcesOf(conditions, asked.cities),
    observedFrom: formatTime(times[0]),
    observedTo: formatTime(times.at(-1)),
    newest,
    computedAt: server.clock().toISOString(),
    coveragePct: expectedS === 0 ? null : (100 * heldS) / expectedS,
    rowCount: series.length,
    note: explain(),
  };
  return { series, facts };

  function explain(): string | null {
    const all = conditions.newest.size;
    if (asked.cities.length === 0 && all > cities.length) {
      return `these are the first ${CITIES_MAX} of ${all} cities by id; name others with \`city\``;
    }
    return times.length === 0 ? 'nothing was observed in this time' : null;
  }
}

/** Both ends; what was not asked for follows from the newest observation. */
export function fillRange(
  { from, to }: TimeRange,
  newest: string | null,
): { readonly from: string; readonly to: string } | null {
  if (newest === null) return null;
  const end = to ?? new Date(Date.parse(newest) + 1).toISOString();
  const start =
    from ?? new Date(Math.max(TIME_MIN, Date.parse(end) - DEFAULT_DAYS * DAY_MS)).toISOString();
  return { from: start, to: end };
}

/** Two points a bucket, lowest and highest. */
function bucketMsOf(range: { readonly from: string; readonly to: string }, points: number): number {
  const widthMs = Date.parse(range.to) - Date.parse(range.from);
  return Math.max(1, Math.ceil(widthMs / Math.max(1, Math.floor(points / 2))));
}

function drawSeries(
  server: Server,
  current: Current,
  cityId: string,
  variable: VariableName,
  buckets: readonly Bucket[],
  bucketMs: number,
): Series {
  const city = indexCities(server.context.cities()).get(cityId);
  const known = current.conditions.newest.get(cityId);
  const line = drawLine(buckets, bucketMs);
  return {
    city_id: cityId,
    city: city?.name ?? known?.city ?? cityId,
    time_zone: city?.time_zone ?? null,
    variable,
    unit: VARIABLES[variable].unit,
    interval_s: buckets.at(-1)?.interval_s ?? known?.interval_s ?? null,
    sampled: buckets[0]?.sampled ?? false,
    observed_at: line.map(([time]) => formatTime(time) ?? ''),
    values: line.map(([, value]) => value),
  };
}

/** Time in µs since 1970. */
type Point = readonly [time: number, value: number | null];

/**
 * Lowest and highest of each bucket, first and last of the line, and on both sides of a gap the
 * last and the first observation with a null between them. Gaps shorter than a sampled line's
 * bucket are not seen at that width.
 */
export function drawLine(
  buckets: readonly Omit<Bucket, 'city_id' | 'held_s' | 'expected_s'>[],
  bucketMs: number,
): Point[] {
  const line: Point[] = [];
  let previous: (typeof buckets)[number] | null = null;
  for (const bucket of buckets) {
    const shortestUs = bucket.sampled ? bucketMs * 1_000 : 0;
    const gapAt = previous === null ? null : gapBetween(previous, bucket, shortestUs);
    if (previous !== null && gapAt !== null) {
      push(previous.last_us, previous.last_value);
      line.push([gapAt, null]);
    }
    if (previous === null || gapAt !== null) push(bucket.first_us, bucket.first_value);
    const { lowest_us, lowest_value, highest_us, highest_value } = bucket;
    if (lowest_us < highest_us) {
      push(lowest_us, lowest_value);
      push(highest_us, highest_value);
    } else {
      push(highest_us, highest_value);
      push(lowest_us, lowest_value);
    }
    previous = bucket;
  }
  if (previous !== null) push(previous.last_us, previous.last_value);
  return line;

  function push(time: number, value: number): void {
    if (line.at(-1)?.[0] !== time) line.push([time, value]);
  }
}

/** When the first missing observation was due, or null when none is missing. */
function gapBetween(
  before: { readonly last_us: number; readonly interval_s: number | null },
  after: { readonly first_us: number; readonly interval_s: number | null },
  shortestUs: number,
): number | null {
  const intervalUs = Math.max(before.interval_s ?? 0, after.interval_s ?? 0) * SECOND_US;
  if (intervalUs === 0) return null;
  const distanceUs = after.first_us - before.last_us;
  if (distanceUs <= Math.max(GAP_INTERVALS * intervalUs, shortestUs)) return null;
  return before.last_us + intervalUs;
}

/** ISO 8601 of µs since 1970; null for none, or where no calendar reaches. */
function formatTime(us: number | undefined): string | null {
  return us === undefined ? null : isoTime(BigInt(us));
}
