/**
 * OpenWeatherMap's answer → an observation, an invalid record, or a provider error.
 *
 * Cases in their order:
 *   an error body, whatever the HTTP status  → ProviderError by its `cod`
 *   an HTTP status that is no 2xx            → ProviderError by the status
 *   no JSON object                           → PROVIDER_DOWN: cut, garbage, a proxy's page
 *   an answer that makes no observation      → invalid record with its reason
 *   else                                     → observation
 */
import tzLookup from '@photostructure/tz-lookup';
import { type City, formatCityId } from '../../model/city.ts';
import {
  CLOCK_SKEW_S_MAX,
  type CollectedRecord,
  type InvalidRecord,
  type Measurements,
  OBSERVED_AT_MIN,
  TEXT_CHARACTERS_MAX,
} from '../../model/observation.ts';
import { formatTime, zoneOffsetSeconds } from '../../model/time-zone.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from '../../model/variables.ts';
import { ProviderError, type ProviderErrorCode } from '../provider-error.ts';

export interface Answer {
  readonly status: number;
  /** The header `Retry-After` as it came, or null. */
  readonly retryAfter: string | null;
  readonly body: string;
  readonly collectedAt: Date;
}

export interface ParseContext {
  /** Goes into the observation: `openweathermap`, `simulator`. */
  readonly source: string;
  readonly intervalSeconds: number;
  /** What was asked for; imports of old recordings may be of other units. */
  readonly units?: Units;
}

export type Units = 'metric' | 'standard' | 'imperial';

/** Characters of the answer that an invalid record keeps. */
const RESPONSE_KEPT_MAX = 64 * 1024;

/** What the answer says about the city that was asked for. */
export function parseAnswer(answer: Answer, city: City, context: ParseContext): CollectedRecord {
  const object = parseBody(answer);
  throwProviderError(answer, object);
  if (object === null) {
    const what = answer.body.trim() === '' ? 'an empty answer' : 'an answer that is no JSON object';
    throw new ProviderError('PROVIDER_DOWN', `HTTP ${answer.status} with ${what}`);
  }
  return observationOf(object, answer, city, context);
}

/**
 * What a recorded answer says, without a configured city: the city is made from the answer's name,
 * country and place. An answer that names no place makes an invalid record.
 */
export function parseRecordedAnswer(
  answer: Answer,
  context: ParseContext,
): { readonly city: City | null; readonly record: CollectedRecord } {
  const object = parseBody(answer);
  throwProviderError(answer, object);
  const city = object === null ? null : cityOf(object);
  if (object === null || city === null) {
    const reason = object === null ? 'not a JSON object' : 'coord is missing';
    return { city: null, record: invalid(reason, answer, '', context) };
  }
  return { city, record: observationOf(object, answer, city, context) };
}

function observationOf(
  object: Json,
  answer: Answer,
  city: City,
  context: ParseContext,
): CollectedRecord {
  const reading = readMeasurements(object, context.units ?? 'metric');
  const reason = reasonAgainst(object, reading, answer.collectedAt);
  if (reason !== null) return invalid(reason, answer, city.city_id, context);
  const observedAt = new Date(Number(object.dt) * 1_000);
  return {
    city_id: city.city_id,
    city: city.name,
    country: city.country,
    observed_at: formatTime(observedAt),
    collected_at: formatTime(answer.collectedAt),
    source: context.source,
    interval_s: context.intervalSeconds,
    utc_offset_s: isWhole(object.timezone)
      ? object.timezone
      : zoneOffsetSeconds(city.time_zone, observedAt),
    provider_city_id: isWhole(object.id) ? object.id : null,
    ...reading.measurements,
    response: answer.body,
  };
}

interface Reading {
  readonly measurements: Measurements;
  /** The first field that is there, but no number. */
  readonly broken: string | null;
}

/** Fields as they come, in our units. Absent and null mean: not measured. */
function readMeasurements(object: Json, units: Units): Reading {
  let broken: string | null = null;
  const number = (name: string, value: unknown): number | null => {
    if (value === undefined || value === null) return null;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    broken ??= name;
    return null;
  };
  const main = child(object.main);
  const wind = child(object.wind);
  const weather = Array.isArray(object.weather) ? child(object.weather[0]) : {};
  const temperature = (name: string) => toCelsius(number(`main.${name}`, main[name]), units);
  const speed = (name: string) => toMetresPerSecond(number(`wind.${name}`, wind[name]), units);
  const measurements: Measurements = {
    temperature_c: temperature('temp'),
    feels_like_c: temperature('feels_like'),
    humidity_pct: number('main.humidity', main.humidity),
    pressure_hpa: number('main.pressure', main.pressure),
    wind_speed_ms: speed('speed'),
    wind_gust_ms: speed('gust'),
    wind_direction_deg: number('wind.deg', wind.deg),
    cloud_cover_pct: number('clouds.all', child(object.clouds).all),
    visibility_m: number('visibility', object.visibility),
    rain_1h_mm: precipitation('rain', object.rain, number),
    snow_1h_mm: precipitation('snow', object.snow, number),
    condition_id: number('weather.id', weather.id),
    condition: typeof weather.description === 'string' ? weather.description : null,
  };
  return { measurements, broken };
}

/**
 * The amount of the last hour. `{"3h": …}` is another quantity and is left out (it stays in the
 * answer); a bare 0, as answers of 2015 have it, is none in whatever time.
 */
