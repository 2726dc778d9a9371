/** Series: the observations of some cities over time, sampled for drawing, gaps kept. */
import type { VariableName } from '../model/variables.ts';
import { VARIABLES } from '../model/variables.ts';
import type { Facts } from './answers.ts';
import type { TimeRange } from './parameters.ts';
import { loadQuery, selectFiles } from './reader.ts';
import type { Series } from './schemas.ts';
import { indexCities, newestOf, type Server, sourcesOf } from './server.ts';
import type { Current } from './versions.ts';

export interface SeriesAsked {
  readonly cities: readonly string[];
  readonly variables: readonly VariableName[];
  readonly range: TimeRange;
  readonly points: number;
}

export interface SeriesFound {
  readonly series: readonly Series[];
  readonly facts: Facts;
}

/** One row of series.sql. */
interface Bucket {
  readonly city_id: string;
  readonly city: string;
  readonly sampled: boolean;
  readonly observation_count: number;
  readonly interval_s: number | null;
  readonly covered_s: number | null;
  readonly first_at: string;
  readonly first_value: number;
  readonly last_at: string;
  readonly last_value: number;
  readonly lowest_at: string;
  readonly lowest_value: number;
  readonly highest_at: string;
  readonly highest_value: number;
}

const SERIES_SQL = loadQuery('series');
const DAY_MS = 86_400_000;
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
  const { picture } = current;
  const all = asked.cities.length > 0 ? asked.cities : [...picture.newest.keys()].sort();
  const cities = all.slice(0, CITIES_MAX);
  const newest = newestOf(picture, asked.cities);
  const range = fillRange(asked.range, newest);
  const lines = asked.variables.length * Math.max(1, cities.length);
  const points = Math.max(POINTS_MIN, Math.min(asked.points, Math.floor(POINTS_MAX / lines)));
  const series: Series[] = [];
  const spans: Span[] = [];
  for (const variable of range === null ? [] : asked.variables) {
    if (range === null) break;
    const files = selectFiles(picture.snapshot.files, { cities, ...range });
    const bucketMs = bucketMsOf(range, points);
    const sql = SERIES_SQL.replaceAll('{variable}', variable);
    const buckets =
      files.length === 0
        ? []
        : await server.reader.query<Bucket>(files, sql, {
            ...range,
            cities: cities.join(','),
            points,
            bucket_ms: bucketMs,
          });
    const byCity = Map.groupBy(buckets, (bucket) => bucket.city_id);
    for (const city of cities) {
      const own = byCity.get(city) ?? [];
      series.push(drawSeries(server, current, city, variable, own, bucketMs));
      const span = spanOf(own);
      if (span !== null) spans.push(span);
    }
  }
  const times = spans.flatMap(({ from, to }) => [from, to]).sort(byTime);
  const facts: Facts = {
    sources: sourcesOf(picture, asked.cities),
    observedFrom: times[0] ?? null,
    observedTo: times.at(-1) ?? null,
    newest,
    computedAt: server.clock().toISOString(),
    coveragePct: coverageOf(spans),
    rowCount: series.length,
    note: explain(),
  };
  return { series, facts };

  function explain(): string | null {
    const left = all.length - cities.length;
    if (left > 0) return `these are the first ${CITIES_MAX} cities, ${left} more are there: choose`;
    return spans.length === 0 ? 'nothing was observed in this time' : null;
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
  const known = current.picture.newest.get(cityId);
  const line = drawLine(buckets, bucketMs);
  return {
    city_id: cityId,
    city: city?.name ?? buckets[0]?.city ?? known?.city ?? cityId,
    time_zone: city?.time_zone ?? null,
    variable,
    unit: VARIABLES[variable].unit,
    interval_s: buckets.at(-1)?.interval_s ?? known?.interval_s ?? null,
    sampled: buckets[0]?.sampled ?? false,
    observed_at: line.map(([time]) => time),
    values: line.map(([, value]) => value),
  };
}

type Point = readonly [time: string, value: number | null];

/**
 * Lowest and highest of each bucket, first and last of the line, and on both sides of a gap the
 * last and the first observation with a null between them. Gaps shorter than a sampled line's
 * bucket are not seen at that width.
 */
export function drawLine(
  buckets: readonly Omit<Bucket, 'city_id' | 'city' | 'covered_s' | 'observation_count'>[],
  bucketMs: number,
): Point[] {
  const line: Point[] = [];
  let previous: (typeof buckets)[number] | null = null;
  for (const bucket of buckets) {
    const shortestMs = bucket.sampled ? bucketMs : 0;
    const gapAt = previous === null ? null : gapBetween(previous, bucket, shortestMs);
    if (previous !== null && gapAt !== null) {
      push([previous.last_at, previous.last_value]);
      line.push([gapAt, null]);
    }
    if (previous === null || gapAt !== null) push([bucket.first_at, bucket.first_value]);
    const extremes: Point[] = [
      [bucket.lowest_at, bucket.lowest_value],
      [bucket.highest_at, bucket.highest_value],
    ];
    for (const point of extremes.sort((a, b) => byTime(a[0], b[0]))) push(point);
    previous = bucket;
  }
  if (previous !== null) push([previous.last_at, previous.last_value]);
  return line;

  function push(point: Point): void {
    if (line.at(-1)?.[0] !== point[0]) line.push(point);
  }
}

/** When the first missing observation was due, or null when none is missing. */
function gapBetween(
  before: { readonly last_at: string; readonly interval_s: number | null },
  after: { readonly first_at: string; readonly interval_s: number | null },
  shortestMs: number,
): string | null {
  const intervalMs = Math.max(before.interval_s ?? 0, after.interval_s ?? 0) * 1_000;
  if (intervalMs === 0) return null;
  const lastMs = Date.parse(before.last_at);
  const distanceMs = Date.parse(after.first_at) - lastMs;
  if (distanceMs <= Math.max(GAP_INTERVALS * intervalMs, shortestMs)) return null;
  return new Date(lastMs + intervalMs).toISOString().replace('.000Z', 'Z');
}

interface Span {
  readonly from: string;
  readonly to: string;
  readonly coveredS: number;
  readonly expectedS: number;
}

/** Each observation stands for its interval. */
function spanOf(buckets: readonly Bucket[]): Span | null {
  const first = buckets[0];
  const last = buckets.at(-1);
  if (first === undefined || last === undefined) return null;
  const coveredS = buckets.reduce((sum, { covered_s }) => sum + Number(covered_s ?? 0), 0);
  const spanS = (Date.parse(last.last_at) - Date.parse(first.first_at)) / 1_000;
  const expectedS = spanS + (last.interval_s ?? 0);
  return { from: first.first_at, to: last.last_at, coveredS, expectedS };
}

function coverageOf(spans: readonly Span[]): number | null {
  const expectedS = spans.reduce((sum, span) => sum + span.expectedS, 0);
  const coveredS = spans.reduce((sum, span) => sum + Math.min(span.coveredS, span.expectedS), 0);
  return expectedS === 0 ? null : (100 * coveredS) / expectedS;
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}
