/**
 * The proxy between this machine and the provider, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY name it
 * (in small letters, too, which go first). Only the provider is called through it: the lake, the log
 * and Spark are reached directly, and so is this machine itself.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { isLoopbackHost } from '../../config/channel-url.ts';
import { IsobarError } from '../../errors.ts';
import { answerOf } from '../../fetching.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface ProviderProxy {
  /** The variable that names it, such as HTTPS_PROXY. */
  readonly variable: string;
  /** Host and port, without credentials. */
  readonly shown: string;
  /** With credentials, if there are any: this is a secret. */
  readonly url: string;
}

/** Null for a direct connection. Throws CONFIG_INVALID for an invalid proxy address. */
export function proxyFor(address: string, env: Env): ProviderProxy | null {
  const named = namedProxy(address, env);
  if (named === null) return null;
  const { hostname, port, protocol } = new URL(address);
  const target = { host: bare(hostname), port: port || (protocol === 'https:' ? '443' : '80') };
  if (isLoopbackHost(target.host) || isExcepted(target, env.no_proxy || env.NO_PROXY || '')) {
    return null;
  }
  return parseProxy(named.variable, named.text);
}

/** The variable that concerns addresses of this scheme, if it is set. */
export function namedProxy(
  address: string,
  env: Env,
): { readonly variable: string; readonly text: string } | null {
  const scheme = URL.canParse(address) ? new URL(address).protocol.slice(0, -1) : '';
  if (scheme !== 'http' && scheme !== 'https') return null;
  for (const variable of [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`]) {
    const text = env[variable]?.trim() ?? '';
    if (text !== '') return { variable, text };
  }
  return null;
}

function parseProxy(variable: string, text: string): ProviderProxy {
  // As curl has it, a bare host and port is a proxy that speaks HTTP.
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(written) ? new URL(written) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new IsobarError(
      'CONFIG_INVALID',
      `${variable}: expected the address of an HTTP proxy, such as http://proxy.example.org:3128`,
    );
  }
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return { variable, shown: `${url.hostname}:${port}`, url: url.href };
}

/** NO_PROXY: names with all below them, `*.name`, addresses, each optionally with a port; or `*`. */
function isExcepted(
  target: { readonly host: string; readonly port: string },
  noProxy: string,
): boolean {
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true;
      const match = /^(?:\*?\.)?(\[[^\]]+\]|[^:]+|[0-9a-f:]+)(?::(\d+))?$/.exec(entry);
      const [, name = '', port = target.port] = match ?? [];
      if (name === '' || port !== target.port) return false;
      const host = bare(name);
      return target.host === host || (isIP(host) === 0 && target.host.endsWith(`.${host}`));
    });
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}

/** `fetch` by the way that `proxyFor` has chosen, whatever Node.js itself would do. */
export function providerFetch(proxy: ProviderProxy | null, env: Env) {
  // With NODE_USE_ENV_PROXY its fetch calls even this machine through the proxy.
  return proxy === null && !env.NODE_USE_ENV_PROXY ? fetch : fetchThrough(proxy);
}

/** `fetch`, as far as the provider needs it: GET with headers; no redirects. Null is direct. */
function fetchThrough(proxy: ProviderProxy | null) {
  const proxyEnv = proxy === null ? {} : { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
  const agents = { http: new HttpAgent({ proxyEnv }), https: new HttpsAgent({ proxyEnv }) };

  return async (
    address: string,
    { headers, signal }: { headers: Record<string, string>; signal: AbortSignal },
  ): Promise<Response> => {
    const isHttps = address.startsWith('https:');
    const send = isHttps ? httpsRequest : httpRequest;
    const agent = isHttps ? agents.https : agents.http;
    return answerOf(send(address, { agent, headers, signal }));
  };
}
