/** The setting `api.auth.roles`: which group of a provider, issuer or proxy has which role. */
import { ACCESS_ROLES, type AccessRole } from '../model/access.ts';
import { splitList } from './list.ts';

export type RoleMapping = ReadonlyMap<string, AccessRole>;

const ENTRY = new RegExp(`^(.{1,512})=\\s*(${ACCESS_ROLES.join('|')})$`);
const SEPARATOR = /[;\n]/;
const ENTRIES_MAX = 200;

/** `weather-admins=admin; cn=staff,dc=example=viewer`; what is not valid is left out. */
export function parseRoleMapping(text: string): RoleMapping {
  const entries = splitList(text, SEPARATOR)
    .map(parseEntry)
    .filter((entry) => entry !== null);
  return new Map(entries);
}

/** What is wrong with the value; null when nothing is. */
export function roleMappingProblem(text: string): string | null {
  const entries = splitList(text, SEPARATOR);
  const example = 'expected entries such as weather-admins=admin; staff=viewer';
  if (entries.length > ENTRIES_MAX) return `expected at most ${ENTRIES_MAX} entries`;
  const groups = new Set<string>();
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if (parsed === null) return `${example}; got ${JSON.stringify(entry.slice(0, 64))}`;
    // Names of LDAP have commas as well, but not a role before each.
    const pieces = entry.split(',');
    if (pieces.length > 1 && pieces.every((piece) => parseEntry(piece.trim()) !== null)) {
      return `${example}, separated by semicolons; got ${JSON.stringify(entry.slice(0, 64))}`;
    }
    const [group] = parsed;
    if (groups.has(group)) return `expected one role for ${JSON.stringify(group)}; got several`;
    groups.add(group);
  }
  return null;
}

function parseEntry(text: string): readonly [group: string, role: AccessRole] | null {
  const [, group = '', role] = ENTRY.exec(text) ?? [];
  const trimmed = group.trim();
  return trimmed === '' || role === undefined ? null : [trimmed, role as AccessRole];
}
