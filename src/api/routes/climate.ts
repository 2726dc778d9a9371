/** `/api/climatology`, `/api/hourly-means`, `/api/wind-rose`: what a place is like. */
import type { FastifyInstance } from 'fastify';
import { VARIABLES, type VariableName } from '../../model/variables.ts';
import { CALM_MAX_MS, IS_CALM, valueSql } from '../../model/wind.ts';
import type { DataFile } from '../../table/table.ts';
import { bodyOf, type Facts, type Question } from '../answers.ts';
import { type Column, columnsOf } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { parseRange, type TimeRange } from '../parameters.ts';
import {
  type ClimatologyQuery,
  ClimatologyQuerySchema,
  type HourlyMeansQuery,
  HourlyMeansQuerySchema,
  type WindRoseQuery,
  WindRoseQuerySchema,
} from '../query-schemas.ts';
import { fillQuery, loadQuery, selectFiles } from '../reader.ts';
import {
  type Climatology,
  ClimatologySchema,
  type HourlyMean,
  HourlyMeanSchema,
  type WindSector,
  WindSectorSchema,
} from '../schemas.ts';
import { fillRange } from '../series.ts';
import { answer, chosenCities, factsOf, newestOf, type Server, tableVersionOf } from '../server.ts';
import type { Current } from '../versions.ts';
import { namedCities, type View, viewOf } from '../view.ts';

const CLIMATOLOGY_SQL = loadQuery('climatology');
const HOURLY_MEANS_SQL = loadQuery('hourly-means');
const WIND_ROSE_SQL = fillQuery(loadQuery('wind-rose'), { is_calm: IS_CALM });
const MEAN = 'least(greatest(avg(value), min(value)), max(value))';
const SUMS = ['sum(sin(radians(value)))', 'sum(cos(radians(value)))'] as const;
const DIRECTION = `degrees(atan2(${SUMS.join(', ')}))`;
/** The mean of unit vectors as in hourly_trends.sql: NULL where they cancel out. */
const VECTOR_MEAN = `CASE
    WHEN sqrt(${SUMS.map((sum) => `${sum} * ${sum}`).join(' + ')}) <= 1e-9 * count(*) THEN NULL
    WHEN ${DIRECTION} < -1e-9 THEN 360 + ${DIRECTION}
    ELSE greatest(0, ${DIRECTION})
  END`;
const MEAN_SQL = { mean: MEAN, sum: MEAN, vector_mean: VECTOR_MEAN } as const;
const CITIES_MAX = 10;
/** Least number of values of an hour of a month from which the usual range is computed. */
export const LEAST_VALUES = 20;
/** The first is calm; the last has no end. */
const SPEED_CLASSES = [
  [CALM_MAX_MS, CALM_MAX_MS],
  [CALM_MAX_MS, 2],
  [2, 4],
  [4, 6],
  [6, 8],
  [8, null],
] as const;
const SECTOR_DEG = 22.5;

interface Asked {
  readonly route: 'climatology' | 'hourly-means' | 'wind-rose';
  readonly format: Format;
  readonly columns: readonly Column[];
  readonly cities: readonly string[];
  /** What the answer depends on beside the table and the cities. */
  readonly key: readonly unknown[];
  readonly range: { readonly from: string; readonly to: string } | null;
  readonly compute: (
    range: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ) => Promise<Row[]>;
}

type Row = Readonly<Record<string, unknown>>;

export function addClimateRoutes(app: FastifyInstance, server: Server): void {
  const climatology = { schema: { querystring: ClimatologyQuerySchema } };
  app.get<{ Querystring: ClimatologyQuery }>('/api/climatology', climatology, (request, reply) => {
    const view = viewOf(server, request);
    return answer(view, request, reply, (current) => {
      const { variable, city } = request.query;
      const cities = choose(view, current, city);
      const { range, files, key } = settledPart(current);
      return question(view, current, {
        route: 'climatology',
        format: chooseFormat(request.query),
        columns: columnsOf(ClimatologySchema),
        cities,
        key: [key, variable],
        range,
        async compute({ to }, signal) {
          const selected = select(files, cities, null, to);
          return readClimatology(server, selected, { to, variable, cities, signal });
        },
      });
    });
  });

  const means = { schema: { querystring: HourlyMeansQuerySchema } };
  app.get<{ Querystring: HourlyMeansQuery }>('/api/hourly-means', means, (request, reply) => {
    const { variable, city, period } = request.query;
    const format = chooseFormat(request.query);
    const limits = parseRange(request.query);
    const view = viewOf(server, request);
    return answer(view, request, reply, (current) =>
      ranged(
        view,
        current,
        { route: 'hourly-means', format, city, limits },
        {
          columns: columnsOf(HourlyMeanSchema),
          key: [variable, period],
          async read(files, parameters, signal) {
            const sql = fillQuery(HOURLY_MEANS_SQL, {
              value: valueSql(variable),
              mean: MEAN_SQL[VARIABLES[variable].aggregate],
            });
            const rows = await server.reader.query<Omit<HourlyMean, 'variable' | 'unit'>>(
              files,
              sql,
              { ...parameters, period },
              signal,
            );
            const { unit } = VARIABLES[variable];
            return rows.map((row): HourlyMean => ({ ...row, variable, unit }));
          },
        },
      ),
    );
  });

  const rose = { schema: { querystring: WindRoseQuerySchema } };
  app.get<{ Querystring: WindRoseQuery }>('/api/wind-rose', rose, (request, reply) => {
    const { city } = request.query;
    const format = chooseFormat(request.query);
    const limits = parseRange(request.query);
    const view = viewOf(server, request);
    return answer(view, request, reply, (current) =>
      ranged(
        view,
        current,
        { route: 'wind-rose', format, city, limits },
        {
          columns: columnsOf(WindSectorSchema),
          key: [],
          async read(files, parameters, signal) {
            const { reader } = server;
            return shareSectors(
              await reader.query<SectorRow>(files, WIND_ROSE_SQL, parameters, signal),
            );
          },
        },
      ),
    );
  });
}

