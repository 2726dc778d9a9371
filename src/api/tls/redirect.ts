/**
 * A small server of plain HTTP that sends browsers on to https, and does nothing else. Programs are
 * refused: they would follow without a word, and go on sending their key readable each time.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IsobarError } from '../../errors.ts';
import { pathOf, withoutBase } from '../base-path.ts';
import { translateListenError } from '../listening.ts';
import { hostProblem, type Names, nameOf, SECURITY_HEADERS } from '../security.ts';

export interface RedirectOptions {
  readonly host: string;
  readonly port: number;
  /** Port of the HTTPS server. */
  readonly securePort: number;
  readonly names: Names;
  readonly basePath: string;
}

export interface Redirect extends AsyncDisposable {
  readonly port: number;
}

const LIMITS = { maxHeaderSize: 24 * 1_024, headersTimeout: 10_000, requestTimeout: 10_000 };
const CONNECTIONS_MAX = 256;
const HTTPS_PORT = 443;
/** What programs ask. */
const FOR_PROGRAMS = /^\/(api\/.*|metrics|livez|readyz|healthz|openapi\.json)$/;

/** Rejects as listening does: PORT_TAKEN, PORT_FORBIDDEN, CONFIG_INVALID. */
export async function openRedirect(options: RedirectOptions): Promise<Redirect> {
  const { host, port } = options;
  const server = createServer(LIMITS, (request, response) => redirect(request, response, options));
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  server.on('connect', (_, socket) => {
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n');
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const translated = translateListenError(error, { host, port });
    if (!(translated instanceof IsobarError)) throw translated;
    const { code, message } = translated;
    throw new IsobarError(code, `api.tls.redirect_port: ${message}`, { cause: error });
  }
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function redirect(
  request: IncomingMessage,
  response: ServerResponse,
  { names, securePort, basePath }: RedirectOptions,
): void {
  const { url = '', method = '', headers } = request;
  const { host = '' } = headers;
  response.setHeader('connection', 'close');
  if (!url.startsWith('/') || host === '' || !/^[\w.:[\]-]+$/.test(host)) {
    answer(response, 400, 'expected a path, and the header Host\n');
    return;
  }
  const problem = hostProblem(host, names);
  if (problem !== null) {
    answer(response, problem.row.status, `${problem.message}\n`);
    return;
  }
  const port = securePort === HTTPS_PORT ? '' : `:${securePort}`;
  const place = `https://${nameOf(host)}${port}`;
  const isProgram = FOR_PROGRAMS.test(pathOf(withoutBase(url, basePath)));
  if (isProgram || headers.authorization !== undefined || !/^(GET|HEAD)$/.test(method)) {
    answer(response, 403, `this is answered over HTTPS only: ask ${place}\n`);
    return;
  }
  response.setHeader('location', `${place}${url}`);
  answer(response, 308, '');
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...SECURITY_HEADERS,
  });
  response.end(text);
}