function precipitation(
  name: string,
  value: unknown,
  number: (name: string, value: unknown) => number | null,
): number | null {
  return value === 0 ? 0 : number(`${name}.1h`, child(value)['1h']);
}

function reasonAgainst(object: Json, reading: Reading, collectedAt: Date): string | null {
  const { dt } = object;
  if (dt === undefined || dt === null) return 'dt is missing';
  if (!isWhole(dt)) return 'dt is not a whole number of seconds';
  if (dt * 1_000 < Date.parse(OBSERVED_AT_MIN)) return 'dt is before 1950';
  if (dt * 1_000 > collectedAt.getTime() + CLOCK_SKEW_S_MAX * 1_000) {
    return `dt is more than ${CLOCK_SKEW_S_MAX / 60} minutes after the answer came`;
  }
  if (reading.broken !== null) return `${reading.broken} is not a number`;
  const { measurements } = reading;
  for (const name of VARIABLE_NAMES) {
    const reason = outOfRange(name, measurements[name] ?? null);
    if (reason !== null) return reason;
  }
  if (VARIABLE_NAMES.every((name) => (measurements[name] ?? null) === null)) {
    return 'it holds no measurement';
  }
  if ((measurements.condition?.length ?? 0) > TEXT_CHARACTERS_MAX) {
    return `condition is longer than ${TEXT_CHARACTERS_MAX} characters`;
  }
  return null;
}

function outOfRange(name: VariableName, value: number | null): string | null {
  const { minimum, maximum, unit } = VARIABLES[name];
  if (value === null || (value >= minimum && value <= maximum)) return null;
  const kelvin =
    name === 'temperature_c' && value > 180 && value < 340 ? ', it looks like kelvin' : '';
  return `${name} ${value} is out of range (${minimum} to ${maximum} ${unit})${kelvin}`;
}

function invalid(
  reason: string,
  answer: Answer,
  city_id: string,
  context: ParseContext,
): InvalidRecord {
  return {
    invalid: reason,
    city_id,
    collected_at: formatTime(answer.collectedAt),
    source: context.source,
    response: answer.body.slice(0, RESPONSE_KEPT_MAX),
  };
}

/** Throws when the status, or a body with a `cod` other than 200, says that there is no answer. */
function throwProviderError(answer: Answer, object: Json | null): void {
  const cod = Number(object?.cod ?? answer.status);
  const okStatus = answer.status >= 200 && answer.status < 300;
  if (okStatus && (object === null || Number.isNaN(cod) || cod === 200)) return;
  const code = okStatus || !Number.isNaN(cod) ? cod : answer.status;
  const message = typeof object?.message === 'string' ? object.message.slice(0, 200) : '';
  // An old server said "502" for a city that it did not find.
  const notFound = /not found city|city not found/i.test(message);
  const meaning = notFound
    ? 'PROVIDER_CITY_UNKNOWN'
    : meaningOf(code === 200 ? answer.status : code);
  const text = `HTTP ${answer.status}${message === '' ? '' : `: ${message}`}`;
  throw new ProviderError(meaning, text, parseRetryAfter(answer));
}

function meaningOf(code: number): ProviderErrorCode {
  if (code === 401 || code === 403) return 'PROVIDER_KEY_REFUSED';
  if (code === 404) return 'PROVIDER_CITY_UNKNOWN';
  if (code === 429) return 'PROVIDER_QUOTA';
  if (code >= 400 && code < 500 && code !== 408) return 'PROVIDER_REQUEST';
  return 'PROVIDER_DOWN';
}

/** `Retry-After` in seconds, given as seconds or as a date; null when it is neither. */
function parseRetryAfter({ retryAfter, collectedAt }: Answer): number | null {
  if (retryAfter === null || retryAfter.trim() === '') return null;
  const seconds = Number(retryAfter);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? null : Math.max(0, (date - collectedAt.getTime()) / 1_000);
}

/** The city that an answer is about, or null when it names no place on Earth. */
function cityOf(object: Json): City | null {
  const { lat, lon } = child(object.coord);
  if (typeof lat !== 'number' || typeof lon !== 'number') return null;
  if (Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
  const name = typeof object.name === 'string' ? object.name.trim() : '';
  const { country } = child(object.sys);
  const land = typeof country === 'string' ? country : '';
  const place = `at-${lat.toFixed(2)}-${lon.toFixed(2)}`
    .replaceAll('.', '_')
    .replaceAll('--', '-m');
  const id = isWhole(object.id) && object.id > 0 ? `owm-${object.id}` : place;
  return {
    city_id: (formatCityId(name) === '' ? '' : formatCityId(name, land)) || id,
    name: name === '' ? id : name,
    country: land,
    latitude: lat,
    longitude: lon,
    time_zone: tzLookup(lat, lon),
  };
}

type Json = Readonly<Record<string, unknown>>;

function parseBody({ body }: Answer): Json | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Json)
      : null;
  } catch {
    return null;
  }
}

function child(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** 0 °C = 273.15 K; °C = (°F − 32) × 5 ÷ 9. Rounded to a millionth, away from binary dust. */
function toCelsius(value: number | null, units: Units): number | null {
  if (value === null || units === 'metric') return value;
  return rounded(units === 'standard' ? value - 273.15 : ((value - 32) * 5) / 9);
}

/** 1 mile an hour = 0.44704 m/s exactly (international mile). */
function toMetresPerSecond(value: number | null, units: Units): number | null {
  return value === null || units !== 'imperial' ? value : rounded(value * 0.44704);
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
