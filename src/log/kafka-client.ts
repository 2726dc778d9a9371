/** Connections to the brokers, and who leads which partition; everything else asks through here. */
import { isIP } from 'node:net';
import {
  Admin,
  type AdminOptions,
  type Connection,
  type ConnectionOptions,
  ConnectionPool,
} from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { IsobarError, translateFileError } from '../errors.ts';
import { readRegularFile } from '../regular-file.ts';
import { backoff, pause, within } from '../waiting.ts';
import { isPassing, isTopicMissing, translateKafkaError } from './kafka-errors.ts';

export interface Layout {
  /** The topic's id. */
  readonly id: string;
  readonly partitions: readonly { readonly leader: number; readonly epoch: number }[];
  readonly brokers: ReadonlyMap<number, { readonly host: string; readonly port: number }>;
}

const CLIENT_ID = 'isobar';
const AWAY_MS_MIN = 1_000;
const CLOSE_MS = 1_000;
const RETRY_MS = { least: 50, most: 1_000 } as const;
const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

export async function openClient(config: Config['log']['kafka']): Promise<KafkaClient> {
  return new KafkaClient(config, await clientOptions(config));
}

export class KafkaClient implements AsyncDisposable {
  readonly topic: string;
  /** Names the topic and the brokers in errors. */
  readonly place: string;
  readonly options: AdminOptions;
  readonly admin: Admin;
  readonly #pools;
  readonly #timeoutMs: number;
  readonly #secrets: readonly string[];
  #seen: Layout | null = null;
  #id: string | null = null;
  #isBlind = true;
  #isAway = false;
  #closed = false;

