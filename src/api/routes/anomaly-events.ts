/** `/api/anomaly-events`: when the weather was unusual for season and hour, newest first. */
import type { FastifyInstance } from 'fastify';
import { LEARNING_DAYS } from '../../anomalies/baseline.ts';
import { formatEventReason } from '../../anomalies/event-reason.ts';
import { RATES } from '../../anomalies/rates.ts';
import type { AnomalyEvent, AnomalyEventSelection } from '../../model/anomaly-events.ts';
import { columnsOf } from '../columns.ts';
import { addPublishedRows } from '../published-rows.ts';
import { AnomalyEventRowSchema } from '../quality-schemas.ts';
import { type AnomalyEventsQuery, AnomalyEventsQuerySchema } from '../query-schemas.ts';
import type { Server } from '../server.ts';

export function addAnomalyEventsRoute(app: FastifyInstance, server: Server): void {
  addPublishedRows<AnomalyEventsQuery, AnomalyEventSelection, AnomalyEvent>(app, server, {
    route: 'anomaly-events',
    query: AnomalyEventsQuerySchema,
    columns: columnsOf(AnomalyEventRowSchema),
    key: ['began_at', 'city_id', 'variable'],
    select: (query) => ({
      variables: [...new Set(query.variable)].sort(),
      classes: [...new Set(query.class)].sort(),
      severities: [...new Set(query.severity)].sort(),
    }),
    find: (publication, selection) => publication.events(selection),
    finish: (row) => ({ ...row, reason: formatEventReason(row) }),
    describe(publication, { cities }, rowCount) {
      const chosen = new Set(cities);
      const judged = publication?.judgedMonths ?? [];
      const learning = (publication?.learning ?? [])
        .filter(({ city_id }) => chosen.size === 0 || chosen.has(city_id))
        .map((city) => ({ ...city, days_needed: LEARNING_DAYS }));
      const span = { judged_from: judged[0] ?? null, judged_to: judged.at(-1) ?? null };
      return { note: explain(rowCount, judged.length), more: { ...span, learning, rates: RATES } };
    },
  });
}

function explain(count: number, months: number): string | null {
  if (months === 0) return 'no month has been judged yet';
  return count === 0 ? 'nothing that fits was unusual' : null;
}
