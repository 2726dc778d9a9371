/** `/api/station-drift`: how far stations are from their neighbours, day by day, newest first. */
import type { FastifyInstance } from 'fastify';
import {
  type StationDrift,
  StationDriftSchema,
  type StationDriftSelection,
} from '../../model/quality.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { cutPage } from '../paging.ts';
import { type CursorValue, parseCursor, parseRange } from '../parameters.ts';
import { CURSORS, type StationDriftQuery, StationDriftQuerySchema } from '../query-schemas.ts';
import { answer, factsOf, fromPublication, type Server } from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';

const COLUMNS = columnsOf(StationDriftSchema);

export function addStationDriftRoute(app: FastifyInstance, server: Server): void {
  const schema = { querystring: StationDriftQuerySchema };
  app.get<{ Querystring: StationDriftQuery }>(
    '/api/station-drift',
    { schema },
    async (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const asked: StationDriftSelection = {
        ...parseRange(query),
        cities: citiesOf(view, query.city),
        variables: [...new Set(query.variable)].sort(),
        after: readCursor(query.cursor),
        limit: query.limit,
      };
      const format = chooseFormat(query);
      return answer(view, request, reply, (current) => ({
        route: 'station-drift',
        format,
        ...fromPublication(current, asked),
        compute: () => compute(server, current, asked, format),
      }));
    },
  );
}

function readCursor(cursor: string | undefined): StationDriftSelection['after'] {
  const key = parseCursor(cursor, CURSORS['station-drift']);
  if (key === null) return null;
  const [began_at = '', city_id = '', variable = ''] = key.map(String);
  return { began_at, city_id, variable } as StationDriftSelection['after'];
}

async function compute(
  server: Server,
  current: Current,
  asked: StationDriftSelection,
  format: Format,
): Promise<Computed> {
  const { publication } = current;
  const found = (await publication?.drift({ ...asked, limit: asked.limit + 1 })) ?? [];
  const { rows, nextCursor } = cutPage(found, asked.limit, keyOf);
  const isChecked = (publication?.quality ?? null) !== null;
  const facts = {
    ...factsOf(server, current, asked.cities),
    computedAt: publication?.computedAt ?? null,
    rowCount: rows.length,
    note: explain(rows.length, isChecked),
    more: { next_cursor: nextCursor },
  };
  const data = rows.map((row) => pickColumns(row, COLUMNS));
  return { facts, body: bodyOf(format, COLUMNS, data) };
}

function keyOf({ began_at, city_id, variable }: StationDrift): CursorValue[] {
  return [began_at, city_id, variable];
}

function explain(count: number, isChecked: boolean): string | null {
  if (!isChecked) return 'no value has been checked yet';
  return count === 0 ? 'no station has enough neighbours within 300 km that reported' : null;
}
