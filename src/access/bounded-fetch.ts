/** Fetching from a provider: what an answer may weigh, how long it may take, and what failures are called. */
import { isLoopbackHost } from '../config/channel-url.ts';
import { IsobarError } from '../errors.ts';
import { causesOf, certificateReason, type Fetch, fetchTrusting, readAtMost } from '../fetching.ts';

const ANSWER_BYTES_MAX = 256 * 1_024;
export const TIMEOUT_MS = 8_000;

type Request = Omit<RequestInit, 'signal'> & { readonly signal?: AbortSignal | null | undefined };

export type BoundedFetch = (url: string, request: Request) => Promise<Response>;

/**
 * Fetches the whole answer, so that nothing is left of it on the way, over https or from this machine;
 * trusts this authority (PEM), or null: those that Node.js trusts. Rejects with ISSUER_UNAVAILABLE.
 */
export function boundedFetch(authority: Buffer | null): BoundedFetch {
  const trusting = fetchTrusting(authority);
  return (url, request) => fetchBounded(trusting, url, request);
}

async function fetchBounded(trusting: Fetch, url: string, request: Request): Promise<Response> {
  // An issuer on this machine may name addresses elsewhere, to which secrets would go.
  const { protocol = '', hostname = '' } = URL.parse(url) ?? {};
  if (protocol !== 'https:' && !isLoopbackHost(hostname)) {
    throw issuerAway('its discovery document names an address that is not encrypted');
  }
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const signal = request.signal ? AbortSignal.any([request.signal, limit]) : limit;
  try {
    const response = await trusting(url, { ...request, signal } as RequestInit);
    const { status, headers } = response;
    const bytes = await readAtMost(response, ANSWER_BYTES_MAX + 1);
    if (bytes.length > ANSWER_BYTES_MAX) {
      throw issuerAway(`its answer has more than ${ANSWER_BYTES_MAX} bytes`);
    }
    // The lengths are those of the compressed answer.
    const kept = [...headers].filter(([name]) => !/^content-(encoding|length)$/.test(name));
    const body = [204, 205, 304].includes(status) ? null : new Uint8Array(bytes);
    return new Response(body, { status, headers: kept });
  } catch (error) {
    if (error instanceof IsobarError) throw error;
    throw issuerAway(signal.aborted ? 'no answer in time' : reasonOf(error), error);
  }
}

export function issuerAway(reason: string, cause?: unknown): IsobarError {
  return new IsobarError('ISSUER_UNAVAILABLE', reason, { cause });
}

/** Codes alone: messages may hold addresses. */
function reasonOf(error: unknown): string {
  const codes = [...causesOf(error)].map(({ code }) => code).filter((code) => code !== null);
  const code = codes.at(-1) ?? '';
  return certificateReason(code) ?? `the connection failed${code && ` (${code})`}`;
}
