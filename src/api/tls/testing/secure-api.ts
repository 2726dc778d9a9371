/** The API over HTTPS on a real port, with a certificate of a private authority. */
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Logger } from '../../../logger.ts';
import type { ApiContext } from '../../context.ts';
import { openTestApi, type TestApi, type TestApiOptions } from '../../testing/api.ts';
import { type Certificate, openCertificate } from '../certificate.ts';
import { makeAuthority, makeServerPair, type SignedPair } from '../signing.ts';

export const DAY_MS = 86_400_000;
export const authority = makeAuthority('isobar test', new Date());

export function makePair(days = 30, now = new Date()): SignedPair {
  const names = ['localhost', 'weather.example.org', '127.0.0.1'];
  return makeServerPair(authority, { names, days, now });
}

export interface PairFolder extends Disposable {
  readonly authority: string;
  readonly files: { readonly certificate_file: string; readonly key_file: string };
  /** Replaces both by renames, as certbot does. */
  replace(pair: SignedPair): void;
}

export function openPairFolder(pair = makePair()): PairFolder {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-https-'));
  const files = { certificate_file: join(folder, 'a.crt'), key_file: join(folder, 'a.key') };
  const replace = ({ certificate, key }: SignedPair) => {
    writeFileSync(`${files.key_file}.new`, key, { mode: 0o600 });
    writeFileSync(`${files.certificate_file}.new`, certificate);
    renameSync(`${files.key_file}.new`, files.key_file);
    renameSync(`${files.certificate_file}.new`, files.certificate_file);
  };
  replace(pair);
  const trusted = join(folder, 'authority.crt');
  writeFileSync(trusted, authority.certificate);
  return {
    authority: trusted,
    files,
    replace,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

/** Keeps what was logged. */
export function openLogRecorder(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (details: object | string, message?: string) => {
    lines.push(message === undefined ? String(details) : `${message} ${JSON.stringify(details)}`);
  };
  return { lines, debug: note, info: () => {}, warn: note, error: note };
}

export interface SecureApi extends AsyncDisposable {
  readonly api: TestApi;
  readonly port: number;
  readonly pairs: PairFolder;
  readonly certificate: Certificate;
  readonly logger: ReturnType<typeof openLogRecorder>;
}

export interface SecureApiOptions extends TestApiOptions {
  readonly config?: Partial<ApiContext['config']>;
  readonly tls?: Partial<ApiContext['config']['tls']>;
  readonly pair?: SignedPair;
}

export async function openSecureApi(options: SecureApiOptions = {}): Promise<SecureApi> {
  const pairs = openPairFolder(options.pair);
  const logger = openLogRecorder();
  const certificate = await openCertificate({ files: pairs.files, logger, pollMs: 20 });
  const api = await openTestApi({
    ...options,
    change(context) {
      const tls = { ...context.config.tls, ...pairs.files, ...options.tls };
      const config = { ...context.config, ...options.config, tls };
      const changed = { ...context, certificate, logger, config };
      return options.change?.(changed) ?? changed;
    },
  });
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  return {
    api,
    port: Number(new URL(address).port),
    pairs,
    certificate,
    logger,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await certificate[Symbol.asyncDispose]();
      pairs[Symbol.dispose]();
    },
  };
}

/** A connection that trusts the authority of the tests. */
export async function openTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const trusted = { ca: authority.certificate, servername: 'localhost' };
  const socket = connectTls({ port, host: '127.0.0.1', ...trusted, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** One request by HTTP/1.1. */
export async function ask1(
  port: number,
  path: string,
  options: RequestOptions & { readonly payload?: string } = {},
): Promise<Received> {
  const { payload, ...rest } = options;
  const trusted = { ca: authority.certificate, agent: false, servername: 'localhost' } as const;
  const asked = requestHttps({ host: '127.0.0.1', port, path, ...trusted, ...rest });
  asked.end(payload);
  const [answer] = await once(asked, 'response');
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

export async function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://localhost:${port}`, {
    ca: authority.certificate,
    createConnection: () =>
      connectTls({
        ...{ port, host: '127.0.0.1', servername: 'localhost' },
        ...{ ca: authority.certificate, ALPNProtocols: ['h2'] },
      }),
  });
  await once(session, 'connect');
  return session;
}

/** One request by HTTP/2. */
export async function ask2(
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
  payload?: string,
): Promise<Received> {
  const stream = session.request(
    { ':path': path, ...headers },
    { endStream: payload === undefined },
  );
  if (payload !== undefined) stream.end(payload);
  const [answer] = await once(stream, 'response');
  return { status: answer[':status'], headers: answer, body: await text(stream) };
}
