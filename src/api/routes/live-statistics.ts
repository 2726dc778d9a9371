/** `/api/live-statistics`: the statistics of cities, with what has not been published yet. */
import type { FastifyInstance } from 'fastify';
import { type LiveStatistics, LiveStatisticsSchema } from '../../model/live-statistics.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat } from '../formats.ts';
import type { LiveAnswer } from '../live-statistics.ts';
import { pageRows, type RowOrder } from '../paging.ts';
import { parseCursor } from '../parameters.ts';
import { CURSORS, type LiveStatisticsQuery, LiveStatisticsQuerySchema } from '../query-schemas.ts';
import { answer, publishedVersionOf, type Server } from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';
import { factsOfPublished } from './datasets.ts';

const ORDER: RowOrder<LiveStatistics> = {
  key: (row) => [row.city_id],
  kinds: CURSORS['live-statistics'],
  directions: [1],
};

export function addLiveStatisticsRoutes(app: FastifyInstance, server: Server): void {
  const schema = { schema: { querystring: LiveStatisticsQuerySchema } };
  app.get<{ Querystring: LiveStatisticsQuery }>(
    '/api/live-statistics',
    schema,
    async (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const cities = citiesOf(view, query.city);
      parseCursor(query.cursor, CURSORS['live-statistics']);
      const format = chooseFormat(query);
      const { position } = server.liveStatistics;
      return answer(view, request, reply, (current) => ({
        route: 'live-statistics',
        format,
        key: JSON.stringify([
          ...[current.publication?.version ?? null, position],
          ...[cities, query.limit, query.cursor ?? null],
        ]),
        basis: 'process',
        tableVersion: publishedVersionOf(current),
        analyticsVersion: current.publication?.version ?? null,
        async compute() {
          const live = await server.liveStatistics.read(current, cities);
          return compute(live, { query, cities, current });
        },
      }));
    },
  );
}

interface Asked {
  readonly query: LiveStatisticsQuery;
  readonly cities: readonly string[];
  readonly current: Current;
}

async function compute(live: LiveAnswer, { query, cities, current }: Asked): Promise<Computed> {
  const page = pageRows(live.rows, ORDER, query);
  const columns = columnsOf(LiveStatisticsSchema);
  const isEmpty = page.rows.length === 0 && live.note === null;
  const none = isEmpty ? 'nothing was observed' : null;
  const facts = await factsOfPublished(cities, current, none);
  const newest = live.rows.reduce<string | null>(
    (last, row) => (last === null || row.last_observed_at > last ? row.last_observed_at : last),
    null,
  );
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
