/** Addresses of services, and of our own server, as settings and clients have them. */
import { urlProblem } from './channel-url.ts';

const BASE = /^https?:\/\/[^/\s@]+\/?$/;
const ADDRESS = /^https?:\/\/[^/?#@\s,]+(\/[^?#@\s,]*)?$/;
const ANY_HOST = ['0.0.0.0', '::'];

/** What is wrong with a setting that holds addresses; null when nothing is, or for other settings. */
export function serviceAddressProblem(path: string, value: string): string | null {
  if (path.endsWith('.url')) {
    return BASE.test(value) ? null : expected('https://api.openweathermap.org', value);
  }
  if (value === '') return null;
  if (path === 'alerts.page_url') return urlProblem(value, { sendsSecrets: false });
  if (path === 'tracing.otlp_url') {
    return ADDRESS.test(value) ? null : expected('http://127.0.0.1:4318', value);
  }
  if (!/^engines\..+_urls?$/.test(path)) return null;
  const addresses = path.endsWith('s') ? value.split(',').map((one) => one.trim()) : [value];
  const wrong = addresses.find((address) => !ADDRESS.test(address));
  return wrong === undefined ? null : expected('http://127.0.0.1:4040', wrong);
}

/** An address with `@` may hold a password, which is not repeated. */
function expected(example: string, value: string): string {
  const text = `expected an address such as ${example}`;
  return value.includes('@')
    ? `${text}, without a user name and a password`
    : `${text}; got ${JSON.stringify(value)}`;
}

/** `127.0.0.1:3210`, `[::1]:3210`. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where this machine reaches a server that listens on this host. */
export function reachedHost(host: string): string {
  return ANY_HOST.includes(host) ? '127.0.0.1' : host;
}
