/**
 * The simulator: an HTTP server that speaks OpenWeatherMap's API with made-up weather.
 *
 *     GET  /data/2.5/weather?lat=…&lon=…&units=…&appid=…   as the provider
 *     GET  /simulator/clock       {"now": seconds, "speed": factor}
 *     GET  /simulator/injected    the sensor faults in answers so far
 *     GET  /simulator/faults      the rates in effect
 *     POST /simulator/faults      {"server_error": 0.3, …} sets them
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import tzLookup from '@photostructure/tz-lookup';
import type { City } from '../../model/city.ts';
import { distanceKm } from '../../model/city.ts';
import { zoneOffsetSeconds } from '../../model/time-zone.ts';
import { simulateAnswer } from './answer.ts';
import {
  type FaultKind,
  type FaultRates,
  faultOfRequest,
  type InjectedFault,
  REQUEST_FAULTS,
  type RequestFault,
  SENSOR_FAULTS,
  sensorFault,
} from './faults.ts';
import { hash } from './noise.ts';
import { weatherAt } from './weather.ts';

export interface SimulatorOptions {
  readonly host?: string;
  /** 0 means any free one. */
  readonly port?: number;
  readonly seed: number;
  /** Seconds between two observations of a city, by the simulator's clock. */
  readonly intervalSeconds: number;
  /** How many times faster than the wall clock its clock runs. */
  readonly speed?: number;
  /** Where its clock starts; now by default. */
  readonly epoch?: Date;
  /** The only key that it takes; any by default. */
  readonly key?: string;
  /** Names for places; others get their coordinates. */
  readonly cities?: readonly City[];
  readonly faults?: FaultRates;
  readonly clock?: () => Date;
}

export interface Simulator {
  readonly url: string;
  readonly port: number;
  /** The simulator's own time. */
  now(): Date;
  injected(): readonly InjectedFault[];
  setFaults(rates: FaultRates): void;
  readonly requests: number;
  stop(): Promise<void>;
}

const INJECTED_MAX = 100_000;
const SLOW_MS = 15_000;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { seed, intervalSeconds, speed = 1, clock = () => new Date() } = options;
  const started = clock();
  const epoch = options.epoch ?? started;
  const injected = new Map<string, InjectedFault>();
  let rates: FaultRates = options.faults ?? {};
  let requests = 0;

  const now = () => new Date(epoch.getTime() + (clock().getTime() - started.getTime()) * speed);

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      sendJson(response, 500, { cod: '500', message: `Internal error: ${error.message}` });
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://simulator');
    if (url.pathname === '/data/2.5/weather') {
      return sendWeather(url, response);
    }
    if (url.pathname === '/simulator/clock') {
      return sendJson(response, 200, { now: now().getTime() / 1_000, speed });
    }
    if (url.pathname === '/simulator/injected') {
      return sendJson(response, 200, [...injected.values()]);
    }
    if (url.pathname === '/simulator/faults') {
      const given = request.method === 'POST' ? await readRates(request) : rates;
      if (typeof given === 'string') return sendJson(response, 400, { cod: '400', message: given });
      rates = given;
      return sendJson(response, 200, rates);
    }
    sendJson(response, 404, { cod: '404', message: 'Internal error' });
  }

  function sendWeather(url: URL, response: ServerResponse): void {
    requests += 1;
    const fault = faultOfRequest(seed, requests, rates);
    if (fault !== null && sendFailure(fault, response)) return;
    const key = url.searchParams.get('appid') ?? '';
    const place = parsePlace(url.searchParams);
    if (key === '' || (options.key !== undefined && key !== options.key)) {
      sendJson(response, 401, INVALID_KEY);
    } else if (typeof place === 'string') {
      sendJson(response, 400, { cod: '400', message: place });
    } else {
      const units = parseUnits(url.searchParams.get('units'));
      sendAnswer(reportObservation(place, units, fault), fault, response);
    }
  }

  function reportObservation(place: Place, units: Units, fault: RequestFault | null) {
    const late = fault === 'late' ? 6 : fault === 'repeated' ? 1 : 0;
    const dt = newestDt(seed, place, now(), intervalSeconds) - late * intervalSeconds;
    const trueAt = (moment: number) => weatherAt(seed, place, new Date(moment * 1_000)).temperature;
    const sensor = sensorFault(seed, place, dt, rates, trueAt);
    if (sensor !== null) note(place, dt, sensor, trueAt(dt));
    const city = namedCity(options.cities ?? [], place.latitude, place.longitude, dt);
    return simulateAnswer({ seed, city, dt, units, temperatureError: sensor?.error ?? 0 });
  }

  function note(place: Place, dt: number, sensor: Injected, truth: number): void {
    if (injected.size >= INJECTED_MAX) return;
    injected.set(`${place.latitude} ${place.longitude} ${dt}`, {
      kind: sensor.kind,
      ...place,
      dt,
      true_temperature_c: truth,
      reported_temperature_c: truth + sensor.error,
    });
  }

  const port = await listen(server, options);
  return {
    url: `http://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    now,
    injected: () => [...injected.values()],
    setFaults(next) {
      rates = next;
    },
    get requests() {
      return requests;
    },
    stop: () => close(server),
  };
}

/** Resolves with the port. */
async function listen(server: Server, { port = 0, host }: SimulatorOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host ?? '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** The rates of the request, or what is wrong with them. */
async function readRates(request: IncomingMessage): Promise<FaultRates | string> {
  try {
    return parseRates(await readText(request));
  } catch (error) {
    return (error as Error).message;
  }
}

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

type Units = ReturnType<typeof parseUnits>;
type Injected = NonNullable<ReturnType<typeof sensorFault>>;

/** The coordinates that are asked for, or what the provider says of wrong ones. */
function parsePlace(query: URLSearchParams): Place | string {
  const latitude = number(query.get('lat'));
  const longitude = number(query.get('lon'));
  if (latitude === null || longitude === null) return 'Nothing to geocode';
  if (Math.abs(latitude) > 90) return 'wrong latitude';
  if (Math.abs(longitude) > 180) return 'wrong longitude';
  return { latitude, longitude };
}

/**
 * The newest time (seconds since 1970) of an observation that is out at `at`: one every interval,
 * shifted by place, published some seconds after its time.
 */
export function newestDt(
  seed: number,
  place: { readonly latitude: number; readonly longitude: number },
  at: Date,
  intervalSeconds: number,
): number {
  const [x, y] = [Math.round(place.latitude * 100), Math.round(place.longitude * 100)];
  const share = (hash(seed + 31, x, y, 0) + 1) / 2;
  const shift = Math.floor(share * Math.min(intervalSeconds, 600));
  const published = Math.min(4, intervalSeconds / 20);
  const out = at.getTime() / 1_000 - published - shift;
  return Math.floor(out / intervalSeconds) * intervalSeconds + shift;
}

const INVALID_KEY = {
  cod: 401,
  message: 'Invalid API key. Please see http://openweathermap.org/faq#error401 for more info.',
};

/** Whether the fault took the place of an answer. */
function sendFailure(fault: RequestFault, response: ServerResponse): boolean {
  switch (fault) {
    case 'quota':
    case 'quota_without_retry_after': {
      const headers = fault === 'quota' ? { 'retry-after': '2' } : {};
      sendJson(response, 429, { cod: 429, message: 'Your account is temporary blocked.' }, headers);
      return true;
    }
    case 'key_refused':
      sendJson(response, 401, INVALID_KEY);
      return true;
    case 'server_error':
      sendJson(response, 500, { cod: '500', message: 'Internal error: 500001' });
      return true;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>');
      return true;
    case 'huge':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"padding":"${'x'.repeat(2 * 1024 * 1024)}"}`);
      return true;
    default:
      return false;
  }
}

