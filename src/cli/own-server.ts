/** Asking the server that `server.json` names, by HTTPS where it speaks that. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { hostPort, reachedHost } from '../config/service-address.ts';
import type { ServerNote } from '../pipeline/server-note.ts';

export interface OwnAnswer {
  readonly ok: boolean;
  json(): Promise<unknown>;
}

/** Rejects where no such server answers, or one with another certificate. */
export async function askServer(
  note: ServerNote,
  path: string,
  signal: AbortSignal,
): Promise<OwnAnswer> {
  const place = hostPort(reachedHost(note.host), note.port);
  const { certificate_sha256: sha256 } = note;
  if (sha256 === undefined) return fetch(`http://${place}${path}`, { signal });
  const socket = await connectPinned(note, sha256, signal);
  const headers = { host: place, connection: 'close' };
  const asked = httpRequest({ path, headers, signal, createConnection: () => socket });
  const answered = once(asked, 'response', { signal });
  asked.end();
  const [answer] = (await answered) as [IncomingMessage];
  const { statusCode = 0 } = answer;
  const body = await text(answer);
  return { ok: statusCode >= 200 && statusCode < 300, json: async () => JSON.parse(body) };
}

/**
 * Exactly this certificate is trusted: neither its names nor its authority matter, nor whether it has
 * expired, which is something that one would like to read in the status. Nothing is sent before.
 */
async function connectPinned(
  { host, port }: ServerNote,
  sha256: string,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const options = { host: reachedHost(host), port, rejectUnauthorized: false, ...servername };
  const socket = connect({ ...options, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] });
  try {
    await once(socket, 'secureConnect', { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  if (socket.getPeerX509Certificate()?.fingerprint256 === sha256) return socket;
  socket.destroy();
  throw new Error(`${hostPort(host, port)} has another certificate`);
}
