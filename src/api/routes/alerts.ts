/** `/api/incidents`, `/api/alert-rules`, `/api/silences` and what changes them. */
import type { FastifyInstance } from 'fastify';
import type { AlertDesk } from '../../alerts/desk.ts';
import type { Silence } from '../../alerts/messages.ts';
import { IsobarError } from '../../errors.ts';
import { type Incident, secondsOf } from '../../model/alerts.ts';
import { formatTime } from '../../model/time-zone.ts';
import { personOf } from '../access.ts';
import type {
  AcknowledgeAnswer,
  AlertRulesAnswer,
  IncidentsAnswer,
  SilenceRow,
  SilencesAnswer,
} from '../alert-schemas.ts';
import { cutPage } from '../paging.ts';
import { parseCursor, parseRange } from '../parameters.ts';
import {
  type AcknowledgeQuery,
  AcknowledgeQuerySchema,
  CURSORS,
  type EndSilenceQuery,
  EndSilenceQuerySchema,
  type IncidentsQuery,
  IncidentsQuerySchema,
  NoQuerySchema,
  type SilenceQuery,
  SilenceQuerySchema,
} from '../query-schemas.ts';
import { parseAllowedHosts, refuseOtherSites } from '../security.ts';
import { type Server, sendNow } from '../server.ts';
import { citiesOf, namedCities, type View, viewOf } from '../view.ts';

export function addAlertRoutes(app: FastifyInstance, server: Server): void {
  addReading(app, server);
  addChanging(app, server);
}

function addReading(app: FastifyInstance, server: Server): void {
  const incidents = { schema: { querystring: IncidentsQuerySchema } };
  app.get<{ Querystring: IncidentsQuery }>('/api/incidents', incidents, (request, reply) => {
    const { store } = alertsOf(server);
    const view = viewOf(server, request);
    const { state, rule, city, incident, limit } = request.query;
    const { from, to } = parseRange(request.query);
    const [openedAt, incidentId] = parseCursor(request.query.cursor, CURSORS.incidents) ?? [];
    const isLimited = city !== undefined || view.scope !== null;
    const cities = isLimited ? citiesOf(view, city) : null;
    const found =
      incident === undefined
        ? store.incidents({
            ...(state === undefined ? {} : { states: state }),
            ...(rule === undefined ? {} : { rule }),
            ...(cities === null ? {} : { cities }),
            ...(from === null ? {} : { from: toTheSecond(from) }),
            ...(to === null ? {} : { to: toTheSecond(to) }),
            ...(openedAt === undefined
              ? {}
              : { after: { openedAt: String(openedAt), incidentId: String(incidentId) } }),
            limit: limit + 1,
          })
        : [visibleIncident(view, incident)];
    const { rows, nextCursor } = cutPage(found, limit, (row) => [row.opened_at, row.incident_id]);
    const answer: IncidentsAnswer = {
      meta: {
        answered_at: server.clock().toISOString(),
        simulated: server.context.simulated,
        counts: store.counts(view.scope === null ? undefined : citiesOf(view, undefined)),
        row_count: rows.length,
        ...(nextCursor !== null && { next_cursor: nextCursor }),
      },
      // The model's arrays are read-only, the schema's are not.
      data: rows as IncidentsAnswer['data'],
    };
    return sendNow(reply, answer);
  });

  app.get('/api/alert-rules', { schema: { querystring: NoQuerySchema } }, (_, reply) => {
    const { rules } = alertsOf(server);
    const answer: AlertRulesAnswer = {
      meta: { answered_at: server.clock().toISOString(), row_count: rules.length },
      data: rules.map(({ source, version, severity, channels }) => ({
        ...source,
        version,
        severity,
        channels: [...channels],
      })) as AlertRulesAnswer['data'],
    };
    return sendNow(reply, answer);
  });

  app.get('/api/silences', { schema: { querystring: NoQuerySchema } }, (request, reply) => {
    const silences = visibleSilences(viewOf(server, request));
    const answer: SilencesAnswer = {
      meta: { answered_at: server.clock().toISOString(), row_count: silences.length },
      data: silences.map(formatSilence),
    };
    return sendNow(reply, answer);
  });
}

