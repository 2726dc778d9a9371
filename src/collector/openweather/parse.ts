/**
 * What the provider answered → an observation, an invalid record, or a ProviderError.
 *
 *     answer                                        becomes
 *     2xx, object with dt and a measurement         observation; fields that cannot be used are named
 *     2xx, object without them                      invalid record naming field and value
 *     2xx, longer than 1 MiB or not UTF-8           invalid record
 *     2xx, `cod` is not 200 (number or text)        the error of that code
 *     2xx, no JSON object (cut, HTML, empty)        PROVIDER_DOWN
 *     404 with no body or with a JSON one           PROVIDER_CITY_UNKNOWN
 *     404 with anything else                        PROVIDER_DOWN: a proxy's page, not the API's word
 *     401, 403 · 429 · 408, 425 · other 4xx         KEY_REFUSED · QUOTA · DOWN · REQUEST
 *     everything else                               PROVIDER_DOWN
 */
import type { City } from '../../model/city.ts';
import {
  CLOCK_SKEW_S_MAX,
  type CollectedRecord,
  formatRecord,
  type InvalidRecord,
  OBSERVED_AT_MIN,
  type Observation,
  RECORD_BYTES_MAX,
  TEXT_CHARACTERS_MAX,
} from '../../model/observation.ts';
import { formatTime, zoneOffsetSeconds } from '../../model/time-zone.ts';
import type { RejectedField } from '../../model/validity.ts';
import { ProviderError, type ProviderErrorCode, parseRetryAfter } from '../provider-error.ts';
import {
  type Fields,
  InvalidAnswer,
  isFields,
  readNumber,
  readObject,
  readWhole,
  usable,
} from './fields.ts';
import { readCondition, readMeasurements, type Units } from './measurements.ts';

/** Bytes of an answer that are read at most. */
export const ANSWER_BYTES_MAX = 1024 * 1024;
const INVALID_RESPONSE_BYTES_MAX = 64 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: string;
  /** When it had come, in milliseconds since 1970. */
  readonly collectedAt: number;
  /** Whether the bytes were UTF-8; `body` then holds their very characters. */
  readonly utf8?: boolean;
}

/** The part of an answer from which an observation is made; a recorded one has no headers. */
type MadeAnswer = Pick<Answer, 'body' | 'collectedAt'> & Partial<Pick<Answer, 'headers'>>;

export interface ParseOptions {
  /** What goes into the records' `source`. */
  readonly source: string;
  /** Seconds between two observations of the source. */
  readonly intervalSeconds: number;
  /** The units that the numbers are in; they come out in ours. */
  readonly units?: Units;
}

/** What the answer says about this city. Throws a ProviderError when that is nothing. */
export function parseAnswer(answer: Answer, city: City, options: ParseOptions): CollectedRecord {
  const place = `asking for ${city.city_id}`;
  if (answer.status < 200 || answer.status > 299) throw errorOfStatus(answer, place);
  const refuse = (reason: string): InvalidRecord =>
    makeInvalid(reason, answer, city.city_id, options.source);
  if (Buffer.byteLength(answer.body) > ANSWER_BYTES_MAX) return refuse('longer than 1 MiB');
  if (answer.utf8 === false) return refuse('not UTF-8');

  const fields = parseObject(answer.body, place);
  const code = codeOf(fields);
  if (code !== 200) throw errorOfCode(code, messageOf(fields), place, null);
  try {
    return makeObservation(fields, answer, city, options);
  } catch (error) {
    if (error instanceof InvalidAnswer) return refuse(error.message);
    throw error;
  }
}

/**
 * The observation in an answer's fields. Throws InvalidAnswer with the reason when there is none.
 * `notAfter`, in milliseconds, is the collection's time: no observation is later but for a skew.
 */
