/** The source OpenWeatherMap: `GET /data/2.5/weather` by coordinates. */
import type { City } from '../../model/city.ts';
import type { CollectedRecord } from '../../model/observation.ts';
import { ProviderError } from '../provider-error.ts';
import type { Source } from '../source.ts';
import { parseAnswer } from './parse.ts';

export interface OpenWeatherOptions {
  /** Address of the API without path; the simulator's when it is asked instead. */
  readonly url: string;
  readonly key: string;
  readonly timeoutSeconds: number;
  /** Goes into every observation. */
  readonly name: 'openweathermap' | 'simulator';
  readonly intervalSeconds: number;
  readonly fetch?: typeof fetch;
  readonly clock?: () => Date;
}

const ANSWER_BYTES_MAX = 1024 * 1024;

export function openOpenWeather(options: OpenWeatherOptions): Source {
  const { name, intervalSeconds, clock = () => new Date(), fetch: ask = fetch } = options;

  async function observe(city: City, signal: AbortSignal): Promise<CollectedRecord> {
    const url = new URL('/data/2.5/weather', options.url);
    url.searchParams.set('lat', String(city.latitude));
    url.searchParams.set('lon', String(city.longitude));
    url.searchParams.set('units', 'metric');
    url.searchParams.set('appid', options.key);
    const timeout = AbortSignal.timeout(options.timeoutSeconds * 1_000);
    try {
      const response = await ask(url, {
        signal: AbortSignal.any([signal, timeout]),
        redirect: 'error',
        headers: { accept: 'application/json' },
      });
      const body = await readBody(response);
      const collectedAt = clock();
      if (body.cut) {
        return {
          invalid: 'the answer is longer than 1 MiB',
          city_id: city.city_id,
          collected_at: collectedAt.toISOString(),
          source: name,
          response: body.text.slice(0, 64 * 1024),
        };
      }
      const retryAfter = response.headers.get('retry-after');
      const answer = { status: response.status, retryAfter, body: body.text, collectedAt };
      return parseAnswer(answer, city, { source: name, intervalSeconds });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProviderError) throw error;
      throw new ProviderError('PROVIDER_DOWN', describeFailure(error, timeout.aborted, options));
    }
  }

  return { name, simulated: name === 'simulator', observe };
}

/** At most 1 MiB of the answer; the rest is not read. */
async function readBody(response: Response): Promise<{ text: string; cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop cancels the rest of the answer.
    if (bytes > ANSWER_BYTES_MAX) break;
  }
  return { text: Buffer.concat(chunks).toString('utf8'), cut: bytes > ANSWER_BYTES_MAX };
}

/** The cause in a word: the error's own text may hold the address, and so the key. */
function describeFailure(error: unknown, timedOut: boolean, options: OpenWeatherOptions): string {
  if (timedOut) return `no answer within ${options.timeoutSeconds} s`;
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause;
  if (typeof cause?.code === 'string') return `no answer: ${cause.code}`;
  return `no answer: ${error instanceof Error ? error.name : 'unknown failure'}`;
}
