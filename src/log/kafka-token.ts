/**
 * Tokens for the login to the brokers, from a token endpoint (OAuth 2.0, RFC 6749, client
 * credentials). A token is kept, and asked for again before it ends; while the endpoint does not
 * answer, one that is still valid is used on.
 *
 *     away, slow, 408, 429, 5xx                                     LOG_UNAVAILABLE
 *     any other answer without a token, a certificate not trusted   LOG_NO_TOKEN
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { clientLogin } from '../config/kafka.ts';
import type { Config } from '../config/schema.ts';
import { authorityOf } from '../config/tls-authority.ts';
import { asIsobarError, IsobarError } from '../errors.ts';
import { answerOf, causesOf, certificateReason, isTlsFailure, readAtMost } from '../fetching.ts';
import { backoff, within } from '../waiting.ts';

type OAuth = Config['log']['kafka']['oauth'];

export interface TokenSourceOptions {
  readonly oauth: OAuth;
  /** Until a request is given up. */
  readonly timeoutMs: number;
  /** How long a caller waits for a token before an error; the request for it goes on. */
  readonly waitMs: number;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
}

interface Token {
  readonly text: string;
  readonly renewAt: number;
  readonly endsAt: number;
}

/**
 * Brokers end a session with its token, and the library logs in again after four fifths of it: by
 * then there has to be another token.
 */
