/**
 * Back-channel logout (OpenID Connect): the provider says by a signed token that one of its sessions,
 * or every session of a user, has ended.
 */
import { SIGNATURE_ALGORITHMS } from '../config/auth.ts';
import { IsobarError } from '../errors.ts';
import { openIssuerKeys } from './issuer-keys.ts';
import { TOKEN_CHARACTERS_MAX, translateTokenError } from './tokens.ts';

export interface EndedSessions {
  readonly subject: string | null;
  /** Null: all of the subject. */
  readonly providerSession: string | null;
}

interface Options {
  readonly issuer: string;
  readonly clientId: string;
  readonly authority: Buffer | null;
  readonly clockSkewS: number;
  /** Whether a token has to say that it is a logout token; many providers do not. */
  readonly requireLogoutType: boolean;
  readonly warn: (text: string) => void;
  readonly clock?: () => Date;
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** How a logout token calls itself, and how any token may (OpenID Connect Back-Channel Logout, 2.4). */
const TYPES = ['logout+jwt', 'application/logout+jwt'];
const ANY_TYPES = [...TYPES, 'jwt'];
const AGE_S_MAX = 300;
const KEPT_MAX = 10_000;

/** Each token counts once. Rejects with TOKEN_REFUSED and ISSUER_UNAVAILABLE. */
export function openLogoutTokens(options: Options): (token: string) => Promise<EndedSessions> {
  const keys = openIssuerKeys({ ...options, jwksUrl: '' });
  const used = new Set<string>();

  return async (token) => {
    if (token.length > TOKEN_CHARACTERS_MAX) throw refused('it is too long');
    const { jwtVerify } = await import('jose');
    const checked = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.clientId,
      algorithms: [...SIGNATURE_ALGORITHMS],
      clockTolerance: options.clockSkewS,
      maxTokenAge: AGE_S_MAX,
      requiredClaims: ['iat', 'jti', 'events'],
      currentDate: options.clock?.() ?? new Date(),
    }).catch((error: unknown) => {
      throw translateTokenError(error);
    });
    const { typ } = checked.protectedHeader;
    if (!isOfType(typ, options.requireLogoutType)) {
      throw refused('its header typ is not that of a logout token');
    }
    const { events, nonce, sub, sid, jti = '' } = checked.payload;
    const isLogout = typeof events === 'object' && events !== null && Object.hasOwn(events, EVENT);
    // A nonce would make it an ID token.
    if (!isLogout || nonce !== undefined) throw refused('it is not a logout token');
    if (used.has(jti)) throw refused('it was used already');
    used.add(jti);
    const [oldest] = used;
    if (used.size > KEPT_MAX && oldest !== undefined) used.delete(oldest);
    const [subject, providerSession] = [sub, sid].map((one) =>
      typeof one === 'string' ? one : null,
    );
    if (!subject && !providerSession) throw refused('it names neither a user nor a session');
    return { subject: subject ?? null, providerSession: providerSession ?? null };
  };
}

function isOfType(typ: string | undefined, isRequired: boolean): boolean {
  if (typ === undefined) return !isRequired;
  return (isRequired ? TYPES : ANY_TYPES).includes(typ.toLowerCase());
}

function refused(reason: string): IsobarError {
  return new IsobarError('TOKEN_REFUSED', `the logout token: ${reason}`);
}
