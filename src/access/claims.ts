/** What is taken from the claims of a provider or an issuer: name, role, and which cities. */
import type { RoleMapping } from '../config/role-mapping.ts';
import { IsobarError } from '../errors.ts';
import { ACCESS_ROLES, type AccessRole, type CityScope } from '../model/access.ts';
import { parseScope } from './scope.ts';

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimRules {
  readonly nameClaim: string;
  readonly roleClaim: string;
  readonly roles: RoleMapping;
  /** Empty: all cities are seen. */
  readonly cityClaim: string;
}

/** Letters, digits, marks and blanks; nothing that could change how a line is read. */
const NAME = /^(?! )[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,128}(?<! )$/u;
const GROUPS_MAX = 2_000;
/** Claims that are a list with blanks (RFC 8693, RFC 9068). */
const BLANK_SEPARATED = ['scope', 'scp'];

/**
 * The value at `realm_access.roles`. A name may have dots itself, as `https://example.org/roles`;
 * then the whole name goes first.
 */
export function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
  const own = claims as Claims;
  if (Object.hasOwn(own, path)) return own[path];
  for (let at = path.indexOf('.'); at !== -1; at = path.indexOf('.', at + 1)) {
    const head = path.slice(0, at);
    const found = Object.hasOwn(own, head) ? claimAt(own[head], path.slice(at + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The highest role of these groups; rejects with ROLE_MISSING without one. */
export function roleOf(groups: readonly string[], roles: RoleMapping): AccessRole {
  const found = groups.slice(0, GROUPS_MAX).map((group) => roles.get(group));
  const role = ACCESS_ROLES.findLast((one) => found.includes(one));
  if (role !== undefined) return role;
  const count = groups.length === 1 ? '1 group' : `${groups.length} groups`;
  throw new IsobarError('ROLE_MISSING', `${count}, but not one of those in api.auth.roles`);
}

/** Rejects with ROLE_MISSING. */
export function roleFromClaims(claims: Claims, { roleClaim, roles }: ClaimRules): AccessRole {
  const value = claimAt(claims, roleClaim);
  if (value === undefined || value === null) {
    throw new IsobarError('ROLE_MISSING', `the claim ${roleClaim} is missing`);
  }
  // Who may write any address there could take that of another.
  if (roleClaim === 'email' && claims.email_verified !== true) {
    throw new IsobarError('ROLE_MISSING', 'the claim email is not verified');
  }
  const isList = typeof value === 'string' && BLANK_SEPARATED.includes(roleClaim);
  const values = isList ? value.split(' ') : Array.isArray(value) ? value : [value];
  return roleOf(
    values.filter((one) => typeof one === 'string'),
    roles,
  );
}

/** The name, else the subject; null when both cannot be shown. */
export function nameFromClaims(claims: Claims, { nameClaim }: ClaimRules): string | null {
  const names = [claimAt(claims, nameClaim), claims.sub];
  return (names.find((one) => typeof one === 'string' && isName(one)) as string | null) ?? null;
}

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** The cities that may be seen; null for all. Rejects with ROLE_MISSING, where a claim is set. */
export function scopeFromClaims(claims: Claims, { cityClaim }: ClaimRules): CityScope | null {
  if (cityClaim === '') return null;
  const value = claimAt(claims, cityClaim);
  const terms = typeof value === 'string' ? value.split(/[\s,]+/) : value;
  return scopeOf(Array.isArray(terms) ? terms : [], `the claim ${cityClaim}`);
}

/** `all` alone → null; what cannot be read is never taken for all cities. */
export function scopeOf(terms: readonly unknown[], place: string): CityScope | null {
  try {
    return parseScope(terms.join(','));
  } catch {
    const expected = 'expected ids, country:XX, tag:WORD, or all';
    throw new IsobarError('ROLE_MISSING', `${place} does not say which cities: ${expected}`);
  }
}
