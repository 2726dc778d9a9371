/** JSON of a service over HTTP, parsed by a schema: what it answers is not trusted. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { IsobarError } from '../errors.ts';

export interface FetchOptions {
  readonly signal: AbortSignal;
  readonly bytesMax?: number;
  /** The header of that name. */
  readonly authorization?: string | null;
}

const BYTES_MAX = 4 * 1024 * 1024;

/** Rejects with SERVICE_UNREACHABLE or SERVICE_ANSWER; both name the address and no secret. */
export async function fetchJson<S extends TSchema>(
  url: URL,
  schema: S,
  { signal, bytesMax = BYTES_MAX, authorization = null }: FetchOptions,
): Promise<Static<S>> {
  const place = `${url.host}${url.pathname}`;
  const headers = {
    accept: 'application/json',
    ...(authorization === null ? {} : { authorization }),
  };
  const body = await fetchText(url, place, { signal, headers, redirect: 'error' }, bytesMax);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw misunderstood(place, 'expected JSON');
  }
  return parseAnswer(schema, value, place);
}

/** The value as the schema has it, or SERVICE_ANSWER with the first field that does not fit. */
export function parseAnswer<S extends TSchema>(
  schema: S,
  value: unknown,
  place: string,
): Static<S> {
  if (Value.Check(schema, value)) return value;
  const [error] = Value.Errors(schema, value);
  const at = error?.instancePath.slice(0, 100) ?? '';
  throw misunderstood(
    place,
    `${at === '' ? 'the answer' : at} ${error?.message ?? 'is different'}`,
  );
}

/**
 * Asks one of several parts of a service, for a part of the time that the look has: one that hangs
 * must not hide what the others answer. Rejects with SERVICE_UNREACHABLE when the time is over.
 */
export async function askPart<T>(
  place: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const late = () => over.abort(unreachable(place, `no answer within ${timeoutMs / 1_000} s`));
  const timer = setTimeout(late, timeoutMs);
  try {
    return await ask(AbortSignal.any([signal, over.signal]));
  } finally {
    clearTimeout(timer);
  }
}

export function misunderstood(place: string, problem: string): IsobarError {
  return new IsobarError('SERVICE_ANSWER', `${place}: ${problem}`);
}

/** JMX answers -1 and NaN for what it does not know. */
export const COUNT = Type.Number({ minimum: 0 });

async function fetchText(
  url: URL,
  place: string,
  request: RequestInit & { readonly signal: AbortSignal },
  bytesMax: number,
): Promise<string> {
  try {
    const answer = await fetch(url, request);
    if (!answer.ok) {
      await answer.body?.cancel();
      throw unreachable(place, `it answers with the status ${answer.status}`);
    }
    return await readText(answer, place, bytesMax);
  } catch (error) {
    if (error instanceof IsobarError) throw error;
    request.signal.throwIfAborted();
    throw unreachable(place, reasonOf(error));
  }
}

async function readText(answer: Response, place: string, bytesMax: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    // Leaving the loop cancels the rest.
    if (bytes > bytesMax) throw misunderstood(place, `the answer is larger than ${bytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

export function unreachable(place: string, problem: string): IsobarError {
  return new IsobarError('SERVICE_UNREACHABLE', `${place}: ${problem}`);
}

/** The system's code; the text of a library stays here. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  const code = cause?.code;
  return typeof code === 'string' && /^[A-Z_\d]{1,40}$/.test(code) ? code : 'no answer';
}
