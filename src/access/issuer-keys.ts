/**
 * The keys by which an issuer signs, as its JWKS has them.
 *
 * They are fetched when the first token comes, and again when they are old or a token names an unknown
 * key; but not sooner than `coolDownMs` after the last time, whatever tokens come. While the issuer is
 * away, keys that are known are used for `staleMs` at most.
 */
import type { JWTVerifyGetKey } from 'jose';
import { asIsobarError } from '../errors.ts';
import { type BoundedFetch, boundedFetch, issuerAway, TIMEOUT_MS } from './bounded-fetch.ts';

export interface KeyTimes {
  readonly freshMs: number;
  /** Between two fetches because of an unknown key, and after one that failed. */
  readonly coolDownMs: number;
  readonly staleMs: number;
}

export interface IssuerKeysOptions {
  readonly issuer: string;
  /** Empty: what the discovery document names. */
  readonly jwksUrl: string;
  /** PEM of the authority that the issuer is trusted by; null: those that Node.js trusts. */
  readonly authority: Buffer | null;
  readonly times?: Partial<KeyTimes>;
  /** Called when a fetch fails, once until one succeeds. */
  readonly warn: (text: string) => void;
}

const TIMES: KeyTimes = { freshMs: 600_000, coolDownMs: 30_000, staleMs: 3_600_000 };

/** Its promise rejects with ISSUER_UNAVAILABLE, or with an error of `jose`. */
export function openIssuerKeys(options: IssuerKeysOptions): JWTVerifyGetKey {
  const times = { ...TIMES, ...options.times };
  let keys: Promise<JWTVerifyGetKey> | null = null;

  async function load(): Promise<JWTVerifyGetKey> {
    const { createRemoteJWKSet, customFetch } = await import('jose');
    const fetchKeys = rememberLast(options, times);
    // The address is found anew at each fetch: it may change with the keys.
    return createRemoteJWKSet(new URL(options.jwksUrl || options.issuer), {
      timeoutDuration: 2 * TIMEOUT_MS,
      cooldownDuration: times.coolDownMs,
      cacheMaxAge: times.freshMs,
      [customFetch]: () => fetchKeys(),
    });
  }

  return async (header, token) => {
    keys ??= load();
    return (await keys)(header, token);
  };
}

/** One answer for all who ask within the cool-down after a failure. */
function rememberLast(options: IssuerKeysOptions, times: KeyTimes): () => Promise<Response> {
  const fetchBounded = boundedFetch(options.authority);
  let good: { readonly text: string; readonly at: number } | null = null;
  let failed: { readonly error: Error; readonly at: number } | null = null;

  async function fetchAnew(): Promise<string> {
    const { issuer, jwksUrl } = options;
    const url = jwksUrl || (await discoverKeys(issuer, fetchBounded));
    const text = await readDocument(url, fetchBounded);
    const { createLocalJWKSet } = await import('jose');
    // Throws for anything but a set of keys, so that it never replaces one.
    createLocalJWKSet(JSON.parse(text));
    return text;
  }

  return async () => {
    const now = performance.now();
    if (failed === null || now - failed.at >= times.coolDownMs) {
      try {
        good = { text: await fetchAnew(), at: now };
        failed = null;
        return new Response(good.text);
      } catch (thrown) {
        const known = asIsobarError(thrown);
        const error =
          known.code === 'ISSUER_UNAVAILABLE' ? known : issuerAway('its keys are damaged');
        if (failed === null)
          options.warn(`fetching the keys of ${options.issuer}: ${error.message}`);
        failed = { error, at: performance.now() };
      }
    }
    if (good !== null && now - good.at < times.staleMs) return new Response(good.text);
    throw failed.error;
  };
}

async function discoverKeys(issuer: string, fetchBounded: BoundedFetch): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = JSON.parse(await readDocument(url, fetchBounded));
  const { jwks_uri: keys } = document as Record<string, unknown>;
  if (document.issuer !== issuer || typeof keys !== 'string') {
    throw issuerAway('its discovery document names another issuer, or no keys');
  }
  const { protocol } = URL.parse(keys) ?? {};
  if (protocol === 'https:' || protocol === new URL(issuer).protocol) return keys;
  throw issuerAway('its discovery document names keys at an address that is not encrypted');
}

async function readDocument(url: string, fetchBounded: BoundedFetch): Promise<string> {
  const response = await fetchBounded(url, { redirect: 'manual' });
  if (response.status === 200) return response.text();
  throw issuerAway(`it answered ${response.status}`);
}
