/** `/api/series`, and the two figures for Plotly, `/api/temperature-chart` and `/api/humidity-chart`. */
import type { FastifyInstance } from 'fastify';
import { VARIABLES, type VariableName } from '../../model/variables.ts';
import { type Ask, type Body, bodyOf, type Question } from '../answers.ts';
import type { Column } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { parseRange } from '../parameters.ts';
import {
  type ChartQuery,
  ChartQuerySchema,
  type SeriesQuery,
  SeriesQuerySchema,
} from '../query-schemas.ts';
import type { Layout, Series, Trace } from '../schemas.ts';
import { readSeries, type SeriesAsked } from '../series.ts';
import { answer, type Server, tableVersionOf } from '../server.ts';
import type { Current } from '../versions.ts';
import { namedCities, viewOf } from '../view.ts';

const FILE_COLUMNS: readonly Column[] = [
  { name: 'city_id', type: 'text' },
  { name: 'city', type: 'text' },
  { name: 'variable', type: 'text' },
  { name: 'unit', type: 'text' },
  { name: 'observed_at', type: 'time' },
  { name: 'value', type: 'number' },
];
const CHART_POINTS = 1_000;
/** Lines differ by more than colour; after the third the styles repeat. */
const DASHES = ['solid', '7px,3px', '2px,3px'] as const;

export function addSeriesRoutes(app: FastifyInstance, server: Server): void {
  const series = { schema: { querystring: SeriesQuerySchema } };
  app.get<{ Querystring: SeriesQuery }>('/api/series', series, async (request, reply) => {
    const { query } = request;
    const view = viewOf(server, request);
    const asked: SeriesAsked = {
      cities: namedCities(view, query.city),
      variables: [...new Set(query.variable)].sort(),
      range: parseRange(query),
      points: query.points,
    };
    const format = chooseFormat(query);
    const formatBody = (found: readonly Series[]): Body =>
      bodyOf(format, FILE_COLUMNS, found, (all) => all.flatMap(formatRows));
    const put: Ask = (current) => ask(view, current, 'series', format, asked, formatBody);
    return answer(view, request, reply, put);
  });
  addChart('temperature-chart', 'temperature_c');
  addChart('humidity-chart', 'humidity_pct');

  function addChart(route: string, variable: VariableName): void {
    const chart = { schema: { querystring: ChartQuerySchema } };
    app.get<{ Querystring: ChartQuery }>(`/api/${route}`, chart, async (request, reply) => {
      const view = viewOf(server, request);
      const asked: SeriesAsked = {
        cities: namedCities(view, request.query.city),
        variables: [variable],
        range: parseRange(request.query),
        points: CHART_POINTS,
      };
      const format = (found: readonly Series[]): Body => ({
        format: 'json',
        data: found.map((one, index) => drawTrace(one, index)),
        layout: layOut(variable, server.context.simulated, asked),
      });
      const put: Ask = (current) => ask(view, current, route, 'json', asked, format);
      return answer(view, request, reply, put);
    });
  }
}

function ask(
  server: Server,
  current: Current,
  route: string,
  format: Format,
  asked: SeriesAsked,
  formatBody: (series: readonly Series[]) => Body,
): Question {
  return {
    route,
    format,
    key: JSON.stringify([current.conditions.snapshot.version, asked]),
    basis: 'table',
    tableVersion: tableVersionOf(current),
    analyticsVersion: current.publication?.version ?? null,
    async compute(signal) {
      const { series, facts } = await readSeries(server, current, { ...asked, signal });
      const body = formatBody(series);
      const rowCount = body.format === 'json' ? facts.rowCount : body.rows.length;
      return { facts: { ...facts, rowCount }, body };
    },
  };
}

/** One line per point, none for a gap. */
function formatRows(series: Series): Record<string, unknown>[] {
  const { city_id, city, variable, unit, observed_at, values } = series;
  return observed_at.flatMap((time, index) => {
    const value = values[index] ?? null;
    return value === null ? [] : [{ city_id, city, variable, unit, observed_at: time, value }];
  });
}

function drawTrace(series: Series, index: number): Trace {
  const { unit, digits } = VARIABLES[series.variable];
  return {
    type: 'scatter',
    // A single observation between two gaps makes no line: with few points, all are marked.
    mode: series.values.length <= 100 ? 'lines+markers' : 'lines',
    name: series.city,
    x: series.observed_at,
    y: series.values,
    connectgaps: false,
    hovertemplate: `%{y:.${digits}f} ${unit}<br>%{x|%Y-%m-%d %H:%M} UTC`,
    line: { dash: DASHES[index % DASHES.length] ?? 'solid', width: 2 },
    meta: { city_id: series.city_id },
  };
}

function layOut(variable: VariableName, simulated: boolean, { range }: SeriesAsked): Layout {
  const { label, unit } = VARIABLES[variable];
  const { from, to } = range;
  return {
    title: { text: simulated ? `${label} (simulated data)` : label },
    xaxis: {
      type: 'date',
      title: { text: 'Time (UTC)' },
      ...(from !== null && to !== null ? { range: [from, to] } : {}),
    },
    yaxis: {
      title: { text: `${label} (${unit})` },
      ...(variable === 'humidity_pct' ? { rangemode: 'tozero' } : {}),
    },
    hovermode: 'x unified',
    showlegend: true,
  };
}
