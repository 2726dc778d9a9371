/**
 * The source OpenWeatherMap: `GET {url}/data/2.5/weather?lat&lon&units=metric&appid`, one city a
 * call. The simulator is asked by the same code; only the name in the records differs.
 *
 * Nothing that leaves this file holds the address or the key: errors are made from status and
 * error codes, and an answer that quotes the key is masked before it is read.
 */
import { isUtf8 } from 'node:buffer';
import { IsobarError } from '../../errors.ts';
import { causesOf, readAtMost } from '../../fetching.ts';
import { type Logger, silentLogger } from '../../logger.ts';
import type { City } from '../../model/city.ts';
import { maskSecrets } from '../../secrets.ts';
import { type Clock, systemClock } from '../clock.ts';
import { ProviderError } from '../provider-error.ts';
import type { Source } from '../source.ts';
import { openKeyMemory } from './key-memory.ts';
import { ANSWER_BYTES_MAX, type Answer, parseAnswer } from './parse.ts';
import { type ProviderProxy, providerFetch, proxyFor } from './proxy.ts';

export interface OpenWeatherOptions {
  /** Address of the API without `/data/2.5/weather`. */
  readonly url: string;
  readonly key: string;
  /** Goes into every record; `simulator` means that the observations are made up. */
  readonly name: 'openweathermap' | 'simulator';
  /** Seconds between two observations of the provider. */
  readonly intervalSeconds: number;
  /** Seconds until a call without a complete answer is given up. */
  readonly timeoutSeconds: number;
  /** Where it is remembered whether the key ever worked; without it only while the process lives. */
  readonly folder?: string;
  readonly fetch?: typeof fetch;
  /** Where HTTPS_PROXY and its like are looked for; the process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly logger?: Pick<Logger, 'warn' | 'info'>;
}

/** A shorter key is none, and masking it would tear answers to pieces. */
const KEY_CHARACTERS_MASKED = 8;

export function openOpenWeather(options: OpenWeatherOptions): Source {
  const { name, key, intervalSeconds, clock = systemClock, logger = silentLogger } = options;
  if (key === '') throw new IsobarError('PROVIDER_KEY_MISSING', 'opening OpenWeatherMap: no key');
  const simulated = name === 'simulator';
  const secrets = simulated || key.length < KEY_CHARACTERS_MASKED ? [] : [key];
  const memory = openKeyMemory(key, options.folder, logger);
  const env = options.env ?? process.env;
  const proxy = proxyFor(options.url, env);
  const send = options.fetch ?? providerFetch(proxy, env);
  if (proxy !== null) {
    logger.info(`calling ${name} through the proxy ${proxy.shown} (${proxy.variable})`);
  }

  const observe: Source['observe'] = async (city, signal, onStatus) => {
    signal.throwIfAborted();
    const answer = await askInTime(city, signal);
    onStatus?.(answer.status);
    try {
      const record = parseAnswer(answer, city, { source: name, intervalSeconds });
      memory.worked();
      return record;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (error.ofCity) memory.worked();
      if (error.code !== 'PROVIDER_KEY_REFUSED') throw error;
      const keyNotActiveYet = memory.refused(clock.now());
      throw new ProviderError(error.code, error.message, {
        status: answer.status,
        keyNotActiveYet,
      });
    }
  };

  async function askInTime(city: City, signal: AbortSignal): Promise<Answer> {
    const call = new AbortController();
    const done = new AbortController();
    const cancel = () => call.abort();
    signal.addEventListener('abort', cancel, { once: true });
    let timedOut = false;
    void clock.wait(options.timeoutSeconds * 1_000, done.signal).then(() => {
      if (done.signal.aborted) return;
      timedOut = true;
      call.abort();
    });
    try {
      return await ask(city, call.signal);
    } catch (error) {
      signal.throwIfAborted();
      const { what, isUnreached } = timedOut
        ? { what: `no answer within ${options.timeoutSeconds} s`, isUnreached: true }
        : describe(error, proxy);
      const text = `asking for ${city.city_id}: ${what}`;
      throw new ProviderError('PROVIDER_DOWN', text, { isUnreached });
    } finally {
      done.abort();
      signal.removeEventListener('abort', cancel);
    }
  }

  async function ask(city: City, signal: AbortSignal): Promise<Answer> {
    const parameters = new URLSearchParams({
      lat: String(city.latitude),
      lon: String(city.longitude),
      units: 'metric',
      appid: key,
    });
    const address = `${options.url.replace(/\/+$/, '')}/data/2.5/weather?${parameters}`;
    const response = await send(address, {
      signal,
      // Whoever redirects us elsewhere would learn the key there.
      redirect: 'manual',
      headers: { accept: 'application/json', 'user-agent': 'isobar' },
    });
    const bytes = await readAtMost(response, ANSWER_BYTES_MAX + 1);
    return {
      status: response.status,
      headers: response.headers,
      body: maskSecrets(bytes.toString('utf8'), secrets),
      collectedAt: clock.now(),
      // A long answer is cut, maybe within a character.
      utf8: bytes.length > ANSWER_BYTES_MAX || isUtf8(bytes),
    };
  }

  return { name, simulated, observe };
}

/**
 * What went wrong, in a word: ECONNREFUSED, ENOTFOUND, UND_ERR_SOCKET, CERT_HAS_EXPIRED, …
 * The messages of these errors may hold the address, so only codes come through.
 */
function describe(
  error: unknown,
  proxy: ProviderProxy | null,
): { readonly what: string; readonly isUnreached: boolean } {
  const by = proxy === null ? '' : ` through the proxy ${proxy.shown}`;
  for (const { error: at, code } of causesOf(error)) {
    if (code === 'ERR_PROXY_TUNNEL' && proxy !== null) {
      const status = /HTTP\/1\.\d (\d{3})/.exec(at.message)?.[1];
      const what = `the proxy ${proxy.shown} refuses the connection (${status ?? code})`;
      return { what, isUnreached: true };
    }
    if (code === 'UND_ERR_SOCKET') return CUT_OFF;
    if (code === null) continue;
    // Its machine was reached, unless a proxy is what refuses.
    const isUnreached = proxy !== null || !/^(ECONNREFUSED|ECONNRESET|EPIPE|.*CERT.*)$/.test(code);
    return { what: `no answer${by} (${code})`, isUnreached };
  }
  return error instanceof TypeError && error.message === 'terminated'
    ? CUT_OFF
    : { what: `no answer${by} (network failure)`, isUnreached: true };
}

const CUT_OFF = { what: 'the answer was cut off', isUnreached: false };
