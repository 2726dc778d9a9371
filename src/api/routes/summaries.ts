/** `/api/daily-summaries`, `/api/monthly-summaries`, `/api/climate-normals`, `/api/records`. */
import type { FastifyInstance } from 'fastify';
import {
  CLIMATE_KEYS,
  CLIMATE_SCHEMAS,
  type ClimateDataset,
  type ClimateSelection,
} from '../../model/climate-datasets.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat } from '../formats.ts';
import { cutPage } from '../paging.ts';
import { type CursorValue, parameterError, parseCursor } from '../parameters.ts';
import { nameTimeout } from '../reader.ts';
import { answer, fromPublication, type Server } from '../server.ts';
import { SUMMARY_CURSORS, SUMMARY_QUERY_SCHEMAS, type SummaryQuery } from '../summary-schemas.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';
import { factsOfPublished } from './datasets.ts';

const DATASETS = {
  'daily-summaries': 'daily_summaries',
  'monthly-summaries': 'monthly_summaries',
  'climate-normals': 'climate_normals',
  records: 'records',
} as const satisfies Record<keyof typeof SUMMARY_QUERY_SCHEMAS, ClimateDataset>;
type SummaryRoute = keyof typeof DATASETS;
type AnyRow = Readonly<Record<string, CursorValue>>;

const TIMEOUT_MS = 60_000;

export function addSummaryRoutes(app: FastifyInstance, server: Server): void {
  for (const route of Object.keys(DATASETS) as SummaryRoute[]) {
    const schema = { querystring: SUMMARY_QUERY_SCHEMAS[route] };
    app.get<{ Querystring: SummaryQuery }>(`/api/${route}`, { schema }, (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const selection = {
        cities: citiesOf(view, query.city),
        ...datesOf(query),
        after: parseCursor(query.cursor, SUMMARY_CURSORS[route]),
        limit: query.limit,
      };
      return answer(view, request, reply, (current) => ({
        route,
        format: chooseFormat(query),
        ...fromPublication(current, selection),
        compute: (signal) => compute(route, query, selection, current, signal),
      }));
    });
  }
}

/** Dates that the calendar has; where both are given, the first before the second. */
export function datesOf(query: Pick<SummaryQuery, 'from' | 'to'>) {
  const [from, to] = [query.from ?? null, query.to ?? null];
  for (const [name, date] of Object.entries({ from, to })) {
    if (date === null) continue;
    const time = Date.parse(date);
    if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(date)) continue;
    throw parameterError(name, `no such day: ${JSON.stringify(date)}`);
  }
  if (from !== null && to !== null && from >= to) {
    throw parameterError('to', `expected a day after \`from\` (${from}); got ${to}`);
  }
  return { from, to };
}

async function compute(
  route: SummaryRoute,
  query: SummaryQuery,
  selection: ClimateSelection,
  current: Current,
  signal: AbortSignal,
): Promise<Computed> {
  const dataset = DATASETS[route];
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = AbortSignal.any([signal, timeout]);
  const wanted = { ...selection, limit: query.limit + 1 };
  const reading = current.publication?.climate(dataset, wanted, either).catch((error: unknown) => {
    throw signal.aborted ? error : nameTimeout(error, TIMEOUT_MS);
  });
  const found = (await reading) ?? [];
  const columns = columnsOf(CLIMATE_SCHEMAS[dataset]);
  const { rows, nextCursor } = cutPage(found as readonly AnyRow[], query.limit, (row) =>
    CLIMATE_KEYS[dataset].map((name) => row[name] ?? ''),
  );
  const data = rows.map((row) => pickColumns(row, columns));
  const none = data.length > 0 ? null : 'no day was summed up';
  const facts = await factsOfPublished(selection.cities, current, none);
  return {
    facts: { ...facts, rowCount: data.length, more: { next_cursor: nextCursor } },
    body: bodyOf(chooseFormat(query), columns, data),
  };
}
