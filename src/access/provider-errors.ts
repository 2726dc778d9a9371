/** What `openid-client` says → what we say. */
import { IsobarError } from '../errors.ts';
import { causesOf } from '../fetching.ts';

/** Words of OAuth, which are safe to show. */
const WORD = /^[a-z_]{1,40}$/;
/** Answers of a provider that is there and does not work. */
const BROKEN = ['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON'];

/**
 *     AuthorizationResponseError, ResponseBodyError   SIGN_ON_FAILED with the word of the provider
 *     a fetch that failed, or an answer like 500      ISSUER_UNAVAILABLE
 *     all others: claims, signatures, states          SIGN_ON_FAILED with the library's code
 *
 * `warn` gets what an administrator has to correct.
 */
export function nameProviderError(error: unknown, warn: (text: string) => void): IsobarError {
  for (const { error: cause } of causesOf(error)) if (cause instanceof IsobarError) return cause;
  const { code = '', error: word = '' } = error as { code?: unknown; error?: unknown };
  const make = (kind: 'SIGN_ON_FAILED' | 'ISSUER_UNAVAILABLE', text: string) => {
    return new IsobarError(kind, text, { cause: error });
  };
  if (typeof word === 'string' && WORD.test(word)) {
    const hint = HINTS[word];
    if (hint !== undefined) warn(`the provider of the single sign-on answered ${word}: ${hint}`);
    return make('SIGN_ON_FAILED', `the provider answered ${word}`);
  }
  if (BROKEN.includes(String(code))) {
    return make('ISSUER_UNAVAILABLE', `its answer cannot be used (${code})`);
  }
  const shown = /^[A-Z][A-Z_]{1,60}$/.test(String(code)) ? ` (${code})` : '';
  const text = `the answer of the provider is not valid${shown}`;
  warn(`a single sign-on was refused: ${text}: ${detailOf(error)}`);
  return make('SIGN_ON_FAILED', text);
}

const HINTS: Readonly<Record<string, string>> = {
  invalid_client: 'check api.auth.oidc.client_id and client_secret',
  unauthorized_client: 'allow the authorization code flow to this client',
  invalid_scope: 'check api.auth.oidc.scopes',
  invalid_request: 'check the redirect address that is registered for this client',
};

/** The innermost message, for the log alone: "unexpected JWT "aud" (audience) claim value". */
function detailOf(error: unknown): string {
  const last = [...causesOf(error)].at(-1)?.error.message ?? '';
  return last.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
