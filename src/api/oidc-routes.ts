/** The addresses of the single sign-on, for the table of routes. */
import { Type } from 'typebox';
import { record } from '../model/schema.ts';
import { MEDIA_TYPES } from './formats.ts';
import { NoQuerySchema, OidcCallbackQuerySchema, OidcLoginQuerySchema } from './query-schemas.ts';
import type { Route } from './route-table.ts';

const LogoutBodySchema = Type.Object(
  { logout_token: Type.String({ description: 'Signed by the provider.' }) },
  { additionalProperties: true },
);
const LogoutAnswerSchema = Type.Object(
  { data: record({ ended: Type.Integer({ description: 'Sessions ended.' }) }, 'What was done.') },
  { additionalProperties: false },
);

/** Only where `api.auth.mode` is oidc; elsewhere they are NOT_FOUND. */
export const OIDC_ROUTES = [
  {
    method: 'GET',
    path: '/api/oidc/login',
    role: null,
    cities: 'none',
    cost: 5,
    tag: 'operation',
    summary: 'Sends the browser to the provider of the single sign-on.',
    description: 'Errors are a page for a browser, else a problem.',
    query: OidcLoginQuerySchema,
    answers: {},
    errors: ['PARAMETER_INVALID', 'NOT_FOUND', 'ISSUER_UNAVAILABLE'],
  },
  {
    method: 'GET',
    path: '/api/oidc/callback',
    role: null,
    cities: 'none',
    cost: 5,
    tag: 'operation',
    summary: 'Where the provider sends the browser back to: opens a session, in a cookie.',
    description: 'Takes the parameters of the provider, also others than these.',
    query: OidcCallbackQuerySchema,
    answers: {},
    errors: [
      ...(['NOT_FOUND', 'SIGN_ON_FAILED', 'ROLE_MISSING', 'ISSUER_UNAVAILABLE', 'BUSY'] as const),
      ...(['ACCESS_CORRUPT', 'DATA_UNWRITABLE', 'DISK_FULL'] as const),
    ],
  },
  {
    method: 'POST',
    path: '/api/oidc/logout',
    role: null,
    cities: 'none',
    cost: 5,
    tag: 'operation',
    summary: 'Back-channel logout: the provider ends sessions of one of its users.',
    description: '',
    query: NoQuerySchema,
    body: LogoutBodySchema,
    bodyType: 'application/x-www-form-urlencoded',
    answers: { [MEDIA_TYPES.json]: LogoutAnswerSchema },
    errors: [
      ...(['PARAMETER_INVALID', 'NOT_FOUND', 'TOKEN_REFUSED', 'ISSUER_UNAVAILABLE'] as const),
      ...(['ACCESS_CORRUPT', 'DATA_UNWRITABLE', 'DISK_FULL'] as const),
    ],
  },
] as const satisfies readonly Route[];
