/**
 * Single sign-on: the authorization code flow with PKCE of OpenID Connect.
 *
 * `begin` sends the browser to the provider with a state, a nonce and a challenge, which it keeps in an
 * encrypted ticket; `finish` takes the code only with the ticket that fits. Keys of the provider are
 * read at every login, so that new ones count at once and removed ones no longer. Its tokens are not
 * kept; the ID token stays, encrypted by the session's own token, until the logout names it.
 */
import { IsobarError } from '../errors.ts';
import type { AccessRole, CityScope } from '../model/access.ts';
import {
  type ClaimRules,
  type Claims,
  claimAt,
  nameFromClaims,
  roleFromClaims,
  scopeFromClaims,
} from './claims.ts';
import { type EndedSessions, openLogoutTokens } from './logout-tokens.ts';
import { openProvider } from './provider.ts';
import { nameProviderError } from './provider-errors.ts';
import { isSame, openTicket, sealTicket, TICKET_S } from './tickets.ts';

/** Whoever the provider has checked. */
export interface Identity {
  readonly name: string;
  readonly role: AccessRole;
  /** Null: all cities. */
  readonly cities: CityScope | null;
  readonly issuer: string;
  readonly subject: string;
  /** The session at the provider, by which it can end ours. */
  readonly providerSession: string | null;
  /** Empty when it is too long to be kept. */
  readonly idToken: string;
}

export interface OidcOptions extends ClaimRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** PEM of the authority that the provider is trusted by; null: those that Node.js trusts. */
  readonly authority: Buffer | null;
  readonly scopes: string;
  readonly clockSkewS: number;
  /** Whether logout tokens have to be of the type `logout+jwt`. */
  readonly requireLogoutType: boolean;
  /** Of 32 bytes; encrypts what the browser keeps meanwhile. */
  readonly ticketKey: Uint8Array;
  readonly warn: (text: string) => void;
  readonly clock?: () => Date;
}

/** A login that was begun. */
export interface Begun {
  /** Where the browser is sent. */
  readonly url: string;
  /** What it keeps meanwhile. */
  readonly ticket: string;
  /** How long the ticket counts. */
  readonly ticketS: number;
}

export interface SingleSignOn {
  /** Rejects with ISSUER_UNAVAILABLE. */
  begin(callback: string, to: string): Promise<Begun>;
  /**
   * Who logged in, by the query with which the browser came back. Rejects with SIGN_ON_FAILED
   * (`details.begun` is false where this browser had begun no such login), ROLE_MISSING (with
   * `details.who`), ISSUER_UNAVAILABLE, BUSY.
   */
  finish(
    query: string,
    ticket: string,
  ): Promise<{ readonly identity: Identity; readonly to: string }>;
  /**
   * Where the provider ends its own session, by an ID token that may be empty; null where it has no
   * such address, or is away.
   */
  logoutUrl(idToken: string, backTo: string): Promise<string | null>;
  /** Whose sessions a logout token of the provider ends. Rejects with TOKEN_REFUSED. */
  ended(logoutToken: string): Promise<EndedSessions>;
}

/** Logins that wait for the provider at once. */
const FINISHING_MAX = 32;
const ID_TOKEN_CHARACTERS_MAX = 16_384;

export function openSingleSignOn(options: OidcOptions): SingleSignOn {
  const clock = options.clock ?? (() => new Date());
  const provider = openProvider(options);
  const ended = openLogoutTokens(options);
  let finishing = 0;

  async function exchange(query: string, sealed: string) {
    const ticket = await openTicket(sealed, options.ticketKey, clock());
    if (ticket === null) {
      throw failed(
        'this browser has begun no login in the last 10 minutes, or keeps no cookies of this ' +
          'server, which it does over HTTPS and on this machine',
        { begun: false },
      );
    }
    const parameters = new URLSearchParams(query);
    const states = parameters.getAll('state');
    if (states.length !== 1 || !isSame(states[0] ?? '', ticket.state)) {
      throw failed('the answer belongs to another login', { begun: false });
    }
    const [library, configuration] = await provider.configuration();
    try {
      const came = new URL(ticket.callback);
      came.search = query;
      const tokens = await library.authorizationCodeGrant(configuration, came, {
        pkceCodeVerifier: ticket.verifier,
        expectedState: ticket.state,
        expectedNonce: ticket.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      const { id_token: idToken } = tokens;
      if (claims === undefined || idToken === undefined) throw failed('an ID token is missing');
      const isThere = claimAt(claims, options.roleClaim) !== undefined;
      const more =
        isThere || configuration.serverMetadata().userinfo_endpoint === undefined
          ? {}
          : await library.fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return { claims: { ...more, ...claims } as Claims & typeof claims, idToken, to: ticket.to };
    } catch (error) {
      throw nameProviderError(error, options.warn);
    }
  }

  return {
    async begin(callback, to) {
      const [library, configuration] = await provider.configuration();
      const verifier = library.randomPKCECodeVerifier();
      const [state, nonce] = [library.randomState(), library.randomNonce()];
      const url = library.buildAuthorizationUrl(configuration, {
        redirect_uri: callback,
        scope: options.scopes,
        code_challenge: await library.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      });
      const made = { state, nonce, verifier, callback, to };
      const ticket = await sealTicket(made, options.ticketKey, clock());
      return { url: url.href, ticket, ticketS: TICKET_S };
    },
    async finish(query, ticket) {
      if (finishing >= FINISHING_MAX) {
        throw new IsobarError('BUSY', `${FINISHING_MAX} logins are under way`);
      }
      finishing += 1;
      try {
        const { claims, idToken, to } = await exchange(query, ticket);
        return { identity: identityOf(claims, idToken, options), to };
      } finally {
        finishing -= 1;
      }
    },
    async logoutUrl(idToken, backTo) {
      try {
        const [library, configuration] = await provider.configuration();
        if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
        const hint = idToken === '' ? {} : { id_token_hint: idToken };
        const back = { post_logout_redirect_uri: backTo };
        return library.buildEndSessionUrl(configuration, { ...hint, ...back }).href;
      } catch {
        // Our own session has ended in any case.
        return null;
      }
    },
    ended,
  };
}

/** Rejects with SIGN_ON_FAILED and ROLE_MISSING. */
function identityOf(
  claims: Claims & { readonly sub: string },
  idToken: string,
  options: OidcOptions,
): Identity {
  const name = nameFromClaims(claims, options);
  if (name === null) throw failed(`the claims ${options.nameClaim} and sub hold no name`);
  try {
    return {
      name,
      role: roleFromClaims(claims, options),
      cities: scopeFromClaims(claims, options),
      issuer: options.issuer,
      subject: claims.sub,
      providerSession: typeof claims.sid === 'string' ? claims.sid : null,
      idToken: idToken.length > ID_TOKEN_CHARACTERS_MAX ? '' : idToken,
    };
  } catch (error) {
    const { code, message } = error as IsobarError;
    throw new IsobarError(code, `${name}: ${message}`, { details: { who: name } });
  }
}

function failed(reason: string, details: Readonly<Record<string, unknown>> = {}): IsobarError {
  return new IsobarError('SIGN_ON_FAILED', reason, { details });
}
