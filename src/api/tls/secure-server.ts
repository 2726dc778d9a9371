/**
 * The HTTPS server: HTTP/2, and HTTP/1.1 for those who do not speak it, on one port (ALPN). Existing
 * connections go on when the certificate changes; new ones get the new one.
 */
import { constants as crypto } from 'node:crypto';
import {
  type IncomingMessage,
  METHODS,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  constants as http2,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from '../../config/schema.ts';
import type { Pair } from '../../config/tls-pair.ts';
import type { Certificate } from './certificate.ts';

export interface SecureLimits {
  readonly maxHeaderSize: number;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
}

/**
 * Forward secrecy and authenticated encryption only (Mozilla's “intermediate”, without DHE). Those of
 * TLS 1.3 come first.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
const HANDSHAKE_MS = 10_000;
/** Requests of one connection under way at once. */
const STREAMS_MAX = 128;

export function openSecureServer(
  handler: RequestListener,
  certificate: Certificate,
  minimum: Config['api']['tls']['minimum'],
  limits: SecureLimits,
): Server {
  const server = createSecureServer(
    {
      ...secureContext(certificate.pair, minimum),
      ...limits,
      allowHTTP1: true,
      handshakeTimeout: HANDSHAKE_MS,
      settings: { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: limits.maxHeaderSize },
    },
    (request, response) => {
      if (request.httpVersionMajor === 2 && !isFit(request, response, limits)) return;
      // It has all that Fastify and our code ask of requests of HTTP/1.1.
      handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    },
  );
  // For HTTP/1.1; where options of a server of HTTP/2 do not reach.
  Object.assign(server, limits);
  limitSessions(server, limits);
  server.on('connect', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    if (request.httpVersionMajor === 2) response.writeHead(405, { allow: '' }).end();
  });
  certificate.onChange((pair) => server.setSecureContext(secureContext(pair, minimum)));
  // The same is true of it.
  return server as unknown as Server;
}

function secureContext(
  { certificate, key }: Pair,
  minimum: Config['api']['tls']['minimum'],
): SecureContextOptions {
  return {
    cert: certificate,
    key,
    minVersion: `TLSv${minimum}`,
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    ecdhCurve: 'auto',
    // Whoever has no AES in hardware chooses ChaCha20.
    honorCipherOrder: false,
    secureOptions: crypto.SSL_OP_NO_RENEGOTIATION,
  };
}

/** What the parser of HTTP/1.1 refuses by itself; answers where the request goes no further. */
function isFit(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  { maxHeaderSize }: SecureLimits,
): boolean {
  // The limit of the settings holds once the client has acknowledged them.
  if (request.rawHeaders.reduce((sum, text) => sum + text.length, 0) > maxHeaderSize) {
    response.writeHead(431).end();
    return false;
  }
  // Routers know the methods that Node.js knows. No address takes TRACE, or one that is unknown.
  if (!METHODS.includes(request.method)) Object.assign(request, { method: 'TRACE' });
  return true;
}

/** What Node.js limits by itself for HTTP/1.1 only. */
function limitSessions(server: Http2SecureServer, limits: SecureLimits): void {
  server.on('session', (session: ServerHttp2Session) => {
    // Without any traffic; what is still being answered may end.
    session.setTimeout(limits.keepAliveTimeout, () => session.close());
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    if (stream.endAfterHeaders) return;
    const timer = setTimeout(() => stream.close(http2.NGHTTP2_CANCEL), limits.requestTimeout);
    stream.once('end', () => clearTimeout(timer));
    stream.once('close', () => clearTimeout(timer));
  });
}
