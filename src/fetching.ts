/**
 * What all who connect need: who is trusted, the beginning of an answer, the causes of an error, and
 * their words.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';

export type Fetch = (url: string | URL, request?: RequestInit) => Promise<Response>;

const CAUSES_MAX = 5;

/** The first bytes of the answer; what comes after them is neither read nor waited for. */
export async function readAtMost(response: Response, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax);
}

/**
 * `fetch`, which over https trusts the certificates of these authorities (PEM) alone; null: those
 * that Node.js trusts. With authorities, redirects over https are never followed.
 */
export function fetchTrusting(authorities: Buffer | readonly (Buffer | string)[] | null): Fetch {
  if (authorities === null) return fetch;
  // `fetch` trusts what the process trusts, and takes no authority.
  const ca = Buffer.isBuffer(authorities) ? authorities : [...authorities];
  return async (address, given) => {
    const asked = new Request(address, given);
    const { url, method, headers, redirect, signal } = asked;
    if (!url.startsWith('https:')) return fetch(address, given);
    const body = new Uint8Array(await asked.arrayBuffer());
    const request = httpsRequest(url, { ca, agent: false, method, signal });
    request.setHeaders(headers);
    try {
      const answer = await answerOf(request, body);
      if (redirect !== 'error' || answer.status < 300 || answer.status > 399) return answer;
      await answer.body?.cancel();
      throw new TypeError('the answer is a redirect');
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
}

/** Sends the request of Node.js; its answer as that of `fetch`. Rejects as the request fails. */
export async function answerOf(
  request: ClientRequest,
  body: Uint8Array = new Uint8Array(),
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.on('error', reject);
  request.on('response', resolve);
  if (body.length === 0) request.end();
  else request.end(body);
  const message = await promise;
  const status = message.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  const hasBody = ![204, 205, 304].includes(status);
  if (!hasBody) message.resume();
  const stream = hasBody ? (Readable.toWeb(message) as ReadableStream<Uint8Array>) : null;
  return new Response(stream, { status, headers });
}

/**
 * The error and what caused it, with the code of each: ECONNREFUSED, ENOTFOUND, UND_ERR_SOCKET, …
 * Messages of these errors may hold the address with what is in it, so codes are what may be shown.
 */
export function* causesOf(error: unknown): Generator<{ error: Error; code: string | null }> {
  let at = error;
  for (let depth = 0; at instanceof Error && depth < CAUSES_MAX; depth += 1) {
    const { code } = at as { readonly code?: unknown };
    const isCode = typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code);
    yield { error: at, code: isCode ? code : null };
    at = at instanceof AggregateError ? at.errors[0] : at.cause;
  }
}

/** Whether Node.js’ code is of a connection that could not be encrypted or trusted. */
export function isTlsFailure(code: string): boolean {
  return certificateProblem(code) !== null || /ERR_TLS|ERR_SSL|EPROTO/.test(code);
}

/** What is wrong with the certificate of the other side, by Node.js’ code; null when that is not it. */
export function certificateProblem(code: string): string | null {
  if (code === 'CERT_HAS_EXPIRED') return 'has expired';
  if (code === 'CERT_NOT_YET_VALID') return 'is not valid yet';
  if (/ALTNAME|HOSTNAME/.test(code)) return 'is for another name';
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return 'is not of an authority that is trusted';
  return null;
}

/** The same as words about whoever answers: `its certificate has expired (CERT_HAS_EXPIRED)`. */
export function certificateReason(code: string): string | null {
  const problem = certificateProblem(code);
  return problem && `its certificate ${problem} (${code})`;
}
