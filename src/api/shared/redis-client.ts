/**
 * One connection to Redis. What ioredis rejects with holds the arguments of the command, and so a
 * password: its errors stay in this file and become ours by their first word:
 *
 *     WRONGPASS, NOAUTH, NOPERM, ERR …AUTH…   → CACHE_LOGIN_REFUSED
 *     OOM                                      → CACHE_FULL
 *     LOADING, READONLY, MISCONF, BUSY, others → CACHE_UNAVAILABLE
 *     no reply, another protocol, a closed or refused connection → CACHE_UNAVAILABLE
 */
import type { Redis } from 'ioredis';
import { clientOptions, placeOf, type RedisAddress } from '../../config/redis-address.ts';
import { IsobarError } from '../../errors.ts';
import { oneLine } from '../../printable.ts';
import { within } from '../../waiting.ts';

export interface ConnectOptions {
  readonly address: RedisAddress;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** A client that never connects again by itself, logged in and answering. Rejects with CACHE_…. */
export async function connectRedis(options: ConnectOptions): Promise<Redis> {
  const { address, timeoutMs, signal } = options;
  const { Redis } = await import('ioredis');
  const client = new Redis({
    ...clientOptions(address),
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: timeoutMs,
    // A command is sent now or not at all.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  let first: unknown;
  client.on('error', (error) => {
    first ??= error;
  });
  try {
    await within(timeoutMs, connectAndPing(client), signal, () => noReply(timeoutMs));
    // The client goes on without the database that it was to choose.
    if (first !== undefined) throw first;
    return client;
  } catch (error) {
    closeRedis(client);
    throw translateRedisError(first ?? error, placeOf(address));
  }
}

async function connectAndPing(client: Redis): Promise<void> {
  await client.connect();
  if (`${await client.callBuffer('PING')}` !== 'PONG') throw unexpectedReply();
}

/** At once, also where the other side does not read any more. */
export function closeRedis(client: Redis): void {
  client.disconnect();
  client.stream?.destroy();
}

export function noReply(ms: number): IsobarError {
  return new IsobarError('CACHE_UNAVAILABLE', `no reply within ${ms} ms`);
}

export function unexpectedReply(): IsobarError {
  return new IsobarError('CACHE_UNAVAILABLE', 'it does not answer as Redis does');
}

/** Ours, without anything of the command in it. */
export function translateRedisError(error: unknown, place: string): IsobarError {
  const { code, message } = describe(error);
  return new IsobarError(code, message.startsWith(place) ? message : `${place}: ${message}`);
}

type CacheError = Pick<IsobarError, 'code' | 'message'>;

function describe(error: unknown): CacheError {
  if (error instanceof IsobarError) return error;
  const { code = '', message = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const text = message.split('\n')[0] ?? '';
  if (/^(WRONGPASS|NOAUTH|NOPERM)\b|^ERR .*\bAUTH\b/.test(text)) {
    const what = text.startsWith('NOPERM') ? 'a command is not permitted' : 'the login is refused';
    return { code: 'CACHE_LOGIN_REFUSED', message: what };
  }
  if (/^OOM\b/.test(text)) return { code: 'CACHE_FULL', message: 'it is at its memory limit' };
  const known = Object.hasOwn(TEXTS, code) ? TEXTS[code] : TEXTS[/^[A-Z]+/.exec(text)?.[0] ?? ''];
  return { code: 'CACHE_UNAVAILABLE', message: known ?? unexpectedText(code, text) };
}

/** By the system's code, or the first word of an error of Redis. */
const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'the host is unknown',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'the connection could not be established in time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  LOADING: 'it is still loading its data',
  READONLY: 'it is a replica and takes no changes',
  MISCONF: 'it cannot save its data and takes no changes',
  BUSY: 'it is busy with a script',
  MOVED: 'it is a node of a Redis cluster; name a single Redis or a proxy',
};

function unexpectedText(code: string, text: string): string {
  if (/closed/i.test(text)) return 'the connection was closed';
  if (/^ERR DB index/.test(text)) return 'it has no database of that number';
  if (/^ERR\b/.test(text)) return 'it refuses a command';
  return code === '' ? unexpectedReply().message : `the connection failed (${oneLine(code)})`;
}
