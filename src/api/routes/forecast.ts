/** `/api/forecast`: the newest forecast of each city, and how good such forecasts were. */
import type { FastifyInstance } from 'fastify';
import type { LatestForecasts } from '../../forecast/latest.ts';
import {
  type CityForecast,
  FORECAST_VARIABLES,
  type ForecastVariable,
  forecastKey,
} from '../../model/forecast.ts';
import type { ForecastStatus } from '../../model/status.ts';
import { formatTime } from '../../model/time-zone.ts';
import { VARIABLES } from '../../model/variables.ts';
import { bodyOf, type Question } from '../answers.ts';
import type { Column } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { type ForecastQuery, ForecastQuerySchema } from '../query-schemas.ts';
import type { Forecast } from '../schemas.ts';
import {
  answer,
  chosenCities,
  factsOf,
  indexCities,
  type Server,
  tableVersionOf,
} from '../server.ts';
import type { Current } from '../versions.ts';
import { namedCities, type View, viewOf } from '../view.ts';

const CITIES_MAX = 50;
const HOUR_MS = 3_600_000;
const FILE_COLUMNS: readonly Column[] = [
  { name: 'city_id', type: 'text' },
  { name: 'city', type: 'text' },
  { name: 'variable', type: 'text' },
  { name: 'unit', type: 'text' },
  { name: 'issued_at', type: 'time' },
  { name: 'valid_at', type: 'time' },
  { name: 'horizon_h', type: 'integer' },
  { name: 'low', type: 'number' },
  { name: 'median', type: 'number' },
  { name: 'high', type: 'number' },
  { name: 'model', type: 'text' },
];

export function addForecastRoute(app: FastifyInstance, server: Server): void {
  const schema = { schema: { querystring: ForecastQuerySchema } };
  app.get<{ Querystring: ForecastQuery }>('/api/forecast', schema, async (request, reply) => {
    const { query } = request;
    const view = viewOf(server, request);
    const asked = {
      format: chooseFormat(query),
      cities: namedCities(view, query.city),
      variables: FORECAST_VARIABLES.filter((name) => query.variable.includes(name)),
    };
    const latest = (await server.context.forecasts?.latest()) ?? null;
    const { forecast = null } = (await server.status.get().catch(() => null)) ?? {};
    return answer(view, request, reply, (current) =>
      question(view, current, asked, latest, forecast),
    );
  });
}

interface Asked {
  readonly format: Format;
  readonly cities: readonly string[];
  readonly variables: readonly ForecastVariable[];
}

function question(
  view: View,
  current: Current,
  { format, cities: wanted, variables }: Asked,
  latest: LatestForecasts | null,
  status: ForecastStatus | null,
): Question {
  const cities = chosenCities(current.conditions, wanted, CITIES_MAX);
  const ready = status?.cities_ready ?? 0;
  const learning = Math.max(0, (status?.cities ?? 0) - (status?.cities_left_out ?? 0) - ready);
  return {
    route: 'forecast',
    format,
    key: JSON.stringify([latest?.version ?? null, cities, variables, ready, learning]),
    basis: 'process',
    tableVersion: tableVersionOf(current),
    analyticsVersion: current.publication?.version ?? null,
    async compute() {
      const rows = cities.flatMap((city) =>
        variables.flatMap((variable) => {
          const found = latest?.forecasts.get(forecastKey(city, variable));
          return found === undefined ? [] : [formatForecast(view, current, found)];
        }),
      );
      const facts = {
        ...factsOf(view, current, cities),
        newest:
          rows
            .map(({ issued_at }) => issued_at)
            .sort()
            .at(-1) ?? null,
        rowCount: rows.length,
        note: noteOf(latest, rows, cities, learning),
        more: { cities_ready: ready, cities_learning: learning },
      };
      return { facts, body: bodyOf(format, FILE_COLUMNS, rows, (all) => all.flatMap(fileRows)) };
    },
  };
}

function noteOf(
  latest: LatestForecasts | null,
  rows: readonly Forecast[],
  cities: readonly string[],
  learning: number,
): string | null {
  if (latest === null) return 'forecasts are switched off (forecast.enabled)';
  const found = new Set(rows.map(({ city_id }) => city_id));
  const missing = cities.filter((city) => !found.has(city)).length;
  const notes = [
    ...new Set(rows.flatMap(({ note }) => (note === null ? [] : [note]))),
    ...(missing === 0 ? [] : [`${missing} of ${cities.length} cities have no forecast yet`]),
    ...(missing === 0 || learning === 0 ? [] : [`${learning} cities are still to be learned`]),
  ];
  return notes.length === 0 ? null : notes.slice(0, 3).join('; ');
}

function formatForecast(view: View, { conditions }: Current, forecast: CityForecast): Forecast {
  const { city_id, variable, issued_at, learned_days, needed_days, median } = forecast;
  const city = indexCities(view.context.cities()).get(city_id);
  const issuedAt = Date.parse(issued_at);
  const isLearning = learned_days < needed_days;
  return {
    ...structuredClone(forecast as Forecast),
    city: city?.name ?? conditions.newest.get(city_id)?.city ?? city_id,
    time_zone: city?.time_zone ?? null,
    unit: VARIABLES[variable].unit,
    valid_at: median.map((_, at) => formatTime(new Date(issuedAt + (at + 1) * HOUR_MS))),
    note: isLearning ? `learning: ${learned_days} of ${needed_days} days` : null,
  };
}

function fileRows(forecast: Forecast): Readonly<Record<string, unknown>>[] {
  const { city_id, city, variable, unit, issued_at, valid_at, low, median, high, model } = forecast;
  return valid_at.map((time, at) => ({
    ...{ city_id, city, variable, unit, issued_at, valid_at: time, horizon_h: at + 1 },
    low: low[at] ?? null,
    median: median[at] ?? null,
    high: high[at] ?? null,
    model: model[at] ?? null,
  }));
}