function addChanging(app: FastifyInstance, server: Server): void {
  const names = parseAllowedHosts(server.context.config.allowed_hosts);
  const acknowledge = { schema: { querystring: AcknowledgeQuerySchema } };
  app.post<{ Querystring: AcknowledgeQuery }>(
    '/api/acknowledge',
    acknowledge,
    async (request, reply) => {
      refuseOtherSites(request, names);
      const { incident, by, note } = request.query;
      visibleIncident(viewOf(server, request), incident);
      const changed = await alertsOf(server).acknowledge(
        incident,
        personOf(request, by),
        note ?? null,
      );
      server.status.forget();
      server.publishStatus();
      const answer: AcknowledgeAnswer = { data: changed as AcknowledgeAnswer['data'] };
      return sendNow(reply, answer);
    },
  );

  const silence = { schema: { querystring: SilenceQuerySchema } };
  app.post<{ Querystring: SilenceQuery }>('/api/silence', silence, async (request, reply) => {
    refuseOtherSites(request, names);
    const alerts = alertsOf(server);
    const { rule, city, by, note } = request.query;
    if (rule !== undefined && !alerts.rules.some(({ name }) => name === rule)) {
      throw unknown('RULE_UNKNOWN', 'rule', rule);
    }
    const view = viewOf(server, request);
    if (city !== undefined) namedCities(view, [city]);
    else if (view.scope !== null) {
      const text = 'a silence of all cities needs access to all of them; name one with city';
      throw new IsobarError('ACCESS_DENIED', text);
    }
    const from = server.clock().getTime();
    const made = await alerts.silence({
      rule: rule ?? null,
      city_id: city ?? null,
      from,
      until: from + secondsOf(request.query.for) * 1_000,
      by: personOf(request, by),
      note: note ?? null,
    });
    return sendNow(reply, { data: formatSilence(made) });
  });

  const end = { schema: { querystring: EndSilenceQuerySchema } };
  app.post<{ Querystring: EndSilenceQuery }>('/api/end-silence', end, async (request, reply) => {
    refuseOtherSites(request, names);
    const { silence: id } = request.query;
    const isVisible = visibleSilences(viewOf(server, request)).some(
      ({ silence_id }) => silence_id === id,
    );
    if (!isVisible || !(await alertsOf(server).endSilence(id))) {
      throw unknown('SILENCE_UNKNOWN', 'silence', id);
    }
    return sendNow(reply, { done: 'end-silence' });
  });
}

function alertsOf({ context }: Server): AlertDesk {
  if (context.alerts !== null) return context.alerts;
  throw new IsobarError('NOT_FOUND', 'alerts are switched off (alerts.enabled)');
}

/** A limited view has neither those of several cities nor those of the system. */
function visibleIncident(view: View, id: string): Incident {
  return alertsOf(view).incident(
    id,
    ({ city_id }) => view.scope === null || (city_id !== null && view.allows(city_id)),
  );
}

function visibleSilences(view: View): readonly Silence[] {
  const silences = alertsOf(view).store.silences(view.clock().getTime());
  if (view.scope === null) return silences;
  return silences.filter(({ city_id }) => city_id !== null && view.allows(city_id));
}

function unknown(code: 'RULE_UNKNOWN' | 'SILENCE_UNKNOWN', field: string, given: string) {
  const text = `${field}: unknown: ${JSON.stringify(given)}`;
  return new IsobarError(code, text, { details: { field } });
}

function formatSilence({ from, until, ...silence }: Silence): SilenceRow {
  return { ...silence, from: formatTime(new Date(from)), until: formatTime(new Date(until)) };
}

/** Incidents have whole seconds: the next one, which lies on the same side of each of them. */
function toTheSecond(time: string): string {
  return formatTime(new Date(Math.ceil(Date.parse(time) / 1_000) * 1_000));
}
