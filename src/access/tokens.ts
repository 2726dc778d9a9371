/** Tokens of another issuer: JWTs that programs send in the header `Authorization`. */
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { IsobarError } from '../errors.ts';
import type { Principal } from '../model/access.ts';
import { type ClaimRules, nameFromClaims, roleFromClaims, scopeFromClaims } from './claims.ts';
import { type IssuerKeysOptions, openIssuerKeys } from './issuer-keys.ts';

export interface Tokens {
  /**
   * Who sends this token. Rejects with TOKEN_REFUSED, which says what is wrong with it, with
   * ROLE_MISSING, and with ISSUER_UNAVAILABLE while the keys cannot be had.
   */
  verify(token: string): Promise<Principal>;
}

export interface TokenOptions extends ClaimRules, IssuerKeysOptions {
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly maxAgeS: number;
  readonly clockSkewS: number;
  readonly clock?: () => Date;
}

export const TOKEN_CHARACTERS_MAX = 8_192;
/** Three parts of base64url; all else is another thing than a signed token. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** What an access token calls itself, if it does (RFC 9068). */
const TYPES = ['jwt', 'at+jwt', 'application/at+jwt'];

export function openTokens(options: TokenOptions): Tokens {
  const keys = openIssuerKeys(options);
  return {
    async verify(token) {
      if (token.length > TOKEN_CHARACTERS_MAX) {
        throw refused(`it has more than ${TOKEN_CHARACTERS_MAX} characters`);
      }
      if (!COMPACT.test(token)) throw refused('it is not a signed JWT');
      const claims = await verifyToken(token, keys, options);
      // Bound to a key or certificate of its holder, which is not looked at here.
      if (claims.cnf !== undefined) throw refused('it is bound to a key (claim cnf)');
      const role = roleFromClaims(claims, options);
      const name = nameFromClaims(claims, options);
      if (name === null) throw refused(`its claims ${options.nameClaim} and sub hold no name`);
      return { kind: 'token', name, role, cities: scopeFromClaims(claims, options) };
    },
  };
}

async function verifyToken(
  token: string,
  keys: JWTVerifyGetKey,
  options: TokenOptions,
): Promise<JWTPayload> {
  const { jwtVerify } = await import('jose');
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.audience,
      algorithms: [...options.algorithms],
      clockTolerance: options.clockSkewS,
      maxTokenAge: options.maxAgeS,
      requiredClaims: ['exp', 'iat'],
      currentDate: options.clock?.() ?? new Date(),
    });
    const { typ } = protectedHeader;
    if (typ === undefined || TYPES.includes(typ.toLowerCase())) return payload;
    throw refused('its header typ is not that of an access token');
  } catch (error) {
    throw translateTokenError(error);
  }
}

/**
 * What `jose` says → what we say:
 *
 *     ERR_JWKS_TIMEOUT, ERR_JWKS_INVALID       ISSUER_UNAVAILABLE
 *     all others                               TOKEN_REFUSED, with a reason of ours
 */
export function translateTokenError(error: unknown): IsobarError {
  if (error instanceof IsobarError) return error;
  const { code = '', claim = '' } = error as { code?: string; claim?: string };
  if (code === 'ERR_JWKS_TIMEOUT' || code === 'ERR_JWKS_INVALID') {
    return new IsobarError('ISSUER_UNAVAILABLE', 'its keys cannot be fetched', { cause: error });
  }
  const known = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  const reason =
    code === 'ERR_JWT_CLAIM_VALIDATION_FAILED'
      ? `its claim ${claim} is missing or not accepted`
      : (known ?? 'it cannot be checked');
  return new IsobarError('TOKEN_REFUSED', reason, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'it has expired',
  ERR_JWT_INVALID: 'it is not a signed JWT',
  ERR_JWS_INVALID: 'it is not a signed JWT',
  ERR_JOSE_ALG_NOT_ALLOWED: 'its algorithm is not accepted',
  ERR_JOSE_NOT_SUPPORTED: 'its algorithm is not accepted',
  ERR_JWKS_NO_MATCHING_KEY: 'the issuer has no key that fits it',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'several keys of the issuer fit it; it has to name one (kid)',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature is wrong',
};

function refused(reason: string): IsobarError {
  return new IsobarError('TOKEN_REFUSED', reason);
}
