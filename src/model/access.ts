/** Who may do what, and see which cities: roles, scopes, and whoever asks. */
import type { City } from './city.ts';

/** Each may do what those before it may. */
export const ACCESS_ROLES = ['viewer', 'operator', 'admin'] as const;
export type AccessRole = (typeof ACCESS_ROLES)[number];

export const PASSWORD_CHARACTERS = { least: 15, most: 256 } as const;

/** Whoever sends a request, once that is known. */
export interface Principal {
  /** `open`: a server without a login, `user`: a person, `key`, `token`: a program. */
  readonly kind: 'open' | 'user' | 'key' | 'token';
  /** Of the user, of the key, or in the token; empty where the server is open. */
  readonly name: string;
  readonly role: AccessRole;
  /** Null for all cities. */
  readonly cities: CityScope | null;
}

/** Which cities may be seen: ids, `country:GB` and `tag:coast`, of which one has to fit. */
export type CityScope = readonly string[];

export function isInScope(
  scope: CityScope,
  { city_id, country, tags = [] }: Pick<City, 'city_id' | 'country' | 'tags'>,
): boolean {
  const terms = [city_id, `country:${country.toUpperCase()}`, ...tags.map((tag) => `tag:${tag}`)];
  return terms.some((term) => scope.includes(term));
}

export function formatScope(scope: CityScope | null): string {
  return scope === null ? 'all' : scope.join(',');
}

/** Where the server does not ask for a login. */
export const OPEN: Principal = { kind: 'open', name: '', role: 'admin', cities: null };

export function hasRole({ role }: Pick<Principal, 'role'>, needed: AccessRole): boolean {
  return ACCESS_ROLES.indexOf(role) >= ACCESS_ROLES.indexOf(needed);
}
