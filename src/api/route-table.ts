/** Every address of the API, in ONE table: the handlers, `/openapi.json`, `/docs` and `docs/api.md` follow it. */
import type { TObject, TSchema } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import type { AccessRole } from '../model/access.ts';
import { LoginBodySchema, SessionAnswerSchema } from './access-schemas.ts';
import { ACCOUNT_ROUTES } from './account-routes.ts';
import {
  AcknowledgeAnswerSchema,
  AlertRulesAnswerSchema,
  EndSilenceAnswerSchema,
  IncidentsAnswerSchema,
  SilenceAnswerSchema,
  SilencesAnswerSchema,
} from './alert-schemas.ts';
import { DATA_ROUTES } from './data-routes.ts';
import { EnginesAnswerSchema } from './engine-schemas.ts';
import { EXPLAIN_ROUTE } from './explain-route.ts';
import { MEDIA_TYPES } from './formats.ts';
import { OIDC_ROUTES } from './oidc-routes.ts';
import {
  AcknowledgeQuerySchema,
  EndSilenceQuerySchema,
  EventsQuerySchema,
  IncidentsQuerySchema,
  NoQuerySchema,
  SilenceQuerySchema,
} from './query-schemas.ts';
import { READING_ERRORS } from './route-errors.ts';
import { alerts, forAnyone, operation, page } from './route-kinds.ts';
import {
  ControlAnswerSchema,
  HealthSchema,
  LiveSchema,
  StatusAnswerSchema,
} from './status-schemas.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Who may ask; null for anyone. */
  readonly role: AccessRole | null;
  /** Whether it is for people with a session, and not for programs. */
  readonly sessionOnly?: boolean;
  /**
   * What of it depends on the cities that may be seen. `seen`: it is answered from them alone. `all`:
   * it is about all cities, and refused to those who may see some. `none`: it holds nothing of cities.
   */
  readonly cities: 'seen' | 'all' | 'none';
  /** Points of a client that it costs. */
  readonly cost: number;
  readonly tag: 'data' | 'live' | 'alerts' | 'operation' | 'pages';
  readonly summary: string;
  readonly description: string;
  readonly query: TObject;
  /** Of type application/json unless `bodyType` says otherwise; most addresses take none. */
  readonly body?: TObject;
  readonly bodyType?: string;
  /** Media type → schema, or null for a type without one; empty where a browser is sent elsewhere. */
  readonly answers: Readonly<Record<string, TSchema | null>>;
  /** What callers should expect beside an answer, and beside what every address refuses. */
  readonly errors: readonly ErrorCode[];
}

export const ROUTES = [
  ...DATA_ROUTES,
  EXPLAIN_ROUTE,
  {
    method: 'GET',
    path: '/api/events',
    role: 'viewer',
    cities: 'seen',
    cost: 1,
    tag: 'live',
    summary: 'What happens, as it happens (server-sent events).',
    description:
      'Events: `observation` (from the log’s tail), `version` (fetch again), `status` (a room’s state changed), `reset` (missed events are no longer available: fetch everything again), `bye` (the server stops). The id is a position that every server of the same log understands.',
    query: EventsQuerySchema,
    answers: { 'text/event-stream': null },
    errors: ['PARAMETER_INVALID', 'CITY_UNKNOWN', 'BUSY', ...READING_ERRORS],
  },
  forAnyone(
    operation(
      'GET',
      '/api/session',
      'Who asks, and whether a login is asked for.',
      SessionAnswerSchema,
      [],
    ),
  ),
  {
    ...forAnyone(
      operation('POST', '/api/login', 'Opens a session, in a cookie.', SessionAnswerSchema, [
        ...(['NOT_FOUND', 'LOGIN_REFUSED', 'LOGIN_DELAYED', 'BUSY'] as const),
        ...(['ACCESS_CORRUPT', 'DATA_UNWRITABLE', 'DISK_FULL'] as const),
      ]),
    ),
    body: LoginBodySchema,
  },
  forAnyone(
    operation('POST', '/api/logout', 'Ends the session.', SessionAnswerSchema, [
      ...(['ACCESS_CORRUPT', 'DATA_UNWRITABLE', 'DISK_FULL'] as const),
    ]),
  ),
  ...ACCOUNT_ROUTES,
  ...OIDC_ROUTES,
  operation('GET', '/api/status', 'Every room’s state.', StatusAnswerSchema, []),
  operation('GET', '/api/engines', 'How the services are, and were.', EnginesAnswerSchema, []),
  operation('POST', '/api/pause', 'Stops polling.', ControlAnswerSchema, ['NOT_FOUND']),
  operation('POST', '/api/resume', 'Goes on polling.', ControlAnswerSchema, ['NOT_FOUND']),
  operation('POST', '/api/refresh', 'Lands what waits and computes anew.', ControlAnswerSchema, [
    'NOT_FOUND',
  ]),
  alerts(
    'GET',
    '/api/incidents',
    'Incidents, newest first.',
    IncidentsQuerySchema,
    IncidentsAnswerSchema,
    ['CITY_UNKNOWN', 'INCIDENT_UNKNOWN'],
  ),
  alerts(
    'GET',
    '/api/alert-rules',
    'The rules in effect.',
    NoQuerySchema,
    AlertRulesAnswerSchema,
    [],
  ),
  alerts(
    'POST',
    '/api/acknowledge',
    'Acknowledges an incident: it is not repeated and not escalated any more.',
    AcknowledgeQuerySchema,
    AcknowledgeAnswerSchema,
    ['INCIDENT_UNKNOWN'],
  ),
  alerts(
    'GET',
    '/api/silences',
    'The silences in effect.',
    NoQuerySchema,
    SilencesAnswerSchema,
    [],
  ),
  alerts(
    'POST',
    '/api/silence',
    'Holds messages back for a while, of one rule or city or of all.',
    SilenceQuerySchema,
    SilenceAnswerSchema,
    ['CITY_UNKNOWN', 'RULE_UNKNOWN'],
  ),
  alerts(
    'POST',
    '/api/end-silence',
    'Ends a silence before its time.',
    EndSilenceQuerySchema,
    EndSilenceAnswerSchema,
    ['SILENCE_UNKNOWN'],
  ),
  forAnyone(operation('GET', '/livez', 'Whether the process answers.', LiveSchema, [])),
  forAnyone(
    operation('GET', '/readyz', 'Whether it can answer data; 503 if not.', HealthSchema, []),
  ),
  operation(
    'GET',
    '/healthz',
    'What is well and what is not; 503 when something fails.',
    HealthSchema,
    [],
  ),
  {
    ...page('/metrics', 'Metrics for Prometheus.', 'text/plain', 'operation'),
    role: 'viewer',
    cities: 'all',
    errors: ['PARAMETER_INVALID'],
  },
  page('/', 'The dashboard.', 'text/html', 'pages'),
  page('/docs', 'This description for people.', 'text/html', 'pages'),
  page('/openapi.json', 'This description for programs (OpenAPI 3.1).', MEDIA_TYPES.json, 'pages'),
] as const satisfies readonly Route[];
