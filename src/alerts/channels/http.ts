/**
 * Requests of channels. Redirects are not followed, and of an answer only its status counts, with the
 * first bytes of a refusal as its reason:
 *
 *     2xx                                        sent
 *     408, 425, 429, 5xx, no answer in time      CHANNEL_UNAVAILABLE, with Retry-After if it is given
 *     3xx, other 4xx                             CHANNEL_REFUSED
 */
import { createHash } from 'node:crypto';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { authoritiesOf, type ChannelConfig } from '../../config/alert-channels.ts';
import type { ChannelSecrets } from '../../config/channel-secrets.ts';
import { isErrorCode } from '../../errors.ts';
import { fetchTrusting } from '../../fetching.ts';
import { secondsOf } from '../../model/alerts.ts';
import { within } from '../../waiting.ts';
import { networkReason, refused, type Speaker, unavailable } from './refusal.ts';

const REASON_BYTES_MAX = 4_096;
const RETRY_AFTER_MS_MAX = 3_600_000;
const LATER = new Set([408, 425, 429]);

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpCaller {
  /** Resolves when the status is 2xx. */
  call(request: HttpRequest, signal: AbortSignal): Promise<void>;
  /** A POST of JSON with the key of the message. */
  postJson(url: string, body: object, key: string, signal: AbortSignal): Promise<void>;
  /** Connects, encrypted where the address says so, and sends nothing. */
  connect(signal: AbortSignal): Promise<void>;
}

export interface HttpOptions {
  readonly config: Pick<ChannelConfig, 'name' | 'timeout'> & Parameters<typeof authoritiesOf>[0];
  readonly secrets: Pick<ChannelSecrets, 'hidden'>;
  /** Its host names the receiver in errors. */
  readonly url: string;
  readonly clock: () => Date;
}

/** Throws CONFIG_INVALID for an authority that cannot be used. */
export function openHttp({ config, secrets, url, clock }: HttpOptions): HttpCaller {
  const speaker: Speaker = {
    name: config.name,
    receiver: new URL(url).host,
    hidden: secrets.hidden,
  };
  const timeoutMs = secondsOf(config.timeout) * 1_000;
  const authorities = authoritiesOf(config);
  const trusting = fetchTrusting(authorities);

  async function call(request: HttpRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const late = AbortSignal.timeout(timeoutMs);
    const { method = 'POST', body } = request;
    let answer: Response;
    let text: string;
    try {
      answer = await trusting(request.url, {
        method,
        headers: { 'User-Agent': 'isobar', ...request.headers },
        ...(body === undefined ? {} : { body }),
        redirect: 'manual',
        signal: AbortSignal.any([signal, late]),
      });
      text = answer.ok ? '' : await readStart(answer);
      await answer.body?.cancel().catch(() => {});
    } catch (error) {
      signal.throwIfAborted();
      const reason = late.aborted ? `no answer within ${config.timeout}` : networkReason(error);
      throw unavailable(speaker, reason);
    }
    signal.throwIfAborted();
    if (!answer.ok) throw refusalOf(speaker, answer, text, clock());
  }

  return {
    call,
    postJson: (address, body, key, signal) =>
      call(
        {
          url: address,
          headers: { 'Content-Type': 'application/json', 'Idempotency-Key': headerKey(key) },
          body: JSON.stringify(body),
        },
        signal,
      ),
    connect: (signal) =>
      connectOnly({ speaker, url: new URL(url), authorities, timeoutMs }, signal),
  };
}

/** The key as a header can carry it. */
export function headerKey(key: string): string {
  return /^[\x21-\x7e]{1,255}$/.test(key) ? key : createHash('sha256').update(key).digest('hex');
}

function refusalOf(speaker: Speaker, answer: Response, text: string, now: Date) {
  const { status } = answer;
  if (status >= 300 && status < 400) {
    return refused(speaker, `it answers ${status} and names another address; write that one`);
  }
  const shown = text.trim() === '' ? '' : `: ${text.trim()}`;
  const reason = `it answers ${status}${shown}`;
  if (status < 500 && !LATER.has(status)) return refused(speaker, reason);
  return unavailable(speaker, reason, retryAfterMs(answer.headers.get('retry-after'), now));
}

/** Seconds, or a time; an hour at most. */
function retryAfterMs(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*\d{1,10}(\.\d+)?\s*$/.test(header) ? Number(header) : Number.NaN;
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now.getTime() : seconds * 1_000;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MS_MAX) : undefined;
}

/** The answer's first bytes; it may be endless, or cut in the middle. */
async function readStart(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    while (bytes < REASON_BYTES_MAX) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.length;
    }
  } catch {
    // The status is known, which is what counts.
  } finally {
    await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
  return Buffer.concat(chunks).subarray(0, REASON_BYTES_MAX).toString('utf8');
}

interface Connecting {
  readonly speaker: Speaker;
  readonly url: URL;
  readonly authorities: (Buffer | string)[] | null;
  readonly timeoutMs: number;
}

async function connectOnly(
  { speaker, url: { protocol, hostname, port }, authorities, timeoutMs }: Connecting,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const host = hostname.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'https:';
  const at = { host, port: Number(port) || (isTls ? 443 : 80) };
  const socket = isTls
    ? connectTls({
        ...{ ...at, ...(authorities && { ca: authorities }) },
        ...(isIP(host) === 0 ? { servername: host } : {}),
      })
    : connect(at);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once(isTls ? 'secureConnect' : 'connect', () => resolve());
    socket.on('error', reject);
  });
  try {
    await within(timeoutMs, connected, signal, () => unavailable(speaker, 'no answer in time'));
  } catch (error) {
    signal.throwIfAborted();
    throw isErrorCode(error, 'CHANNEL_UNAVAILABLE')
      ? error
      : unavailable(speaker, networkReason(error));
  } finally {
    socket.destroy();
  }
}
