/**
 * A connection to Redis that is left alone while it fails: after three failures in a row, or when
 * the connection is lost, for a pause that grows from failure to failure. It is tried again beside
 * the answers, and no answer waits for it.
 */
import type { Redis } from 'ioredis';
import { placeOf, type RedisAddress } from '../../config/redis-address.ts';
import { asIsobarError, ERRORS, IsobarError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { CacheStatus, RoomError } from '../../model/status.ts';
import { jitteredBackoff, orAborted, pauseUnref } from '../../waiting.ts';
import {
  closeRedis,
  connectRedis,
  noReply,
  translateRedisError,
  unexpectedReply,
} from './redis-client.ts';

export interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** Milliseconds that a command waits for its reply. */
  readonly timeoutMs: number;
  /** Whoever sends a longer reply is not our Redis. */
  readonly replyBytesMax: number;
  readonly logger: Logger;
  /** Milliseconds until an attempt to connect is given up. */
  readonly connectMs?: number;
  /** Pauses between two attempts to connect. */
  readonly pauses?: { readonly least: number; readonly most: number };
}

export interface RedisConnection extends AsyncDisposable {
  readonly place: string;
  readonly state: CacheStatus['state'];
  /** What it failed with last; null once it works again. */
  readonly error: RoomError | null;
  /** Whether a command of so many bytes would be sent, and not refused at once. */
  takes(bytes?: number): boolean;
  /**
   * The reply, texts as buffers. Rejects with CACHE_UNAVAILABLE, CACHE_LOGIN_REFUSED or CACHE_FULL;
   * the command may have been carried out all the same. A server that replies anything but what
   * `isReply` expects is left alone.
   */
  send<R>(
    command: Command,
    isReply: (reply: unknown) => reply is R,
    timeoutMs?: number,
  ): Promise<R>;
}

export type Command = readonly [name: string, ...rest: (string | Buffer)[]];

const CONNECT_MS = 2_000;
const PAUSES = { least: 250, most: 30_000 };
const FAILURES_MAX = 3;
/** Under way at once; what exceeds them is not sent. */
const COMMANDS_MAX = 256;
const BYTES_MAX = 32 * 1024 * 1024;
/** What surrounds a reply in the protocol, and a chunk of the next one. */
const REPLY_MARGIN_BYTES = 1024 * 1024;

/** Returns at once; it connects meanwhile. */
export function openRedisConnection(options: RedisConnectionOptions): RedisConnection {
  return new WatchedConnection(options);
}

class WatchedConnection implements RedisConnection {
  readonly place: string;
  state: CacheStatus['state'] = 'connecting';
  error: RoomError | null = null;
  readonly #options: RedisConnectionOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #client: Redis | null = null;
  #lose: (error: IsobarError) => void = () => {};
  /** Since the last command that succeeded. */
  #failures = 0;
  #losses = 0;
  #pending = 0;
  #pendingBytes = 0;
  #unclaimedBytes = 0;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.place = placeOf(options.address);
    this.#running = this.#stayConnected();
  }

  takes(bytes = 0): boolean {
    if (this.#client === null || this.#pending >= COMMANDS_MAX) return false;
    return this.#pending === 0 || this.#pendingBytes + bytes <= BYTES_MAX;
  }

  async send<R>(
    command: Command,
    isReply: (reply: unknown) => reply is R,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<R> {
    const client = this.#client;
    const bytes = command.reduce((sum, part) => sum + part.length, 0);
    if (client === null || !this.takes(bytes)) {
      throw new IsobarError('CACHE_UNAVAILABLE', `${this.place}: it is left alone for a while`);
    }
    const [name, ...rest] = command;
    this.#pending += 1;
    this.#pendingBytes += bytes;
    const reply = client.callBuffer(name, ...rest).finally(() => {
      this.#pending -= 1;
      this.#pendingBytes -= bytes;
      this.#unclaimedBytes = 0;
    });
    try {
      const found = await inTime(reply, timeoutMs);
      if (!isReply(found)) {
        this.#lose(unexpectedReply());
        throw unexpectedReply();
      }
      if (client === this.#client) this.#succeeded(name);
      return found;
    } catch (error) {
      const translated = translateRedisError(error, this.place);
      if (client === this.#client) this.#failed(translated);
      throw translated;
    }
  }

  #succeeded(name: string): void {
    [this.#failures, this.#losses] = [0, 0];
    // Whether it is still full only a value can show.
    if (name === 'SET') this.#recover();
  }

  #failed(error: IsobarError): void {
    // It goes on answering, and what it holds is of use.
    if (error.code === 'CACHE_FULL') {
      this.#report(error);
      return;
    }
    this.#failures += 1;
    if (this.#failures >= FAILURES_MAX) this.#lose(error);
  }

  /** Connects, waits until the connection is lost, pauses, and so on until it is closed. */
  async #stayConnected(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const error = await this.#connectOnce().catch(asIsobarError);
      if (signal.aborted) return;
      this.state = 'away';
      this.#report(error);
      this.#losses += 1;
      await pauseUnref(jitteredBackoff(this.#options.pauses ?? PAUSES, this.#losses), signal);
    }
  }

  /** Resolves with why the connection was lost. */
  async #connectOnce(): Promise<IsobarError> {
    const { address, replyBytesMax, connectMs: timeoutMs = CONNECT_MS } = this.#options;
    const { signal } = this.#stop;
    const client = await connectRedis({ address, timeoutMs, signal });
    const lost = Promise.withResolvers<IsobarError>();
    const lose = (error: unknown) => lost.resolve(translateRedisError(error, this.place));
    try {
      client.on('error', lose);
      client.once('end', () => lose({ code: 'ECONNRESET' }));
      this.#unclaimedBytes = 0;
      client.stream.on('data', (chunk: Buffer) => {
        this.#unclaimedBytes += chunk.length;
        if (this.#unclaimedBytes > replyBytesMax + REPLY_MARGIN_BYTES) lose(unexpectedReply());
      });
      // It may have ended before anything listened.
      if (client.status === 'end') lose({ code: 'ECONNRESET' });
      this.#lose = lose;
      this.#failures = 0;
      this.#client = client;
      this.state = 'ready';
      this.#recover();
      return await orAborted(lost.promise, signal);
    } finally {
      this.#client = null;
      closeRedis(client);
    }
  }

  #recover(): void {
    if (this.error === null) return;
    this.error = null;
    this.#options.logger.info(`the shared cache: ${this.place} can be used again`);
  }

  /** One line for each change. */
  #report({ code, message }: IsobarError): void {
    if (this.error?.code === code) {
      this.error = { ...this.error, message };
      return;
    }
    this.error = { code, message, remedy: ERRORS[code].remedy, since: new Date().toISOString() };
    this.#options.logger.warn({ code }, `the shared cache: ${message}; answers are computed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new IsobarError('ABORTED', 'the server stops'));
    await this.#running;
  }
}

/** A reply that has come while this process was busy is read before the time counts as over. */
async function inTime<T>(reply: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => setImmediate(() => late.reject(noReply(ms))), ms);
  try {
    return await Promise.race([reply, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
