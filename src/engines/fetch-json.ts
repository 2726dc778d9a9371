/** JSON of a service over HTTP, parsed by a schema: what it answers is not trusted. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { IsobarError } from '../errors.ts';
import { causesOf, certificateReason, fetchTrusting, readAtMost } from '../fetching.ts';

export interface FetchOptions {
  readonly signal: AbortSignal;
  readonly bytesMax?: number;
  /** The header of that name. */
  readonly authorization?: string | null;
  /** PEM of the authority that https trusts; those that Node.js knows without it. */
  readonly authority?: Buffer | null;
}

const BYTES_MAX = 4 * 1024 * 1024;

/** Rejects with SERVICE_UNREACHABLE or SERVICE_ANSWER; both name the address and no secret. */
export async function fetchJson<S extends TSchema>(
  url: URL,
  schema: S,
  { signal, bytesMax = BYTES_MAX, authorization = null, authority = null }: FetchOptions,
): Promise<Static<S>> {
  const place = `${url.host}${url.pathname}`;
  const headers = {
    accept: 'application/json',
    ...(authorization === null ? {} : { authorization }),
  };
  try {
    const answer = await fetchTrusting(authority)(url, { signal, headers, redirect: 'error' });
    if (!answer.ok) {
      await answer.body?.cancel();
      throw unreachable(place, `it answers with the status ${answer.status}`);
    }
    return parseJson(schema, await readText(answer, place, bytesMax), place);
  } catch (error) {
    if (error instanceof IsobarError) throw error;
    signal.throwIfAborted();
    throw unreachable(place, reasonOf(error));
  }
}

/** As `parseAnswer`, of the JSON that the text is. */
export function parseJson<S extends TSchema>(schema: S, text: string, place: string): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
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

export interface PartOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one of several parts of a service, for a part of the time that the look has: one that hangs
 * must not hide what the others answer. Rejects with SERVICE_UNREACHABLE when the time is over.
 */
export async function askPart<T>(
  place: string,
  { timeoutMs, signal }: PartOptions,
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

async function readText(answer: Response, place: string, bytesMax: number): Promise<string> {
  const bytes = await readAtMost(answer, bytesMax + 1);
  if (bytes.length <= bytesMax) return bytes.toString('utf8');
  throw misunderstood(place, `the answer is larger than ${bytesMax} bytes`);
}

export function unreachable(place: string, problem: string): IsobarError {
  return new IsobarError('SERVICE_UNREACHABLE', `${place}: ${problem}`);
}

/** In our words, or the system's code; the text of a library stays here. */
function reasonOf(error: unknown): string {
  const code = [...causesOf(error)].find((cause) => cause.code !== null)?.code ?? null;
  if (code === null) return 'no answer';
  return certificateReason(code) ?? code;
}
