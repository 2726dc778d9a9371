/** The simulator's faults: which one meets a request, and what the sensors are made to say. */
import { hash } from './noise.ts';

export const REQUEST_FAULTS = [
  'quota',
  'quota_without_retry_after',
  'key_refused',
  'server_error',
  'slow',
  'cut',
  'late',
  'repeated',
  'missing_fields',
  'bad_json',
  'html',
  'huge',
] as const;
export type RequestFault = (typeof REQUEST_FAULTS)[number];

export const SENSOR_FAULTS = ['spike', 'stuck', 'drift'] as const;
export type SensorFault = (typeof SENSOR_FAULTS)[number];

export type FaultKind = RequestFault | SensorFault;

/** Probability of each fault, 0 to 1; a request meets at most one request fault. */
export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

/** What was injected, so that those who look for faults can be scored. */
export interface InjectedFault {
  readonly kind: SensorFault;
  readonly latitude: number;
  readonly longitude: number;
  /** Seconds since 1970. */
  readonly dt: number;
  readonly true_temperature_c: number;
  readonly reported_temperature_c: number;
}

/** The fault of this request, or null; `number` counts requests, so that repeating them differs. */
export function faultOfRequest(
  seed: number,
  number: number,
  rates: FaultRates,
): RequestFault | null {
  const draw = (hash(seed + 7_919, number, 1, 0) + 1) / 2;
  let reached = 0;
  for (const kind of REQUEST_FAULTS) {
    reached += rates[kind] ?? 0;
    if (draw < reached) return kind;
  }
  return null;
}

/** Hours that a stuck or drifting sensor stays so. */
const EPISODE_S = 6 * 3_600;

/**
 * What the sensor adds to the true temperature at `dt`, decided by seed, place and time alone, so
 * that the same question gets the same answer. `trueAt` returns the true temperature.
 */
export function sensorFault(
  seed: number,
  place: { readonly latitude: number; readonly longitude: number },
  dt: number,
  rates: FaultRates,
  trueAt: (dt: number) => number,
): { readonly kind: SensorFault; readonly error: number } | null {
  const [x, y] = [Math.round(place.latitude * 1_000), Math.round(place.longitude * 1_000)];
  const chance = (layer: number, moment: number) => (hash(seed + layer, x, y, moment) + 1) / 2;
  const episode = Math.floor(dt / EPISODE_S);
  if (chance(101, dt) < (rates.spike ?? 0)) {
    const size = 8 + 12 * chance(102, dt);
    return { kind: 'spike', error: chance(103, dt) < 0.5 ? -size : size };
  }
  if (chance(104, episode) < (rates.stuck ?? 0)) {
    return { kind: 'stuck', error: trueAt(episode * EPISODE_S) - trueAt(dt) };
  }
  if (chance(105, episode) < (rates.drift ?? 0)) {
    return { kind: 'drift', error: 10 * (dt / EPISODE_S - episode) };
  }
  return null;
}
