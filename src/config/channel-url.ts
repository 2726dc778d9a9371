/** Addresses that channels call. */
import { isIP } from 'node:net';

/** `localhost` and addresses of this machine, with or without brackets. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost');
}

/** What is wrong with the address; null when nothing is. The address is not in the text. */
export function urlProblem(
  url: string,
  { sendsSecrets }: { readonly sendsSecrets: boolean },
): string | null {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || /[\s\p{C}]/u.test(url)) {
    return 'expected an address such as https://example.org/alerts; got something else';
  }
  if (parsed.username !== '' || parsed.password !== '') {
    return 'expected an address without user and password; got one with them';
  }
  if (parsed.protocol === 'http:' && sendsSecrets && !isLoopbackHost(parsed.hostname)) {
    return 'expected https, since a secret is sent to another machine; got http';
  }
  return null;
}
