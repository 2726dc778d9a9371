/** A login that a reverse proxy passes on in headers: believed from its own address alone. */
import { splitList } from '../config/list.ts';
import type { RoleMapping } from '../config/role-mapping.ts';
import type { TrustedProxies } from '../config/trusted-proxies.ts';
import { IsobarError } from '../errors.ts';
import type { AccessRole, Principal } from '../model/access.ts';
import { isName, roleOf, scopeOf } from './claims.ts';

export interface ProxyRules {
  readonly addresses: TrustedProxies;
  readonly userHeader: string;
  /** Null: every user has `role`. */
  readonly roleHeader: string | null;
  readonly role: AccessRole;
  readonly roles: RoleMapping;
  /** Null: every user sees all cities. */
  readonly cityHeader: string | null;
}

/**
 * Who sends a request, by the address at the other end of its connection and its headers as they came
 * (name, value, name, …). Null without the header; throws PROXY_UNTRUSTED and ROLE_MISSING.
 */
export type ProxiedLogin = (
  peer: string | undefined,
  rawHeaders: readonly string[],
) => Principal | null;

export function openProxiedLogin(rules: ProxyRules): ProxiedLogin {
  const { userHeader: userName, roleHeader: roleName, cityHeader: cityName } = rules;
  const [userHeader, roleHeader, cityHeader] = [userName, roleName ?? '', cityName ?? ''].map(
    (name) => name.toLowerCase(),
  ) as [string, string, string];

  return (peer, rawHeaders) => {
    const users = valuesOf(rawHeaders, userHeader);
    const groups = roleHeader === '' ? [] : valuesOf(rawHeaders, roleHeader);
    const places = cityHeader === '' ? [] : valuesOf(rawHeaders, cityHeader);
    if (users.length + groups.length + places.length === 0) return null;
    if (!rules.addresses.has(peer)) {
      const name = users.length > 0 ? userHeader : groups.length > 0 ? roleHeader : cityHeader;
      throw untrusted(
        `the header ${name} came from ${peer ?? 'an unknown address'}, which is not in ` +
          'api.auth.proxy.addresses',
      );
    }
    // Who adds to what the visitor has sent, instead of replacing it, would pass on any name.
    if ([users, groups, places].some(({ length }) => length > 1)) {
      throw untrusted('a header came more than once');
    }
    const [user = '', list = ''] = [users[0], groups[0]];
    if (user === '') return null;
    if (!isName(user) || user.includes(',')) {
      throw untrusted(`the header ${userHeader} does not hold one name`);
    }
    const role = roleHeader === '' ? rules.role : roleOf(splitList(list), rules.roles);
    const cities =
      cityHeader === '' ? null : scopeOf(places[0]?.split(',') ?? [], `the header ${cityHeader}`);
    return { kind: 'user', name: user, role, cities };
  };
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) values.push(decode(rawHeaders[at + 1] ?? ''));
  }
  return values;
}

/** Node.js reads headers as Latin-1; names beyond ASCII are sent as UTF-8. */
function decode(value: string): string {
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return (text.includes('\ufffd') ? value : text).trim();
}

function untrusted(reason: string): IsobarError {
  return new IsobarError('PROXY_UNTRUSTED', reason);
}
