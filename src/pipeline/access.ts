/** Whether the server asks for a login, and what it needs for that. */
import { join } from 'node:path';
import { type Access, openAccess } from '../access/access.ts';
import { openAudit } from '../access/audit.ts';
import { openSingleSignOn, type SingleSignOn } from '../access/oidc.ts';
import { openProxiedLogin } from '../access/proxied.ts';
import { openTokens } from '../access/tokens.ts';
import type { ApiAccess } from '../api/access.ts';
import { isLoopbackHost } from '../config/channel-url.ts';
import { splitList } from '../config/list.ts';
import { parseRoleMapping } from '../config/role-mapping.ts';
import type { Config } from '../config/schema.ts';
import { authorityOf } from '../config/tls-authority.ts';
import { parseTrustedProxies } from '../config/trusted-proxies.ts';
import { IsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';

const MINUTE_MS = 60_000;

/** `DATA/access`: users are the same for real and for simulated data. */
export function accessFolder({ data }: Pick<Config, 'data'>): string {
  return join(data, 'access');
}

/**
 * Rejects with CONFIG_INVALID for a server that others reach and that asks for no login, and for a single
 * sign-on without its secret.
 */
export function assertAccess({ api: { host, auth } }: Config): void {
  if (auth.mode === 'oidc' && auth.oidc.client_secret === '') {
    throw new IsobarError(
      'CONFIG_INVALID',
      'api.auth.oidc.client_secret: expected a value, since api.auth.mode is oidc; name its file in ' +
        'ISOBAR_API_AUTH_OIDC_CLIENT_SECRET_FILE',
    );
  }
  if (auth.mode !== 'none' || isLoopbackHost(host)) return;
  throw new IsobarError(
    'CONFIG_INVALID',
    `api.auth.mode: expected local, oidc or proxy, since others reach api.host ${host}; got none. ` +
      'Add a user with `isobar users add NAME --role admin`, then set ISOBAR_API_AUTH_MODE=local',
  );
}

export function openUsers(config: Config): Access {
  const { mode, session_idle_m, session_max_h, oidc } = config.api.auth;
  return openAccess(accessFolder(config), {
    idleMs: session_idle_m * MINUTE_MS,
    longestMs: session_max_h * 60 * MINUTE_MS,
    passwords: mode === 'oidc' ? oidc.passwords : mode !== 'proxy',
    ...(mode === 'oidc' ? { issuer: oidc.issuer } : {}),
  });
}

/** Null where the server is open. */
export async function openApiAccess(
  config: Config,
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<ApiAccess | null> {
  const { auth } = config.api;
  if (auth.mode === 'none') return null;
  const access = stack.use(openUsers(config));
  const audit = stack.use(openAudit(accessFolder(config)));
  if (auth.mode === 'local' && access.users().length === 0) {
    logger.warn('there are no users yet: add one with `isobar users add NAME --role admin`');
  }
  const warn = (text: string) => logger.warn(text);
  return {
    ...{ access, audit },
    oidc: auth.mode === 'oidc' ? await openOidc(auth, access, warn) : null,
    proxied: auth.mode === 'proxy' ? openProxied(auth) : null,
    tokens: openIssuerTokens(auth, warn),
  };
}

type Auth = Config['api']['auth'];

async function openOidc(
  { roles, oidc }: Auth,
  access: Access,
  warn: (text: string) => void,
): Promise<SingleSignOn> {
  return openSingleSignOn({
    issuer: oidc.issuer,
    clientId: oidc.client_id,
    clientSecret: oidc.client_secret,
    authority: authorityOf('api.auth.oidc.tls_authority', oidc.tls_authority),
    scopes: oidc.scopes,
    clockSkewS: oidc.clock_skew_s,
    requireLogoutType: oidc.require_logout_type,
    nameClaim: oidc.name_claim,
    roleClaim: oidc.role_claim,
    cityClaim: oidc.city_claim,
    roles: parseRoleMapping(roles),
    ticketKey: await access.secret('login'),
    warn,
  });
}

function openProxied({ roles, proxy }: Auth) {
  return openProxiedLogin({
    addresses: parseTrustedProxies(proxy.addresses),
    userHeader: proxy.user_header,
    roleHeader: proxy.role_header || null,
    cityHeader: proxy.city_header || null,
    role: proxy.role,
    roles: parseRoleMapping(roles),
  });
}

/** Null where no issuer is set. */
function openIssuerTokens({ roles, tokens }: Auth, warn: (text: string) => void) {
  if (tokens.issuer === '') return null;
  return openTokens({
    issuer: tokens.issuer,
    audience: tokens.audience,
    jwksUrl: tokens.jwks_url,
    authority: authorityOf('api.auth.tokens.tls_authority', tokens.tls_authority),
    algorithms: splitList(tokens.algorithms),
    nameClaim: tokens.name_claim,
    roleClaim: tokens.role_claim,
    cityClaim: tokens.city_claim,
    roles: parseRoleMapping(roles),
    maxAgeS: tokens.max_age_m * 60,
    clockSkewS: tokens.clock_skew_s,
    warn,
  });
}
