/** How connections to the brokers are encrypted, and how they log in. */
import { isIP } from 'node:net';
import type { ConnectionOptions, ConnectionPool, SASLOptions } from '@platformatic/kafka';
import { splitList } from '../config/list.ts';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { KafkaTls } from './kafka-tls.ts';
import { TokenSource } from './kafka-token.ts';

type Kafka = Config['log']['kafka'];

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

export interface SecurityOptions {
  readonly kafka: Kafka;
  readonly hosts: readonly string[];
  /** Until the library gives a connection up that is not logged in yet. */
  readonly connectMs: number;
}

export class KafkaSecurity {
  readonly options: ConnectionOptions = {};
  readonly #tls: KafkaTls | null = null;
  readonly #tokens: TokenSource | null = null;
  readonly #password: string;

  /** Throws CONFIG_INVALID for files that cannot be used. */
  constructor({ kafka, hosts, connectMs }: SecurityOptions) {
    this.#password = kafka.password;
    if (kafka.tls) {
      this.#tls = new KafkaTls(kafka);
      this.options.tls = this.#tls.options;
      // A certificate's name is asked for by names only.
      this.options.tlsServerName = hosts.every((host) => isIP(host) === 0);
    }
    if (kafka.mechanism === 'oauthbearer') {
      if (kafka.oauth.client_secret === '') {
        const why = 'since log.kafka.mechanism is oauthbearer';
        throw new IsobarError(
          'CONFIG_INVALID',
          `log.kafka.oauth.client_secret: expected a value, ${why}`,
        );
      }
      const timeoutMs = kafka.timeout_s * 1_000;
      // Before the connection is given up, so that the reason is known.
      const waitMs = connectMs * 0.8;
      this.#tokens = new TokenSource({ oauth: kafka.oauth, timeoutMs, waitMs });
      this.options.sasl = bearerOptions(this.#tokens, kafka.oauth.extensions);
    } else if (kafka.mechanism !== 'none') {
      const { mechanism, user: username, password } = kafka;
      this.options.sasl = { mechanism: MECHANISMS[mechanism], username, password };
    }
  }

  /** What must not be in any output. */
  get secrets(): readonly string[] {
    return [this.#password, ...(this.#tokens?.secrets ?? [])];
  }

  /** What is wrong with the certificate that is shown. */
  get tlsProblem(): string | null {
    return this.#tls?.problem ?? null;
  }

  close(): void {
    this.#tokens?.close();
  }
}

function bearerOptions(tokens: TokenSource, extensions: string): SASLOptions {
  const pairs = splitList(extensions).map((one) => {
    const at = one.indexOf('=');
    return [one.slice(0, at), one.slice(at + 1)] as const;
  });
  return {
    mechanism: 'OAUTHBEARER',
    token: () => tokens.get(),
    oauthBearerExtensions: Object.fromEntries(pairs),
    // A broker that refuses the token says so in an answer that is a success by its code.
    authBytesValidator(bytes, callback) {
      if (bytes.length === 0) return callback(null, bytes);
      tokens.refused();
      const status = /"status":"([a-z_]{1,40})"/.exec(bytes.toString('latin1'))?.[1];
      const text = `the brokers refuse the token (${status ?? 'without a reason'})`;
      callback(new IsobarError('LOG_LOGIN_REFUSED', text), bytes);
    },
  };
}

/**
 * Two things that the library (2.12.1) leaves undone with connections that log in again before
 * their session ends: it keeps the timer of one that the broker has closed, which then takes a
 * later connection out of the pool and keeps the process alive; and a second error of a connection
 * would end the process, since only the first one is listened to.
 */
export function guardConnections(
  pool: ConnectionPool,
  onFault: (error: Error) => void = () => {},
): void {
  pool.on('connecting', ({ connection }) => {
    connection.on('error', onFault);
    // Of one that is closed already this stops the timer, and nothing else.
    connection.once('close', () => connection.close(() => {}));
  });
}
