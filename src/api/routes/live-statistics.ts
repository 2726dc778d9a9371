/** `/api/live-statistics`, `/api/live-trends`: those of cities, with what has not been published yet. */
import type { FastifyInstance } from 'fastify';
import { compareTimes } from '../../model/iso-time.ts';
import {
  type LiveStatistics,
  LiveStatisticsSchema,
  type LiveTrend,
  LiveTrendSchema,
} from '../../model/live-statistics.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { type Column, columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat } from '../formats.ts';
import type { LiveAnswer } from '../live-statistics.ts';
import { pageRows, type RowOrder } from '../paging.ts';
import { parseCursor } from '../parameters.ts';
import { CURSORS, LIVE_QUERY_SCHEMAS, type LiveQuery } from '../query-schemas.ts';
import { answer, publishedVersionOf, type Server } from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';
import { factsOfPublished, STATISTICS_ORDER, TRENDS_ORDER, trendsPart } from './datasets.ts';

interface Asked {
  readonly query: LiveQuery;
  readonly cities: readonly string[];
  readonly current: Current;
}

export function addLiveStatisticsRoutes(app: FastifyInstance, server: Server): void {
  add('live-statistics', async (asked) => {
    const live = await server.liveStatistics.statistics(asked.current, asked.cities);
    return compute(live, asked, STATISTICS_ORDER, columnsOf(LiveStatisticsSchema));
  });
  add('live-trends', async (asked) => {
    const live = await server.liveStatistics.trends(asked.current, trendsPart(asked));
    return compute(live, asked, TRENDS_ORDER, columnsOf(LiveTrendSchema));
  });

  function add(
    route: keyof typeof LIVE_QUERY_SCHEMAS,
    computeRows: (asked: Asked) => Promise<Computed>,
  ): void {
    const schema = { schema: { querystring: LIVE_QUERY_SCHEMAS[route] } };
    app.get<{ Querystring: LiveQuery }>(`/api/${route}`, schema, async (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const cities = citiesOf(view, query.city);
      parseCursor(query.cursor, CURSORS[route]);
      const format = chooseFormat(query);
      const { position } = server.liveStatistics;
      return answer(view, request, reply, (current) => ({
        route,
        format,
        key: JSON.stringify([
          ...[current.publication?.version ?? null, position],
          ...[cities, query.limit, query.cursor ?? null],
        ]),
        basis: 'process',
        tableVersion: publishedVersionOf(current),
        analyticsVersion: current.publication?.version ?? null,
        compute: () => computeRows({ query, cities, current }),
      }));
    });
  }
}

async function compute<R extends LiveStatistics | LiveTrend>(
  live: LiveAnswer<R>,
  { query, cities, current }: Asked,
  order: RowOrder<R>,
  columns: readonly Column[],
): Promise<Computed> {
  const page = pageRows(live.rows, order, query);
  const isEmpty = page.rows.length === 0 && live.note === null;
  const facts = await factsOfPublished(cities, current, isEmpty ? 'nothing was observed' : null);
  const isAhead =
    live.newest !== null && (facts.newest === null || compareTimes(live.newest, facts.newest) > 0);
  const newest = isAhead ? live.newest : facts.newest;
  return {
    facts: {
      ...facts,
      ...{ newest, observedTo: newest, rowCount: page.rows.length },
      note: [facts.note, live.note].filter((part) => part !== null).join('; ') || null,
      more: {
        next_cursor: page.nextCursor,
        unpublished: { merged: live.merged, waiting: live.waiting },
      },
    },
    body: bodyOf(
      chooseFormat(query),
      columns,
      page.rows.map((row) => pickColumns(row, columns)),
    ),
  };
}