export function makeObservation(
  fields: Fields,
  answer: MadeAnswer,
  city: City,
  options: ParseOptions,
): Observation {
  const observedAt = readTime(fields, answer);
  const rejected: RejectedField[] = [];
  const measurements = readMeasurements(fields, options.units ?? 'metric', rejected);
  const offset = usable('utc_offset_s', rejected, () => readOffset(fields));
  const observation: Observation = {
    city_id: city.city_id,
    city: city.name,
    country: city.country,
    observed_at: formatTime(new Date(observedAt)),
    collected_at: formatTime(new Date(answer.collectedAt)),
    source: options.source,
    interval_s: options.intervalSeconds,
    utc_offset_s: offset ?? zoneOffsetSeconds(city.time_zone, new Date(observedAt)),
    provider_city_id: usable('provider_city_id', rejected, () =>
      readWhole(fields, 'id', { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    ),
    ...measurements,
    ...readCondition(fields, TEXT_CHARACTERS_MAX, rejected),
    response: answer.body,
    ...(rejected.length === 0 ? {} : { rejected_fields: rejected }),
  };
  // Escaped in JSON a character can take six bytes, so that only long answers need counting.
  const mayBeTooLong = answer.body.length * 6 > RECORD_BYTES_MAX - 8_192;
  if (mayBeTooLong && formatRecord(observation).length > RECORD_BYTES_MAX) {
    throw new InvalidAnswer('longer than 900 KiB as a record');
  }
  return observation;
}

/** `dt` in milliseconds since 1970. */
function readTime(fields: Fields, answer: MadeAnswer): number {
  const { collectedAt } = answer;
  const dt = readNumber(fields, 'dt');
  if (dt === null) throw new InvalidAnswer('dt is missing');
  const ms = Math.round(dt * 1_000);
  if (ms < Date.parse(OBSERVED_AT_MIN)) throw new InvalidAnswer(`dt is before 1950 (${dt})`);
  if (ms > collectedAt + CLOCK_SKEW_S_MAX * 1_000) {
    const minutes = CLOCK_SKEW_S_MAX / 60;
    const ahead = `${dt}, ${formatSpan(ms - collectedAt)} ahead; ${clockAdvice(answer)}`;
    throw new InvalidAnswer(`dt is more than ${minutes} minutes after the answer came (${ahead})`);
  }
  return ms;
}

/** A Date header that differs by less says nothing: it has whole seconds, and the way takes time. */
const SKEW_MS_MIN = 60_000;

/** What a time in the future says about this machine's clock, by the provider's Date header. */
function clockAdvice({ headers, collectedAt }: MadeAnswer): string {
  const date = Date.parse(headers?.get('date') ?? '');
  const skewMs = date - collectedAt;
  if (Number.isNaN(date) || Math.abs(skewMs) < SKEW_MS_MIN) return 'check this machine’s clock';
  const way = skewMs > 0 ? 'slow' : 'fast';
  return `this machine’s clock is ${formatSpan(Math.abs(skewMs))} ${way} by the provider’s`;
}

/** `15 minutes`, `3 hours`, `2 days`. */
function formatSpan(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}

/** The shift from UTC: at the top in answers about one city, in `sys` in the list endpoints. */
function readOffset(fields: Fields): number | null {
  const range = { minimum: -64_800, maximum: 64_800 };
  return (
    readWhole(fields, 'timezone', range) ??
    readWhole(readObject(fields, 'sys'), 'timezone', range, 'sys.timezone')
  );
}

/** The record of an answer that makes no observation, with as much of it as fits. */
export function makeInvalid(
  reason: string,
  answer: { readonly body: string; readonly collectedAt: number },
  cityId: string,
  source: string,
): InvalidRecord {
  return {
    invalid: reason.slice(0, 256),
    city_id: cityId,
    collected_at: formatTime(new Date(answer.collectedAt)),
    source,
    response: cutBytes(answer.body, INVALID_RESPONSE_BYTES_MAX),
  };
}

/** The longest beginning of the text with at most that many bytes of UTF-8. */
function cutBytes(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytesMax));
  return text.slice(0, read);
}

/** The JSON object in an answer; a byte order mark before it is tolerated. */
export function parseObject(body: string, place: string): Fields {
  const value = parseJson(body);
  if (isFields(value)) return value;
  const what = body.trim() === '' ? 'an empty answer' : 'an answer that is not a JSON object';
  throw new ProviderError('PROVIDER_DOWN', `${place}: ${what}`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body.startsWith('\uFEFF') ? body.slice(1) : body);
  } catch {
    return undefined;
  }
}

/** The answer's own verdict; 200 when it names none, as in the list endpoints. */
export function codeOf(fields: Fields): number {
  const code = Number(fields.cod ?? 200);
  return Number.isInteger(code) ? code : 200;
}

export function messageOf(fields: Fields): string {
  const message = fields.message;
  if (typeof message !== 'string') return '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not reach a terminal.
  return message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 200);
}

function errorOfStatus(answer: Answer, place: string): ProviderError {
  const body = parseJson(answer.body);
  const retryAfter = parseRetryAfter(answer.headers, answer.collectedAt);
  const fields = isFields(body) ? body : null;
  if (answer.status === 404 && fields === null && answer.body.trim() !== '') {
    return new ProviderError('PROVIDER_DOWN', `${place}: HTTP 404 with a page that is not JSON`, {
      status: 404,
      retryAfterSeconds: retryAfter,
    });
  }
  return errorOfCode(answer.status, fields === null ? '' : messageOf(fields), place, retryAfter);
}

/** The error that an HTTP status or the code in a body stands for. */
export function errorOfCode(
  status: number,
  message: string,
  place: string,
  retryAfterSeconds: number | null,
): ProviderError {
  const said = message === '' ? '' : `, “${message}”`;
  return new ProviderError(meaning(status, message), `${place}: ${status}${said}`, {
    status,
    retryAfterSeconds,
  });
}

function meaning(status: number, message: string): ProviderErrorCode {
  // The API once said "502 Error: Not found city", and says "404 Internal error" for a wrong path.
  if (status >= 500) {
    return /not found city/i.test(message) ? 'PROVIDER_CITY_UNKNOWN' : 'PROVIDER_DOWN';
  }
  if (status === 404) return /internal/i.test(message) ? 'PROVIDER_DOWN' : 'PROVIDER_CITY_UNKNOWN';
  if (status === 401 || status === 403) return 'PROVIDER_KEY_REFUSED';
  if (status === 429) return 'PROVIDER_QUOTA';
  if (status < 400 || status === 408 || status === 425) return 'PROVIDER_DOWN';
  return 'PROVIDER_REQUEST';
}