function choose(
  view: View,
  { conditions }: Current,
  ids: readonly string[] | undefined,
): readonly string[] {
  return chosenCities(conditions, namedCities(view, ids), CITIES_MAX);
}

/**
 * All but the newest day: what is usual does not change with each landing, and is computed once a
 * day, or when older months change.
 */
function settledPart({ conditions }: Current) {
  const newest = conditions.observedTo;
  const { files } = conditions.snapshot;
  if (newest === null) return { range: null, files, key: null };
  const day = newest.slice(0, 10);
  const to = `${day}T00:00:00Z`;
  const older = files.filter(({ month }) => month !== null && month < day.slice(0, 7));
  const key = [day, older.map(({ storagePath }) => storagePath).sort()];
  return { range: { from: '0001-01-01T00:00:00Z', to }, files, key };
}

interface ClimatologyAsked {
  readonly to: string;
  readonly variable: VariableName;
  readonly cities: readonly string[];
  readonly signal: AbortSignal;
}

async function readClimatology(
  server: Server,
  files: readonly DataFile[],
  { to, variable, cities, signal }: ClimatologyAsked,
): Promise<Row[]> {
  if (files.length === 0) return [];
  const sql = fillQuery(CLIMATOLOGY_SQL, { value: valueSql(variable) });
  const rows = await server.reader.query<Omit<Climatology, 'variable' | 'unit'>>(
    files,
    sql,
    { cities: cities.join(','), to, least: LEAST_VALUES },
    signal,
  );
  const { unit } = VARIABLES[variable];
  return rows.map((row): Climatology => ({ ...row, variable, unit }));
}

interface Ranged {
  readonly route: Asked['route'];
  readonly format: Asked['format'];
  readonly city: readonly string[] | undefined;
  readonly limits: TimeRange;
}

interface Reading {
  readonly columns: readonly Column[];
  readonly key: readonly unknown[];
  readonly read: (
    files: readonly DataFile[],
    parameters: Readonly<Record<'cities' | 'from' | 'to', string>>,
    signal: AbortSignal,
  ) => Promise<Row[]>;
}

/** A question about the observations of a time, read once for each version of the table. */
function ranged(
  view: View,
  current: Current,
  { route, format, city, limits }: Ranged,
  { columns, key, read }: Reading,
): Question {
  const cities = choose(view, current, city);
  const range = fillRange(limits, newestOf(current.conditions, cities));
  const { files, version } = current.conditions.snapshot;
  return question(view, current, {
    route,
    format,
    columns,
    cities,
    key: [version, range, ...key],
    range,
    async compute({ from, to }, signal) {
      const selected = select(files, cities, from, to);
      if (selected.length === 0) return [];
      return read(selected, { cities: cities.join(','), from, to }, signal);
    },
  });
}

function select(
  files: readonly DataFile[],
  cities: readonly string[],
  from: string | null,
  to: string | null,
): readonly DataFile[] {
  return selectFiles(files, { cities, from, to });
}

function question(server: Server, current: Current, asked: Asked): Question {
  const { route, format, columns, cities, key, range, compute } = asked;
  return {
    route,
    format,
    key: JSON.stringify([key, cities]),
    basis: 'table',
    tableVersion: tableVersionOf(current),
    analyticsVersion: current.publication?.version ?? null,
    async compute(signal) {
      const rows = range === null ? [] : await compute(range, signal);
      const facts: Facts = {
        ...factsOf(server, current, cities),
        ...(range === null ? { observedFrom: null, observedTo: null } : {}),
        rowCount: rows.length,
        note: rows.length === 0 ? NOTES[route] : null,
      };
      return { facts, body: bodyOf(format, columns, rows) };
    },
  };
}

const NOTES: Readonly<Record<Asked['route'], string>> = {
  climatology: `no month and hour has ${LEAST_VALUES} values yet`,
  'hourly-means': 'nothing was observed in this time',
  'wind-rose': 'no wind was observed in this time',
};

interface SectorRow {
  readonly city_id: string;
  readonly sector: number | null;
  readonly speed_class: number;
  readonly observation_count: number;
}

function shareSectors(rows: readonly SectorRow[]): Row[] {
  const totals = new Map<string, number>();
  for (const { city_id, observation_count } of rows) {
    totals.set(city_id, (totals.get(city_id) ?? 0) + observation_count);
  }
  return rows.map(({ city_id, sector, speed_class, observation_count }): WindSector => {
    const [speed_from_ms = CALM_MAX_MS, speed_to_ms = null] = SPEED_CLASSES[speed_class] ?? [];
    return {
      city_id,
      direction_deg: sector === null ? null : sector * SECTOR_DEG,
      speed_from_ms,
      speed_to_ms,
      observation_count,
      share_pct: (100 * observation_count) / (totals.get(city_id) ?? 1),
    };
  });
}
