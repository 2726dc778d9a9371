/** Errors that callers of several addresses should expect. */
import type { ErrorCode } from '../errors.ts';

/** What every address refuses, or ends with when something unexpected goes wrong. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  'REQUEST_INVALID',
  'REQUEST_REFUSED',
  'REQUEST_TOO_LARGE',
  'RATE_LIMITED',
  'INTERNAL',
];
/** Where the server asks for a login. */
export const ACCESS_ERRORS: readonly ErrorCode[] = [
  'LOGIN_REQUIRED',
  'TOKEN_REFUSED',
  'ACCESS_DENIED',
  'ROLE_MISSING',
  'PROXY_UNTRUSTED',
  'ISSUER_UNAVAILABLE',
  'ACCESS_CORRUPT',
];
/** Before the first version of the table could be read. */
export const READING_ERRORS = [
  'LAKE_UNAVAILABLE',
  'LAKE_MISSING',
  'LAKE_FORBIDDEN',
  'LAKE_LOGIN_REFUSED',
  'TABLE_CORRUPT',
  'TABLE_GAP',
  'TABLE_NEWER',
  'TABLE_PROTOCOL',
  'ENGINE_UNAVAILABLE',
  'ABORTED',
] as const satisfies readonly ErrorCode[];
