/** Connections to the brokers, and who leads which partition; everything else asks through here. */
import { Admin, type AdminOptions, type Connection, ConnectionPool } from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { backoff, pause, within } from '../waiting.ts';
import { isMereClosing, isPassing, isTopicMissing, translateKafkaError } from './kafka-errors.ts';
import { guardConnections, KafkaSecurity } from './kafka-security.ts';

export interface Layout {
  /** The topic's id. */
  readonly id: string;
  readonly partitions: readonly { readonly leader: number; readonly epoch: number }[];
  readonly brokers: ReadonlyMap<number, { readonly host: string; readonly port: number }>;
}

const CLIENT_ID = 'isobar';
const AWAY_MS_MIN = 1_000;
const CLOSE_MS = 1_000;
/** How long a fault explains that its connection is closed. */
const FAULT_MS = 2_000;
const RETRY_MS = { least: 50, most: 1_000 } as const;

export async function openClient(config: Config['log']['kafka']): Promise<KafkaClient> {
  return new KafkaClient(config);
}

export class KafkaClient implements AsyncDisposable {
  readonly topic: string;
  /** Names the topic and the brokers in errors. */
  readonly place: string;
  readonly options: AdminOptions;
  readonly admin: Admin;
  readonly #pools;
  readonly #config: Config['log']['kafka'];
  readonly #timeoutMs: number;
  readonly #security: KafkaSecurity;
  #seen: Layout | null = null;
  #id: string | null = null;
  #isBlind = true;
  #isAway = false;
  #closed = false;
  /** What a connection said before it was closed. */
  #fault: { readonly error: Error; readonly at: number } | null = null;

  /** Throws CONFIG_INVALID. */
  constructor(config: Config['log']['kafka']) {
    this.topic = config.topic;
    this.place = `topic ${config.topic} at ${config.brokers}`;
    this.#config = config;
    this.#timeoutMs = config.timeout_s * 1_000;
    const brokers = parseBrokers(config.brokers);
    // Detects a broker that hangs within the limit, with time left for another try.
    const connectMs = Math.min(5_000, this.#timeoutMs / 2);
    const hosts = brokers.map(({ host }) => host);
    this.#security = new KafkaSecurity({ kafka: config, hosts, connectMs });
    this.options = {
      clientId: CLIENT_ID,
      bootstrapBrokers: brokers,
      connectTimeout: connectMs,
      requestTimeout: Math.max(500, this.#timeoutMs / 2),
      timeout: Math.max(500, this.#timeoutMs / 2),
      ...this.#security.options,
    };
    this.admin = new Admin({ ...this.options, retries: 0 });
    this.#pools = {
      control: new ConnectionPool(CLIENT_ID, this.options),
      data: new ConnectionPool(CLIENT_ID, this.options),
    };
    for (const pool of [this.admin.connections, ...Object.values(this.#pools)]) this.guard(pool);
  }

  /** Every pool of connections that are opened with `options` needs it. */
  guard(pool: ConnectionPool): void {
    guardConnections(pool, (error) => {
      this.#fault = { error, at: performance.now() };
    });
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
    // When the last attempt is cut off, the one before says more.
    let failure: unknown = new Error('no answer in time');
    const late = () => failure as Error;
    for (let failures = 1; ; failures += 1) {
      const pauseMs = backoff(RETRY_MS, failures);
      this.assertOpen();
      signal?.throwIfAborted();
      try {
        const result = await within(deadline - performance.now(), attempt(), signal, late);
        this.#isAway = false;
        return result;
      } catch (cause) {
        signal?.throwIfAborted();
        const error = this.reasonOf(cause);
        failure = error;
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

  /** A request fails with a connection that is closed; why it was closed says more. */
  reasonOf(error: unknown): unknown {
    const fault = this.#fault;
    if (fault === null || performance.now() - fault.at > FAULT_MS) return error;
    return isMereClosing(error) && !isPassing(fault.error) ? fault.error : error;
  }

  translate(error: unknown, what: string): IsobarError {
    const { topic, group } = this.#config;
    const { secrets, tlsProblem } = this.#security;
    const place = `${this.place}: ${what}`;
    const failure = translateKafkaError(this.reasonOf(error), { place, secrets, topic, group });
    if (failure.code !== 'LOG_TLS' || tlsProblem === null) return failure;
    const text = `${failure.message}; ${tlsProblem}`;
    return new IsobarError('LOG_TLS', text, { details: { place } });
  }

  assertOpen(): void {
    if (!this.#closed) return;
    throw new IsobarError('LOG_UNAVAILABLE', `${this.place}: the log was closed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#security.close();
    const closings = [this.admin.close(), this.#pools.control.close(), this.#pools.data.close()];
    // A connection to a broker that hangs may never report that it is closed.
    await Promise.allSettled(closings.map((one) => within(CLOSE_MS, one)));
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
