/** The address of a Redis as one setting: `redis://user:password@host:port/number`. */
import { hostPort } from './service-address.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  /** Whether connections are encrypted: `rediss://`. */
  readonly tls: boolean;
  readonly user: string;
  readonly password: string;
  /** Number of the database. */
  readonly database: number;
  /** PEM of the authority that is trusted; without it those that Node.js knows are. */
  readonly authority?: Buffer;
}

const PORT = 6_379;
const PREFIX_LENGTH_MAX = 100;

/** The address, or null for another text. */
export function parseRedisUrl(text: string): RedisAddress | null {
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const path = /^(?:\/(\d{1,5})?)?$/.exec(url.pathname);
  if (url.hostname === '' || url.search !== '' || url.hash !== '' || path === null) return null;
  if (url.port === '0') return null;
  try {
    return {
      host: url.hostname.replace(/^\[(.+)\]$/, '$1'),
      port: url.port === '' ? PORT : Number(url.port),
      tls: url.protocol === 'rediss:',
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: Number(path[1] ?? 0),
    };
  } catch {
    // A % that encodes nothing.
    return null;
  }
}

/** `127.0.0.1:6379`: what may be shown of the address. */
export function placeOf({ host, port }: RedisAddress): string {
  return hostPort(host, port);
}

/** The address as options of ioredis, which would read the text of one in its own way. */
export function clientOptions(address: RedisAddress) {
  const { host, port, tls, user, password, database, authority } = address;
  return {
    host,
    port,
    ...(user === '' ? {} : { username: user }),
    ...(password === '' ? {} : { password }),
    ...(tls ? { tls: authority === undefined ? {} : { ca: authority } } : {}),
    db: database,
  };
}

/** What is wrong with the value, which may hold a password and is not shown; null when nothing is. */
export function redisUrlProblem(value: string): string | null {
  if (value === '' || parseRedisUrl(value) !== null) return null;
  return (
    'expected an address such as redis://cache.example.org:6379, ' +
    'rediss://user:password@cache.example.org:6379/0 for TLS and a login, where the characters ' +
    ':/?#[]@% of a password are percent-encoded'
  );
}

export function prefixProblem(value: string): string | null {
  if (/^[\x21-\x7e]+$/.test(value) && value.length <= PREFIX_LENGTH_MAX) return null;
  return (
    `expected up to ${PREFIX_LENGTH_MAX} letters, digits and marks without blanks, such as ` +
    `isobar:; got ${JSON.stringify(value)}`
  );
}
