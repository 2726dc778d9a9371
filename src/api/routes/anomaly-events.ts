/** `/api/anomaly-events`: when the weather was unusual for season and hour, newest first. */
import type { FastifyInstance } from 'fastify';
import { LEARNING_DAYS } from '../../anomalies/baseline.ts';
import { formatEventReason } from '../../anomalies/event-reason.ts';
import { RATES } from '../../anomalies/rates.ts';
import type { AnomalyEvent, AnomalyEventSelection } from '../../model/anomaly-events.ts';
import { bodyOf, type Computed } from '../answers.ts';
import { columnsOf, pickColumns } from '../columns.ts';
import { chooseFormat, type Format } from '../formats.ts';
import { cutPage } from '../paging.ts';
import { type CursorValue, parseCursor, parseRange } from '../parameters.ts';
import { AnomalyEventRowSchema } from '../quality-schemas.ts';
import { type AnomalyEventsQuery, AnomalyEventsQuerySchema, CURSORS } from '../query-schemas.ts';
import { answer, factsOf, fromPublication, type Server } from '../server.ts';
import type { Current } from '../versions.ts';
import { citiesOf, viewOf } from '../view.ts';

const COLUMNS = columnsOf(AnomalyEventRowSchema);

export function addAnomalyEventsRoute(app: FastifyInstance, server: Server): void {
  const schema = { querystring: AnomalyEventsQuerySchema };
  app.get<{ Querystring: AnomalyEventsQuery }>(
    '/api/anomaly-events',
    { schema },
    async (request, reply) => {
      const { query } = request;
      const view = viewOf(server, request);
      const [began_at, city_id, variable] =
        parseCursor(query.cursor, CURSORS['anomaly-events']) ?? [];
      const asked: AnomalyEventSelection = {
        ...parseRange(query),
        cities: citiesOf(view, query.city),
        variables: [...new Set(query.variable)].sort(),
        classes: [...new Set(query.class)].sort(),
        severities: [...new Set(query.severity)].sort(),
        after:
          began_at === undefined
            ? null
            : { began_at: String(began_at), city_id: String(city_id), variable: String(variable) },
        limit: query.limit,
      };
      const format = chooseFormat(query);
      return answer(view, request, reply, (current) => ({
        route: 'anomaly-events',
        format,
        ...fromPublication(current, asked),
        compute: () => compute(server, current, asked, format),
      }));
    },
  );
}

async function compute(
  server: Server,
  current: Current,
  asked: AnomalyEventSelection,
  format: Format,
): Promise<Computed> {
  const { publication } = current;
  const found = (await publication?.events({ ...asked, limit: asked.limit + 1 })) ?? [];
  const { rows, nextCursor } = cutPage(found, asked.limit, keyOf);
  const chosen = new Set(asked.cities);
  const learning = (publication?.learning ?? [])
    .filter(({ city_id }) => chosen.size === 0 || chosen.has(city_id))
    .map((city) => ({ ...city, days_needed: LEARNING_DAYS }));
  const judged = publication?.judgedMonths ?? [];
  const facts = {
    ...factsOf(server, current, asked.cities),
    computedAt: publication?.computedAt ?? null,
    rowCount: rows.length,
    note: explain(rows.length, judged.length),
    more: {
      next_cursor: nextCursor,
      judged_from: judged[0] ?? null,
      judged_to: judged.at(-1) ?? null,
      learning,
      rates: RATES,
    },
  };
  const data = rows.map((row) => pickColumns({ ...row, reason: formatEventReason(row) }, COLUMNS));
  return { facts, body: bodyOf(format, COLUMNS, data) };
}

function keyOf({ began_at, city_id, variable }: AnomalyEvent): CursorValue[] {
  return [began_at, city_id, variable];
}

function explain(count: number, months: number): string | null {
  if (months === 0) return 'no month has been judged yet';
  return count === 0 ? 'nothing that fits was unusual' : null;
}