function sendAnswer(
  reported: Record<string, unknown>,
  fault: RequestFault | null,
  response: ServerResponse,
): void {
  if (fault === 'missing_fields') {
    const { dt: _, main: __, ...rest } = reported;
    sendJson(response, 200, rest);
    return;
  }
  const text = JSON.stringify(reported);
  if (fault === 'bad_json') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(text.slice(0, -20));
  } else if (fault === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    response.write(text.slice(0, 100), () => response.destroy());
  } else if (fault === 'slow') {
    const timer = setTimeout(() => sendJson(response, 200, reported), SLOW_MS);
    response.once('close', () => clearTimeout(timer));
  } else {
    sendJson(response, 200, reported);
  }
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** The listed city of this place (within 5 km), else one named after its coordinates. */
function namedCity(cities: readonly City[], latitude: number, longitude: number, dt: number) {
  const listed = cities.find((city) => distanceKm(city, { latitude, longitude }) < 5);
  const zone = listed?.time_zone ?? tzLookup(latitude, longitude);
  return {
    latitude,
    longitude,
    name: listed?.name ?? `${latitude.toFixed(2)}, ${longitude.toFixed(2)}`,
    country: listed?.country ?? '',
    utcOffsetSeconds: zoneOffsetSeconds(zone, new Date(dt * 1_000)),
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 16_384) throw new Error('the body is too long');
  }
  return text;
}

function parseRates(text: string): FaultRates {
  const value = JSON.parse(text) as Record<string, unknown> | null;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('write an object, such as {"server_error": 0.3}');
  }
  const kinds: readonly string[] = [...REQUEST_FAULTS, ...SENSOR_FAULTS];
  for (const [kind, rate] of Object.entries(value)) {
    if (!kinds.includes(kind)) throw new Error(`unknown fault ${kind}`);
    if (typeof rate !== 'number' || rate < 0 || rate > 1)
      throw new Error(`${kind}: expected a share from 0 to 1`);
  }
  return value as Partial<Record<FaultKind, number>>;
}

function parseUnits(text: string | null): 'metric' | 'standard' | 'imperial' {
  return text === 'metric' || text === 'imperial' ? text : 'standard';
}

function number(text: string | null): number | null {
  if (text === null || text.trim() === '') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
