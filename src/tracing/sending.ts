/**
 * One export: a POST to the receiver, and what its answer means (OTLP 1.x, OTLP/HTTP).
 *
 *     2xx, empty or a JSON object      taken, but for `partialSuccess.rejectedSpans`
 *     2xx, anything else               refused: something else answers there
 *     429, 502, 503, 504, no answer    to be sent again, after Retry-After
 *     everything else, redirects too   refused
 */
import { causesOf, certificateReason, type Fetch, readAtMost } from '../fetching.ts';

export interface Receiver {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the authority that is trusted; without it that of Node.js. */
  readonly fetch?: Fetch;
}

export type Sent =
  | { readonly kind: 'taken'; readonly rejected: number }
  | { readonly kind: 'again'; readonly problem: string; readonly waitMs: number | null }
  | { readonly kind: 'refused'; readonly problem: string };

const ANSWER_BYTES_MAX = 64 * 1024;
const RETRYABLE = [429, 502, 503, 504];

/** Never rejects. */
export async function send(receiver: Receiver, body: string, signal: AbortSignal): Promise<Sent> {
  try {
    const response = await (receiver.fetch ?? fetch)(receiver.url, {
      method: 'POST',
      // Whoever redirects us elsewhere would learn the headers there.
      redirect: 'manual',
      headers: { ...receiver.headers, 'content-type': 'application/json', 'user-agent': 'isobar' },
      body,
      signal,
    });
    const bytes = await readAtMost(response, ANSWER_BYTES_MAX);
    return judge(response, bytes.toString('utf8').trim());
  } catch (error) {
    return { kind: 'again', problem: describe(error), waitMs: null };
  }
}

function judge(response: Response, text: string): Sent {
  const { status } = response;
  if (RETRYABLE.includes(status)) {
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    const waitMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null;
    return { kind: 'again', problem: `HTTP ${status}`, waitMs };
  }
  if (status < 200 || status > 299) return { kind: 'refused', problem: `HTTP ${status}` };
  if (text === '') return { kind: 'taken', rejected: 0 };
  const answer = parseObject(text);
  if (answer === null) return { kind: 'refused', problem: 'an answer that is not OTLP in JSON' };
  const { rejectedSpans } = (answer.partialSuccess ?? {}) as { readonly rejectedSpans?: unknown };
  const rejected = Number(rejectedSpans ?? 0);
  return { kind: 'taken', rejected: Number.isSafeInteger(rejected) ? Math.max(0, rejected) : 0 };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function describe(error: unknown): string {
  for (const { error: at, code } of causesOf(error)) {
    if (at.name === 'TimeoutError') return 'no answer in time';
    if (code !== null) return certificateReason(code) ?? `no answer (${code})`;
  }
  return 'no answer';
}
