/** `/api/quality-flags`: values that failed quality control or are suspect, newest first. */
import type { FastifyInstance } from 'fastify';
import type { QualityFlag, QualityFlagSelection } from '../../model/quality.ts';
import { formatFlagReason } from '../../quality/reason.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { cutPage } from '../paging.ts';
import { type CursorValue, parseCursor, parseRange } from '../parameters.ts';
import { QualityFlagRowSchema } from '../quality-schemas.ts';
import { CURSORS, type QualityFlagsQuery, QualityFlagsQuerySchema } from '../query-schemas.ts';
import { answer, factsOf, fromPublication, type Server } from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';

const COLUMNS = columnsOf(QualityFlagRowSchema);

export function addQualityFlagsRoute(app: FastifyInstance, server: Server): void {
  const schema = { querystring: QualityFlagsQuerySchema };
  app.get<{ Querystring: QualityFlagsQuery }>(
    '/api/quality-flags',
    { schema },
    async (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const asked: QualityFlagSelection = {
        ...parseRange(query),
        cities: citiesOf(view, query.city),
        variables: [...new Set(query.variable)].sort(),
        tests: [...new Set(query.test)].sort(),
        verdict: query.verdict ?? null,
        after: readCursor(query.cursor),
        limit: query.limit,
      };
      const format = chooseFormat(query);
      return answer(view, request, reply, (current) => ({
        route: 'quality-flags',
        format,
        ...fromPublication(current, asked),
        compute: () => compute(server, current, asked, format),
      }));
    },
  );
}

function readCursor(cursor: string | undefined): QualityFlagSelection['after'] {
  const key = parseCursor(cursor, CURSORS['quality-flags']);
  if (key === null) return null;
  const [observed_at = '', city_id = '', variable = '', test = ''] = key.map(String);
  return { observed_at, city_id, variable, test } as QualityFlagSelection['after'];
}

async function compute(
  server: Server,
  current: Current,
  asked: QualityFlagSelection,
  format: Format,
): Promise<Computed> {
  const { publication } = current;
  const found = (await publication?.flags({ ...asked, limit: asked.limit + 1 })) ?? [];
  const { rows, nextCursor } = cutPage(found, asked.limit, keyOf);
  const checked = publication?.quality?.tableVersion ?? null;
  const facts = {
    ...factsOf(server, current, asked.cities),
    computedAt: publication?.computedAt ?? null,
    rowCount: rows.length,
    note: explain(rows.length, checked),
    more: { next_cursor: nextCursor, checked_version: checked },
  };
  const data = rows.map((row) => pickColumns({ ...row, reason: formatFlagReason(row) }, COLUMNS));
  return { facts, body: bodyOf(format, COLUMNS, data) };
}

function keyOf({ observed_at, city_id, variable, test }: QualityFlag): CursorValue[] {
  return [observed_at, city_id, variable, test];
}

function explain(count: number, checked: number | null): string | null {
  if (checked === null) return 'no value has been checked yet';
  return count === 0 ? 'no value that fits was found wrong' : null;
}