const RENEW_AFTER = 0.75;
/** What is left then may be lost on the way to the broker. */
const USABLE_FOR = 0.95;
const RETRY_MS = { least: 250, most: 5_000 } as const;
const ANSWER_BYTES_MAX = 256 * 1024;
const TOKEN_LENGTH_MAX = 64 * 1024;
/** RFC 6750. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #clock: () => number;
  readonly #place: string;
  readonly #closing = new AbortController();
  #token: Token | null = null;
  #asking: Promise<Token> | null = null;
  #failure: { readonly error: IsobarError; readonly until: number; readonly count: number } | null =
    null;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    const { origin, pathname } = new URL(options.oauth.token_url);
    this.#place = `token endpoint ${origin}${pathname}`;
  }

  /** What must not be in any output. */
  get secrets(): readonly string[] {
    return [this.#options.oauth.client_secret, this.#token?.text ?? ''];
  }

  /** Rejects with LOG_UNAVAILABLE or LOG_NO_TOKEN. */
  async get(): Promise<string> {
    const now = this.#clock();
    const known = this.#token;
    if (known !== null && now < known.renewAt) return known.text;
    const { waitMs } = this.#options;
    const late = () => this.#unavailable(`no answer within ${waitMs / 1_000} s`);
    try {
      // An endpoint in trouble is not asked for each connection.
      if (this.#failure !== null && now < this.#failure.until) throw this.#failure.error;
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null;
      });
      return (await within(waitMs, this.#asking, this.#closing.signal, late)).text;
    } catch (error) {
      if (known !== null && this.#clock() < known.endsAt) return known.text;
      throw error;
    }
  }

  /** The brokers refuse what was given out last. */
  refused(): void {
    this.#token = null;
  }

  close(): void {
    this.#closing.abort(this.#unavailable('the log was closed'));
  }

  async #ask(): Promise<Token> {
    const begun = this.#clock();
    try {
      const { text, lifetimeMs } = await this.#request();
      this.#failure = null;
      this.#token = {
        text,
        renewAt: begun + lifetimeMs * RENEW_AFTER,
        endsAt: begun + lifetimeMs * USABLE_FOR,
      };
      return this.#token;
    } catch (error) {
      const count = (this.#failure?.count ?? 0) + 1;
      const until = this.#clock() + backoff(RETRY_MS, count);
      this.#failure = { error: asIsobarError(error), until, count };
      throw this.#failure.error;
    }
  }

  async #request(): Promise<{ readonly text: string; readonly lifetimeMs: number }> {
    const { oauth, timeoutMs } = this.#options;
    const over = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([over, this.#closing.signal]);
    let answer: Answer;
    try {
      answer = await post(oauth, signal);
    } catch (error) {
      if (error instanceof IsobarError) throw error;
      if (over.aborted) throw this.#unavailable(`no answer within ${timeoutMs / 1_000} s`);
      throw this.#unreachable(error);
    }
    return this.#parse(answer);
  }

  #unreachable(error: unknown): IsobarError {
    const codes = [...causesOf(error)].flatMap(({ code }) => code ?? []);
    const code = codes.find(isTlsFailure);
    if (code === undefined) return this.#unavailable(codes[0] ?? 'the connection broke');
    const reason = certificateReason(code);
    return this.#without(
      reason === null
        ? `the connection could not be encrypted (${code})`
        : `${reason}; log.kafka.oauth.tls_authority names its authority`,
    );
  }

  #parse({ status, body }: Answer): { readonly text: string; readonly lifetimeMs: number } {
    if (status === 408 || status === 429 || status >= 500) {
      throw this.#unavailable(`it answers ${status}`);
    }
    const value = parseObject(body);
    if (status !== 200) throw this.#without(refusalOf(status, value));
    const { access_token: text, token_type: type, expires_in: seconds } = value;
    if (typeof text !== 'string' || text.length > TOKEN_LENGTH_MAX || !TOKEN.test(text)) {
      throw this.#without('its answer holds no access_token');
    }
    if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
      throw this.#without('expected a token of the type Bearer');
    }
    return { text, lifetimeMs: 1_000 * (lifetimeOf(seconds) ?? lifetimeOfJwt(text)) };
  }

  #unavailable(text: string): IsobarError {
    return new IsobarError('LOG_UNAVAILABLE', `${this.#place}: ${text}`);
  }

  #without(text: string): IsobarError {
    return new IsobarError('LOG_NO_TOKEN', `${this.#place}: ${text}`);
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Redirects are not followed: they would carry the secret elsewhere. */
async function post(oauth: OAuth, signal: AbortSignal): Promise<Answer> {
  const { token_url, client_id, client_secret, client_auth, scope, audience } = oauth;
  const url = new URL(token_url);
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (client_auth === 'post') {
    form.set('client_id', client_id);
    form.set('client_secret', client_secret);
  } else {
    headers.authorization = `Basic ${clientLogin(oauth)}`;
  }
  if (scope !== '') form.set('scope', scope);
  if (audience !== '') form.set('audience', audience);
  const body = Buffer.from(form.toString());
  headers['content-length'] = String(body.length);
  const ca = authorityOf('log.kafka.oauth.tls_authority', oauth.tls_authority);
  const options = { method: 'POST', headers, signal, agent: false as const };
  const request =
    url.protocol === 'https:'
      ? httpsRequest(url, { ...options, ...(ca && { ca }) })
      : httpRequest(url, options);
  const answer = await answerOf(request, body);
  // Its beginning: an answer that is longer is of another kind.
  const text = (await readAtMost(answer, ANSWER_BYTES_MAX)).toString('utf8');
  return { status: answer.status, body: text };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The standard's word for it, such as invalid_client; the rest of the answer may hold anything. */
function refusalOf(status: number, { error }: Readonly<Record<string, unknown>>): string {
  if (status >= 300 && status < 400) return `it redirects (${status}), which is not followed`;
  const word = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? `${error}, ` : '';
  return `it refuses the client (${word}${status})`;
}

function lifetimeOf(seconds: unknown): number | null {
  const number = typeof seconds === 'string' ? Number(seconds) : seconds;
  return typeof number === 'number' && number > 0 ? number : null;
}

/** 0, which means used once, when it does not say. */
function lifetimeOfJwt(token: string): number {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
  const { iat, exp } = parseObject(payload);
  return typeof iat === 'number' && typeof exp === 'number' ? Math.max(0, exp - iat) : 0;
}
