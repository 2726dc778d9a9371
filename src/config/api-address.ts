/** The settings that say where the server listens and under which names and path it is reached. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { corsOriginsProblem } from './cors-origins.ts';
import { trustedProxiesProblem } from './trusted-proxies.ts';

/** Addresses of the server's own at the root, which a base path would hide. */
const OWN_PATHS = /^\/(api|assets|docs|docs\.css|openapi\.json|metrics|livez|readyz|healthz)$/;
/** Settings that name an address of this machine. */
const HOSTS = ['api.host', 'health.host'];
const HOST_NAME = /^(?!.*\.\.)[\p{L}\p{N}]([\p{L}\p{N}._-]{0,251}[\p{L}\p{N}])?\.?$/u;

/** The value as the program uses it: `[::1]` → `::1`, `weather/` → `/weather`. */
export function normaliseAddress(path: string, value: string): string {
  const text = value.trim();
  if (HOSTS.includes(path)) {
    const bare = /^\[(.+)\]$/.exec(text)?.[1] ?? text;
    return isIP(bare) === 6 ? bare : text;
  }
  if (['api.allowed_hosts', 'api.cors_origins', 'api.trusted_proxies'].includes(path)) return text;
  if (path !== 'api.base_path') return value;
  const trimmed = text.replace(/\/+$/, '');
  return trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`;
}

/** What is wrong with a normalised value; null when nothing is, or for other settings. */
export function addressProblem(path: string, value: string): string | null {
  if (HOSTS.includes(path)) return hostProblem(value, path);
  if (path === 'api.base_path') return basePathProblem(value);
  if (path === 'api.trusted_proxies') return trustedProxiesProblem(value);
  if (path === 'api.cors_origins') return corsOriginsProblem(value);
  return path === 'api.allowed_hosts' ? allowedHostsProblem(value) : null;
}

function hostProblem(host: string, path: string): string | null {
  if (isAddress(host) || isHostName(host)) return null;
  const port = /:\d+$/.test(host)
    ? `; the port is the setting ${path.replace('host', 'port')}`
    : '';
  return (
    'expected an address or name of this machine, such as 127.0.0.1, ::1 or 0.0.0.0; ' +
    `got ${JSON.stringify(host)}${port}`
  );
}

function basePathProblem(basePath: string): string | null {
  if (OWN_PATHS.test(basePath)) {
    return `${basePath} is a path of the server itself; choose another`;
  }
  const segments = basePath.split('/').slice(1);
  const fits = segments.every((one) => /^[A-Za-z0-9._~-]+$/.test(one) && !/^\.+$/.test(one));
  if (fits && basePath.length <= 256) return null;
  return `expected a path such as /weather; got ${JSON.stringify(basePath)}`;
}

function allowedHostsProblem(hosts: string): string | null {
  for (const entry of hosts.split(',').map((one) => one.trim())) {
    const name = entry.replace(/^\*\./, '');
    if (entry === '' || entry === '*' || isAddress(name) || isHostName(name)) continue;
    return (
      'expected names without scheme, port and path, such as weather.example.org; ' +
      `got ${JSON.stringify(entry)}`
    );
  }
  return null;
}

/** An IPv6 address may have a zone: `fe80::1%eth0`. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/** Four numbers with dots are an address or nothing. */
function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !/^[\d.]+$/.test(text) && domainToASCII(text) !== '';
}
