/** `/api/recent-hours`: what each city's last hours come to so far, from the table and the stream. */
import type { FastifyInstance } from 'fastify';
import {
  HOUR_S,
  type HourSums,
  hourKey,
  type RecentHour,
  RecentHourSchema,
} from '../../model/hours.ts';
import { byColumns } from '../../model/order.ts';
import { formatTime } from '../../model/time-zone.ts';
import { bodyOf, type Question } from '../answers.ts';
import { columnsOf } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { type RecentHoursQuery, RecentHoursQuerySchema } from '../query-schemas.ts';
import { selectFiles } from '../reader.ts';
import { answer, chosenCities, factsOf, type Server, tableVersionOf } from '../server.ts';
import type { Current } from '../versions.ts';
import { namedCities, viewOf } from '../view.ts';

const CITIES_MAX = 50;
const MEANS = ['temperature_c', 'humidity_pct', 'wind_speed_ms'] as const;

const SUMS_SQL = `
  SELECT city_id, CAST(floor(epoch(observed_at) / ${HOUR_S}) * ${HOUR_S} AS BIGINT) AS hour,
    count(*) AS observation_count,
    ${MEANS.map((name) => `count(${name}) AS ${name}_count, coalesce(sum(${name}), 0) AS ${name}_sum`).join(', ')},
    min(temperature_c) AS temperature_c_min, max(temperature_c) AS temperature_c_max,
    0 AS log_partition, 0 AS log_offset
  FROM observations
  WHERE observed_at >= CAST($since AS TIMESTAMPTZ)
    AND city_id IN (SELECT unnest(string_split($cities, ',')))
  GROUP BY ALL`;

export function addRecentHourRoutes(app: FastifyInstance, server: Server): void {
  const schema = { schema: { querystring: RecentHoursQuerySchema } };
  app.get<{ Querystring: RecentHoursQuery }>(
    '/api/recent-hours',
    schema,
    async (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const now = Math.floor(server.clock().getTime() / 1_000);
      const asked = {
        format: chooseFormat(query),
        cities: namedCities(view, query.city),
        since: (Math.floor(now / HOUR_S) - query.hours + 1) * HOUR_S,
      };
      const streamed = await streamedSums(server);
      return answer(view, request, reply, (current) => question(view, current, asked, streamed));
    },
  );
}

interface Asked {
  readonly format: Format;
  readonly cities: readonly string[];
  /** Seconds since 1970. */
  readonly since: number;
}

interface Streamed {
  readonly sums: ReadonlyMap<string, HourSums>;
  /** Changes with the sums. */
  readonly version: number;
  readonly note: string | null;
}

async function streamedSums({ context }: Server): Promise<Streamed> {
  const { recentHours } = context;
  if (recentHours === null) return { sums: new Map(), version: 0, note: null };
  try {
    await recentHours.refresh();
    return { sums: recentHours.sums, version: recentHours.version, note: null };
  } catch {
    // The status names the error of the brokers.
    return {
      sums: new Map(),
      version: -1,
      note: 'the stream cannot be read: from the table alone',
    };
  }
}

function question(
  server: Server,
  current: Current,
  { format, cities: wanted, since }: Asked,
  streamed: Streamed,
): Question {
  const { conditions } = current;
  const cities = chosenCities(conditions, wanted, CITIES_MAX);
  return {
    route: 'recent-hours',
    format,
    key: JSON.stringify([conditions.snapshot.version, cities, since, streamed.version]),
    basis: 'process',
    tableVersion: tableVersionOf(current),
    analyticsVersion: current.publication?.version ?? null,
    async compute(signal) {
      const table = await readSums(server, current, cities, since, signal);
      const rows = join(server, current, table, streamed, { cities, since });
      const isPart = wanted.length === 0 && conditions.newest.size > CITIES_MAX;
      const facts = {
        ...factsOf(server, current, cities),
        rowCount: rows.length,
        note: streamed.note ?? (isPart ? `the first ${CITIES_MAX} cities by id` : null),
        more: {},
      };
      return { facts, body: bodyOf(format, columnsOf(RecentHourSchema), rows) };
    },
  };
}

async function readSums(
  { reader }: Server,
  { conditions }: Current,
  cities: readonly string[],
  since: number,
  signal: AbortSignal,
): Promise<readonly HourSums[]> {
  const from = formatTime(new Date(since * 1_000));
  const files = selectFiles(conditions.snapshot.files, { cities, from, to: null });
  if (files.length === 0 || cities.length === 0) return [];
  return reader.query(files, SUMS_SQL, { since: from, cities: cities.join(',') }, signal);
}

/** The table's hours, and those of the stream of which a record has not landed yet. */
function join(
  { context }: Server,
  { conditions }: Current,
  table: readonly HourSums[],
  streamed: Streamed,
  { cities, since }: Pick<Asked, 'cities' | 'since'>,
): readonly RecentHour[] {
  const rows = new Map(table.map((sums) => [hourKey(sums), rowOf(sums, 'table')]));
  const wanted = new Set(cities);
  for (const [key, sums] of streamed.sums) {
    const { city_id, hour, log_partition, log_offset, observation_count } = sums;
    if (hour < since || !wanted.has(city_id)) continue;
    const landed = context.lastLanded(conditions.snapshot, log_partition) ?? -1;
    // The table has imports as well, which the stream leaves out.
    const isAhead = observation_count > (rows.get(key)?.observation_count ?? 0);
    if (log_offset > landed && isAhead) rows.set(key, rowOf(sums, 'stream'));
  }
  return [...rows.values()].sort(byColumns(['city_id', 'began_at']));
}

function rowOf(sums: HourSums, from: RecentHour['from']): RecentHour {
  const mean = (name: (typeof MEANS)[number]) =>
    sums[`${name}_count`] === 0 ? null : sums[`${name}_sum`] / sums[`${name}_count`];
  return {
    city_id: sums.city_id,
    began_at: formatTime(new Date(sums.hour * 1_000)),
    observation_count: sums.observation_count,
    temperature_c_mean: mean('temperature_c'),
    temperature_c_min: sums.temperature_c_min,
    temperature_c_max: sums.temperature_c_max,
    humidity_pct_mean: mean('humidity_pct'),
    wind_speed_ms_mean: mean('wind_speed_ms'),
    from,
  };
}
