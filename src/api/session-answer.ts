/** What the page is told about logins: how one logs in here, and who has. */
import type { Principal } from '../model/access.ts';
import type { SessionAnswer } from './access-schemas.ts';
import type { ApiContext } from './context.ts';

export function sessionAnswer(
  context: ApiContext,
  principal: Principal | null,
  next: string | null = null,
): SessionAnswer {
  const { access, config } = context;
  const login =
    access === null ? 'none' : access.proxied ? 'proxy' : access.oidc ? 'oidc' : 'local';
  const { oidc, proxy } = config.auth;
  const more = {
    none: { start: null, label: '', next },
    local: { start: null, label: '', next },
    oidc: { start: 'api/oidc/login', label: oidc.label, next },
    // Asking for the page again leads through the proxy.
    proxy: { start: '.', label: '', next: proxy.logout_url || null },
  }[login];
  // The model's arrays are read-only, the schema's are not.
  const shown = principal && { ...principal, cities: principal.cities && [...principal.cities] };
  return { data: { login, principal: shown, passwords: takesPasswords(context), ...more } };
}

export function takesPasswords({ access, config }: ApiContext): boolean {
  if (access === null || access.proxied) return false;
  return access.oidc ? config.auth.oidc.passwords : true;
}
