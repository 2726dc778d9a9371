/** The addresses of the own account, for the table of routes: for people with a session, whatever their role. */
import {
  EndSessionsAnswerSchema,
  EndSessionsBodySchema,
  PasswordBodySchema,
  SessionAnswerSchema,
  SessionsAnswerSchema,
} from './access-schemas.ts';
import { MEDIA_TYPES } from './formats.ts';
import { EndSessionsQuerySchema, NoQuerySchema } from './query-schemas.ts';
import type { Route } from './route-table.ts';

const OWN = {
  role: 'viewer',
  sessionOnly: true,
  cities: 'none',
  tag: 'operation',
} as const;
const PROVING = [
  ...(['PARAMETER_INVALID', 'NOT_FOUND', 'PASSWORD_WRONG', 'LOGIN_DELAYED', 'BUSY'] as const),
  ...(['DATA_UNWRITABLE', 'DISK_FULL'] as const),
] as const;

/** Where the server keeps no sessions they are NOT_FOUND. */
export const ACCOUNT_ROUTES = [
  {
    ...OWN,
    method: 'POST',
    path: '/api/password',
    cost: 5,
    summary: 'Changes your own password.',
    description:
      'Wrong old passwords count as failed logins. All your sessions end; the answer brings the cookie of a new one. NOT_FOUND for a login by single sign-on.',
    query: NoQuerySchema,
    body: PasswordBodySchema,
    answers: { [MEDIA_TYPES.json]: SessionAnswerSchema },
    errors: [...PROVING, 'PASSWORD_WEAK'],
  },
  {
    ...OWN,
    method: 'GET',
    path: '/api/sessions',
    cost: 1,
    summary: 'Your own sessions, last used first.',
    description: '',
    query: NoQuerySchema,
    answers: { [MEDIA_TYPES.json]: SessionsAnswerSchema },
    errors: ['PARAMETER_INVALID', 'NOT_FOUND'],
  },
  {
    ...OWN,
    method: 'POST',
    path: '/api/end-sessions',
    cost: 5,
    summary: 'Ends one of your other sessions, or all of them.',
    description:
      'Asks for the password, under the limits of logins; with a single sign-on, for a login of the last ten minutes. This session is ended by /api/logout.',
    query: EndSessionsQuerySchema,
    body: EndSessionsBodySchema,
    answers: { [MEDIA_TYPES.json]: EndSessionsAnswerSchema },
    errors: [...PROVING, 'LOGIN_STALE', 'SESSION_UNKNOWN'],
  },
] as const satisfies readonly Route[];
