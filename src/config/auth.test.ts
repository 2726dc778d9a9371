import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { loadConfig } from './load.ts';

type Flags = Readonly<Record<string, string>>;

const load = (flags: Flags) => loadConfig({ file: null, env: {}, flags });

function problems(flags: Flags): readonly string[] {
  try {
    load(flags);
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID');
    return error.message.split('\n');
  }
  return [];
}

const OIDC = {
  'api.auth.mode': 'oidc',
  'api.auth.roles': 'staff=viewer',
  'api.auth.oidc.issuer': 'https://login.example.org/realms/weather',
  'api.auth.oidc.client_id': 'isobar',
};
const PROXY = { 'api.auth.mode': 'proxy', 'api.auth.proxy.addresses': '127.0.0.1' };
const TOKENS = {
  'api.auth.mode': 'local',
  'api.auth.roles': 'staff=viewer',
  'api.auth.tokens.issuer': 'https://login.example.org',
  'api.auth.tokens.audience': 'isobar',
};

test('each way to log in is complete, or says what it lacks', () => {
  for (const whole of [OIDC, PROXY, TOKENS, { ...TOKENS, ...OIDC }]) {
    assert.deepEqual(problems(whole), []);
    for (const path of Object.keys(whole)) {
      if (path === 'api.auth.mode' || path === 'api.auth.tokens.issuer') continue;
      const { [path]: _, ...rest } = whole as Record<string, string>;
      assert.ok(problems(rest)[0]?.startsWith(`${path}: expected`), path);
    }
  }
});

test('values that would be unsafe, or mean nothing, are refused by name', () => {
  for (const [base, path, value, expected] of [
    [OIDC, 'oidc.issuer', 'http://login.example.org', /got http, which is for this machine/],
    [OIDC, 'oidc.issuer', 'https://user:hunter2@a.example', /without user and password/],
    [OIDC, 'oidc.issuer', 'https://a.example/?b', /without \? and #/],
    [OIDC, 'oidc.issuer', 'https://a.example/.well-known/openid-configuration', /issuer alone/],
    [OIDC, 'oidc.issuer', 'ldap://a.example', /got something else/],
    [OIDC, 'oidc.page_url', 'javascript:alert(1)', /got something else/],
    [OIDC, 'oidc.scopes', 'profile', /expected openid among them/],
    [OIDC, 'oidc.label', '', /1 to 64 characters/],
    [OIDC, 'oidc.role_claim', 'a b', /name of a claim/],
    [OIDC, 'roles', 'staff=root', /expected entries such as/],
    [PROXY, 'proxy.addresses', '', /at least one address/],
    [PROXY, 'proxy.addresses', ' , ', /at least one address/],
    [PROXY, 'proxy.addresses', 'example.org', /expected addresses and networks/],
    [PROXY, 'proxy.user_header', 'x-forwarded-for', /a header of its own/],
    [PROXY, 'proxy.user_header', 'Cookie', /a header of its own/],
    [PROXY, 'proxy.user_header', 'x user', /a header of its own/],
    [PROXY, 'proxy.role_header', 'X-Forwarded-User', /another header than user_header/],
    [PROXY, 'proxy.role_header', 'x-groups', /api\.auth\.roles: expected/],
    [PROXY, 'proxy.city_header', 'x cities', /city_header: expected .* a header of its own/],
    [PROXY, 'proxy.city_header', 'Authorization', /city_header: expected .* a header of its own/],
    [PROXY, 'proxy.city_header', 'X-Forwarded-User', /another header than user_header/],
    [
      { ...PROXY, 'api.auth.proxy.role_header': 'x-groups', 'api.auth.roles': 'a=viewer' },
      ...(['proxy.city_header', 'X-Groups', /another header than role_header/] as const),
    ],
    [OIDC, 'oidc.city_claim', 'a b', /oidc\.city_claim: expected the name of a claim/],
    [TOKENS, 'tokens.city_claim', 'a\nb', /tokens\.city_claim: expected the name of a claim/],
    [TOKENS, 'tokens.algorithms', 'HS256', /got "HS256"/],
    [TOKENS, 'tokens.algorithms', 'RS256, none', /got "none"/],
    [TOKENS, 'tokens.algorithms', '', /got none/],
    [TOKENS, 'tokens.jwks_url', 'http://a.example/keys', /got http/],
    [
      { ...TOKENS, ...OIDC, 'api.auth.tokens.issuer': OIDC['api.auth.oidc.issuer'] },
      ...(['tokens.audience', 'isobar', /another one than oidc\.client_id/] as const),
    ],
    [TOKENS, 'mode', 'none', /expected api\.auth\.mode local or oidc/],
    [TOKENS, 'mode', 'proxy', /expected api\.auth\.mode local or oidc/],
  ] as const) {
    const found = problems({ ...base, [`api.auth.${path}`]: value }).join('\n');
    assert.match(found, expected, `${path}: ${value}`);
    assert.ok(!found.includes('hunter2'));
  }
  assert.deepEqual(problems({ ...OIDC, 'api.auth.oidc.issuer': 'http://127.0.0.1:8080/a' }), []);
});

test('the examples of docs/security.md can be used as they are', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');
  const examples = [...text.matchAll(/```yaml\n(# isobar\.yaml\n[^`]+)```/g)];
  const folder = mkdtempSync(join(tmpdir(), 'isobar-auth-'));
  try {
    const modes = examples.map(([, example = '']) => {
      const file = join(folder, 'isobar.yaml');
      writeFileSync(file, example);
      const { config, warnings } = loadConfig({ file, env: {}, flags: {} });
      assert.deepEqual(warnings, []);
      return config.api.auth.mode;
    });
    for (const mode of ['local', 'oidc', 'proxy'] as const) assert.ok(modes.includes(mode), mode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