  constructor(config: Config['log']['kafka'], options: AdminOptions) {
    this.topic = config.topic;
    this.place = `topic ${config.topic} at ${config.brokers}`;
    this.options = options;
    this.admin = new Admin({ ...options, retries: 0 });
    this.#pools = {
      control: new ConnectionPool(CLIENT_ID, options),
      data: new ConnectionPool(CLIENT_ID, options),
    };
    this.#timeoutMs = config.timeout_s * 1_000;
    this.#secrets = [config.password];
  }

  /** Whether it never looked itself. */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** What was last seen of the topic; throws LOG_UNAVAILABLE before the first look. */
  layout(): Layout {
    if (this.#seen !== null) return this.#seen;
    throw new IsobarError('LOG_UNAVAILABLE', `${this.place}: not seen yet`);
  }

  /** Takes what another process saw for the last seen, until it can look itself. */
  remember(layout: Layout): void {
    this.#seen = layout;
    this.#id = layout.id;
  }

  /** Looks again; null when the topic does not exist. Rejects with LOG_REPLACED if replaced. */
  async look(): Promise<Layout | null> {
    this.assertOpen();
    const seen = await this.#ask();
    if (seen === null) return null;
    this.#seen = seen;
    this.#id ??= seen.id;
    this.#isBlind = false;
    if (seen.id !== this.#id) {
      const text = `${this.place}: it was ${this.#id} and is ${seen.id}`;
      throw new IsobarError('LOG_REPLACED', text);
    }
    return seen;
  }

  async #ask(): Promise<Layout | null> {
    const { topic } = this;
    try {
      const { topics, brokers } = await this.admin.metadata({ topics: [topic], forceUpdate: true });
      const found = topics.get(topic);
      if (found === undefined) return null;
      const partitions = found.partitions.map(({ leader, leaderEpoch }) => ({
        leader,
        epoch: leaderEpoch,
      }));
      return { id: found.id, partitions, brokers };
    } catch (error) {
      if (isTopicMissing(error)) return null;
      throw error;
    }
  }

  /** How long to try now: less while the brokers are unreachable, so that callers do not wait. */
  retryMs(): number {
    return this.#isAway ? Math.max(AWAY_MS_MIN, this.#timeoutMs / 4) : this.#timeoutMs;
  }

  /** Reports whether an attempt reached the brokers. */
  report(isReached: boolean): void {
    this.#isAway = !isReached;
  }

  /**
   * Runs the attempt until it succeeds, at most `retryMs`; looks anew at the topic between two
   * attempts. Rejects at once with what does not pass, else with LOG_UNAVAILABLE.
   */
  async persist<T>(what: string, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const deadline = performance.now() + this.retryMs();
    for (let failures = 1; ; failures += 1) {
      const pauseMs = backoff(RETRY_MS, failures);
      this.assertOpen();
      signal?.throwIfAborted();
      try {
        const result = await within(deadline - performance.now(), attempt(), signal);
        this.#isAway = false;
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        if (!isPassing(error)) throw this.translate(error, what);
        if (performance.now() + pauseMs >= deadline) {
          this.#isAway = true;
          throw this.translate(error, what);
        }
      }
      await pause(pauseMs, signal);
      signal?.throwIfAborted();
      // What could not be looked at is tried again at the old place, and then fails for a reason.
      await within(deadline - performance.now(), this.look(), signal).catch((error) => {
        if (!isPassing(error)) throw this.translate(error, what);
      });
    }
  }

  /** A connection to the partition's leader; big answers have connections of their own. */
  async leaderOf(partition: number, use: 'control' | 'data'): Promise<Connection> {
    const { partitions, brokers } = this.layout();
    const broker = brokers.get(partitions[partition]?.leader ?? -1);
    if (broker !== undefined) return this.#pools[use].get(broker);
    const text = `${this.place}: partition ${partition} has no leader`;
    throw new IsobarError('LOG_UNAVAILABLE', text);
  }

  translate(error: unknown, what: string): IsobarError {
    return translateKafkaError(error, `${this.place}: ${what}`, this.#secrets);
  }

  assertOpen(): void {
    if (!this.#closed) return;
    throw new IsobarError('LOG_UNAVAILABLE', `${this.place}: the log was closed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const closings = [this.admin.close(), this.#pools.control.close(), this.#pools.data.close()];
    // A connection to a broker that hangs may never report that it is closed.
    await Promise.allSettled(closings.map((one) => within(CLOSE_MS, one)));
  }
}

async function clientOptions(config: Config['log']['kafka']): Promise<AdminOptions> {
  const timeoutMs = config.timeout_s * 1_000;
  return {
    clientId: CLIENT_ID,
    bootstrapBrokers: parseBrokers(config.brokers),
    // Detects a broker that hangs within the limit, with time left for another try.
    connectTimeout: Math.min(5_000, timeoutMs / 2),
    requestTimeout: Math.max(500, timeoutMs / 2),
    timeout: Math.max(500, timeoutMs / 2),
    ...(await securityOptions(config)),
  };
}

async function securityOptions(config: Config['log']['kafka']): Promise<ConnectionOptions> {
  const { tls, tls_authority, mechanism, user, password } = config;
  const options: ConnectionOptions = {};
  if (tls) {
    options.tls = tls_authority === '' ? {} : { ca: await readAuthority(tls_authority) };
    // A certificate's name is asked for by names only.
    options.tlsServerName = parseBrokers(config.brokers).every(({ host }) => isIP(host) === 0);
  }
  if (mechanism !== 'none') {
    options.sasl = { mechanism: MECHANISMS[mechanism], username: user, password };
  }
  return options;
}

const AUTHORITY_BYTES_MAX = 4 * 1024 * 1024;

async function readAuthority(path: string): Promise<Buffer> {
  try {
    return await readRegularFile(path, { bytesMax: AUTHORITY_BYTES_MAX });
  } catch (error) {
    throw translateFileError(error, `log.kafka.tls_authority ${path}`, 'CONFIG_INVALID');
  }
}

/** `host:port, [::1]:port, …` */
function parseBrokers(text: string): { host: string; port: number }[] {
  return text.split(',').map((part) => {
    const match = /^(?:\[([0-9a-f:]+)\]|([^\s:/]+)):(\d{1,5})$/i.exec(part.trim());
    const [, bracketed, plain, port] = match ?? [];
    const host = bracketed ?? plain;
    if (host === undefined || Number(port) > 65_535) {
      throw new IsobarError(
        'CONFIG_INVALID',
        `log.kafka.brokers: "${part.trim()}" is not of the form host:port`,
      );
    }
    return { host, port: Number(port) };
  });
}
