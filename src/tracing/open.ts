/** Opens the tracer; what exports is loaded only when a receiver is configured. */
import type { Config } from '../config/schema.ts';
import { authorityOf } from '../config/tls-authority.ts';
import { parseHeaders, tracesUrl } from '../config/tracing-receiver.ts';
import { fetchTrusting } from '../fetching.ts';
import type { Logger } from '../logger.ts';
import type { Receiver } from './sending.ts';
import type { Tracer } from './tracer.ts';

export interface TracingOptions {
  readonly version: string;
  /** The steps of this process: `collect,land`. */
  readonly roles: string;
  readonly simulated: boolean;
  readonly logger: Logger;
}

/** Throws CONFIG_INVALID for an authority that cannot be used. */
export function receiverOf(
  config: Pick<Config['tracing'], 'otlp_url' | 'headers' | 'tls_authority'>,
): Receiver {
  return {
    url: tracesUrl(config.otlp_url),
    headers: parseHeaders(config.headers) ?? {},
    fetch: fetchTrusting(authorityOf('tracing.tls_authority', config.tls_authority)),
  };
}

/** Null when tracing is off. Rejects with CONFIG_INVALID for an authority that cannot be used. */
export async function openTracer(
  config: Config['tracing'],
  { version, roles, simulated, logger }: TracingOptions,
): Promise<(Tracer & AsyncDisposable) | null> {
  if (config.otlp_url === '') return null;
  const { openExporting } = await import('./exporting.ts');
  return openExporting({
    receiver: receiverOf(config),
    resource: {
      'service.name': 'isobar',
      'service.version': version,
      'service.instance.id': crypto.randomUUID(),
      'isobar.roles': roles,
      'isobar.data': simulated ? 'simulated' : 'real',
    },
    version,
    samplePct: config.sample_pct,
    timeoutMs: config.timeout_s * 1_000,
    logger,
  });
}
