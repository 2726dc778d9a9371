/**
 * A port for probes, in processes that serve nothing else: `/livez` says that the process answers,
 * `/readyz` whether it works. It says nothing more, so it needs no login.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { translateListenError } from '../api/listening.ts';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';

export interface HealthPort extends AsyncDisposable {
  readonly port: number;
  /** Whether `/readyz` answers 200; false at first. */
  isReady: boolean;
}

const LIMITS = { maxHeaderSize: 8 * 1_024, headersTimeout: 5_000, requestTimeout: 5_000 };
const CONNECTIONS_MAX = 32;

/** Rejects as listening does: PORT_TAKEN, PORT_FORBIDDEN, CONFIG_INVALID. */
export async function openHealthPort(place: Config['health']): Promise<HealthPort> {
  const server = createServer(LIMITS, (request, response) =>
    answer(request, response, health.isReady),
  );
  server.maxConnections = CONNECTIONS_MAX;
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(place.port, place.host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const translated = translateListenError(error, { ...place, section: 'health' });
    if (!(translated instanceof IsobarError) || translated.code === 'CONFIG_INVALID') {
      throw translated;
    }
    const { code, message } = translated;
    throw new IsobarError(code, `health.port: ${message}`, { cause: error });
  }
  const health: HealthPort = {
    port: (server.address() as AddressInfo).port,
    isReady: false,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
  return health;
}

function answer(request: IncomingMessage, response: ServerResponse, isReady: boolean): void {
  const [status, text] = outcomeOf(request, isReady);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(`${text}\n`);
}

function outcomeOf({ method, url }: IncomingMessage, isReady: boolean): [number, string] {
  if (method !== 'GET' && method !== 'HEAD') return [405, 'expected GET'];
  if (url === '/livez' || (url === '/readyz' && isReady)) return [200, 'ok'];
  return url === '/readyz'
    ? [503, 'it is starting or stopping']
    : [404, 'expected /livez or /readyz'];
}
