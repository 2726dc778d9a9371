/**
 * A provider in virtual time, for tests of the polling loop: every city gets an observation each
 * interval, which can be had a while later; faults come as a test wants them.
 */
import type { City } from '../../model/city.ts';
import type { TestClock } from './clock.ts';

/** What happens to a call: an answer, or one of the usual failures. */
export type Outcome =
  | 'answer'
  | 'hang'
  | 'cut'
  | 'unreached'
  | { readonly status: number; readonly retryAfter?: number }
  /** An answer with other fields than usual. */
  | { readonly change: Readonly<Record<string, unknown>> };

export interface WorldOptions {
  readonly clock: TestClock;
  readonly cities: readonly City[];
  readonly intervalMs: number;
  /** From its time to when an observation can be had. */
  readonly lagMs: number;
  readonly outcome: (cityId: string) => Outcome;
  /** Milliseconds from the question to the answer. */
  readonly latencyMs?: number;
  /** By how much the provider's clock is ahead of the true time. */
  readonly skewMs?: number;
}

interface Call {
  readonly at: number;
  readonly cityId: string;
  readonly outcome: Outcome;
  /** The time of the observation in the answer, or null. */
  readonly observedAt: number | null;
}

export interface World {
  readonly fetch: typeof fetch;
  readonly calls: readonly Call[];
  /** The times of a city's observations that could be had for their whole interval between two moments. */
  observations(
    city: City,
    from: number,
    to: number,
  ): { observedAt: number; from: number; to: number }[];
  /** The true time: the wall clock's without its jumps. */
  now(): number;
}

export function openTestWorld(options: WorldOptions): World {
  const { clock, cities, intervalMs, lagMs, skewMs = 0, latencyMs = 50 } = options;
  const start = clock.now() - clock.monotonic();
  const now = () => start + clock.monotonic();
  const calls: Call[] = [];
  // Each city has its own minute and second.
  const phase = (city: City) => (cities.indexOf(city) * 137_000) % intervalMs;
  const newest = (city: City, at: number) =>
    Math.floor((at - lagMs - phase(city)) / intervalMs) * intervalMs + phase(city);

  async function answer(address: string, signal: AbortSignal): Promise<Response> {
    const { searchParams } = new URL(address);
    const latitude = Number(searchParams.get('lat'));
    const city = cities.find((one) => one.latitude === latitude);
    if (city === undefined) throw new Error(`no city at ${latitude}`);
    const outcome = options.outcome(city.city_id);
    const isAnswered = outcome === 'answer' || (typeof outcome === 'object' && 'change' in outcome);
    const observedAt = isAnswered ? newest(city, now()) : null;
    calls.push({ at: now(), cityId: city.city_id, outcome, observedAt });
    await clock.wait(outcome === 'hang' ? 1e12 : latencyMs, signal);
    if (signal.aborted)
      throw Object.assign(new Error(`aborted ${address}`), { name: 'AbortError' });
    if (outcome === 'unreached') {
      const cause = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
      throw new TypeError('fetch failed', { cause });
    }
    if (typeof outcome === 'object' && 'status' in outcome) {
      const headers: Record<string, string> = {};
      if (outcome.retryAfter !== undefined) headers['retry-after'] = String(outcome.retryAfter);
      const quoted = searchParams.get('appid');
      const body = JSON.stringify({
        cod: outcome.status,
        message: `the key ${quoted} has a problem`,
      });
      return new Response(body, { status: outcome.status, headers });
    }
    const body = JSON.stringify({
      dt: ((observedAt ?? 0) + skewMs) / 1_000,
      main: { temp: Math.round(Math.sin((observedAt ?? 0) / 1e7) * 1_000) / 100 },
      key: searchParams.get('appid'),
      ...(typeof outcome === 'object' ? outcome.change : {}),
    });
    return new Response(outcome === 'cut' ? body.slice(0, 20) : body);
  }

  return {
    fetch: (address, init) => answer(String(address), init?.signal ?? new AbortController().signal),
    calls,
    observations(city, from, to) {
      const found: { observedAt: number; from: number; to: number }[] = [];
      for (let observedAt = newest(city, from) + intervalMs; ; observedAt += intervalMs) {
        const window = {
          observedAt,
          from: observedAt + lagMs,
          to: observedAt + lagMs + intervalMs,
        };
        if (window.to > to) return found;
        found.push(window);
      }
    },
    now,
  };
}
