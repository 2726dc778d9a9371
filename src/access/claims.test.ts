import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRoleMapping, roleMappingProblem } from '../config/role-mapping.ts';
import { claimAt, nameFromClaims, roleFromClaims, scopeFromClaims } from './claims.ts';

const RULES = {
  cityClaim: '',
  nameClaim: 'preferred_username',
  roleClaim: 'groups',
  roles: parseRoleMapping(
    '/weather/admins=admin; cn=ops,ou=groups,dc=example=operator;staff = viewer',
  ),
};

test('a claim is found below others, and under a name with dots', () => {
  const claims = {
    realm_access: { roles: ['a'] },
    resource_access: { 'isobar.web': { roles: ['b'] } },
    'https://example.org/roles': ['c'],
    'x.y': 'whole',
    x: { y: 'part' },
  };
  assert.deepEqual(claimAt(claims, 'realm_access.roles'), ['a']);
  assert.deepEqual(claimAt(claims, 'resource_access.isobar.web.roles'), ['b']);
  assert.deepEqual(claimAt(claims, 'https://example.org/roles'), ['c']);
  assert.equal(claimAt(claims, 'x.y'), 'whole');
  for (const path of [
    '',
    '.',
    'x.z',
    'realm_access.roles.0',
    'constructor',
    '__proto__.x',
    'x..y',
  ]) {
    assert.equal(claimAt(claims, path), undefined, path);
  }
  fc.assert(
    fc.property(fc.object(), fc.string(), (value, path) => {
      claimAt(value, path);
    }),
  );
});

test('of several roles the highest counts, and groups are compared exactly', () => {
  const role = (groups: unknown) => roleFromClaims({ groups }, RULES);
  assert.equal(role(['staff', '/weather/admins']), 'admin');
  assert.equal(role('cn=ops,ou=groups,dc=example'), 'operator');
  assert.equal(role(['staff', 7, null]), 'viewer');
  for (const groups of [
    [],
    'Staff',
    ['staff '],
    'staff admin',
    { staff: true },
    true,
    ['__proto__'],
  ]) {
    assert.throws(() => role(groups), { code: 'ROLE_MISSING' }, JSON.stringify(groups));
  }
  const many = Array.from({ length: 3_000 }, (_, at) => `group-${at}`);
  assert.throws(() => role([...many, 'staff']), { code: 'ROLE_MISSING' });
});

test('cities are those of the claim, and none are all unless it says so', () => {
  const cities = (claim: unknown) =>
    scopeFromClaims({ isobar: { cities: claim } }, { ...RULES, cityClaim: 'isobar.cities' });
  assert.deepEqual(cities(['oslo', 'country:no']), ['country:NO', 'oslo']);
  assert.deepEqual(cities('oslo tag:coast'), ['oslo', 'tag:coast']);
  assert.equal(cities('all'), null);
  for (const claim of [undefined, null, '', [], {}, [''], ['Oslo'], 7, true, [null]]) {
    assert.throws(() => cities(claim), { code: 'ROLE_MISSING' }, JSON.stringify(claim));
  }
  assert.equal(scopeFromClaims({}, RULES), null, 'no claim is set');
});

test('an address of mail counts once it is verified', () => {
  const roles = parseRoleMapping('ann@example.org=admin');
  const role = (more: object) =>
    roleFromClaims({ email: 'ann@example.org', ...more }, { ...RULES, roleClaim: 'email', roles });
  assert.equal(role({ email_verified: true }), 'admin');
  for (const more of [{}, { email_verified: false }, { email_verified: 'true' }]) {
    assert.throws(() => role(more), { code: 'ROLE_MISSING' });
  }
});

test('a name is one that can be shown', () => {
  const name = (preferred_username: unknown) =>
    nameFromClaims({ preferred_username, sub: 'user-1' }, RULES);
  assert.equal(name('Ann Lee'), 'Ann Lee');
  assert.equal(name('Зоя'), 'Зоя');
  for (const odd of ['', ' ann', 'a\nb', 'a\u202eb', 'a\u200bb', 'x'.repeat(129), 7, undefined]) {
    assert.equal(name(odd), 'user-1');
  }
  assert.equal(nameFromClaims({ sub: '\u0000' }, RULES), null);
});

test('a mapping of roles that is not meant so is refused', () => {
  assert.equal(roleMappingProblem('a=admin; cn=admin,ou=x,dc=y=viewer\nb=operator;'), null);
  for (const [text, problem] of [
    ['a', /expected entries such as/],
    ['a=root', /got "a=root"/],
    ['=admin', /expected entries/],
    ['a=admin, b=viewer', /separated by semicolons/],
    ['a=admin; a=viewer', /one role for "a"/],
    [Array.from({ length: 201 }, (_, at) => `g${at}=viewer`).join(';'), /at most 200/],
  ] as const) {
    assert.match(roleMappingProblem(text) ?? '', problem, text.slice(0, 40));
  }
});
