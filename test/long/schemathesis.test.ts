/** A stranger's program reads the description of the API and tries whether the server keeps to it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAudit } from '../../src/access/audit.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/logger.ts';
import { ACCESS_ROLES } from '../../src/model/access.ts';
import { accessFolder, openUsers } from '../../src/pipeline/access.ts';
import { findWebFolder, ROLES, type Role, startPipeline } from '../../src/pipeline/pipeline.ts';
import { findSchemathesis } from '../support/python.ts';
import { someOf, stormOf } from '../support/storm.ts';

const python = await findSchemathesis();
const seed = process.env.ISOBAR_TEST_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
const SERVERS: Readonly<Record<string, readonly Role[]>> = {
  'with simulated weather': ROLES,
  'with an empty lake': ['serve'],
};

const PART = ['london', 'country:JP'];
const PASSWORD = 'a heron stands in the reeds';
const skip = python === null && 'no Python 3 here';
type Flags = Readonly<Record<string, string>>;

for (const [name, roles] of Object.entries(SERVERS)) {
  test(`a server ${name} keeps to its description`, { skip }, async (t) => {
    t.diagnostic(`again with ISOBAR_TEST_SEED=${seed}`);
    await using served = await serve(roles);
    await expectKept(served);
  });
}

test('a server that asks for a login keeps to its description', { skip }, async (t) => {
  t.diagnostic(`again with ISOBAR_TEST_SEED=${seed}`);
  // What is limited is counted elsewhere; here it would hide the other answers.
  const limits = ['points_per_s', 'exports_per_minute', 'streams', 'address_requests_per_s'];
  const unlimited = Object.fromEntries(limits.map((name) => [`api.limits.${name}`, '0']));
  const proxied = { 'api.trusted_proxies': '127.0.0.1' };
  await using served = await serve(ROLES, { 'api.auth.mode': 'local', ...proxied, ...unlimited });
  using access = openUsers(served.config);
  const origin = new URL(served.url).origin;
  // The servers above have tried most.
  const fewer = ['--max-examples', '4'];
  /** Whether the login was taken: changes are noted with who made or tried them. */
  const expectNoted = async (name: string, outcome: string) => {
    const { entries } = await readAudit(accessFolder(served.config), 1_000_000);
    assert.ok(
      entries.some((entry) => entry.who === name && entry.outcome === outcome),
      name,
    );
  };
  const withKey = async (name: string, key: string) => {
    await expectKept(served, [...fewer, '-H', `Authorization: Bearer ${key}`]);
    await expectNoted(name, name === 'key-viewer' ? 'ACCESS_DENIED' : 'ok');
  };
  const withSession = async (name: string, cities: readonly string[] | null, address: string) => {
    await access.addUser(name, PASSWORD, 'admin', cities);
    const { token } = await access.login(name, PASSWORD, { address: '127.0.0.1', agent: 'test' });
    const session = ['-H', `Cookie: __Host-isobar=${token}`, '-H', `Origin: ${origin}`];
    // After many failures an address has to wait: each has its own.
    const headers = [...session, '-H', `X-Forwarded-For: ${address}`];
    // A logout would leave the rest without a session.
    await expectKept(served, [...fewer, ...headers, '--exclude-path', '/api/logout']);
    assert.notEqual(await access.session(token), null, 'it was there to the end');
    await expectNoted(name, 'PASSWORD_WRONG');
  };
  const all = [
    ...ACCESS_ROLES.map((role) => ({
      who: `a key of the role ${role}`,
      expect: async () => withKey(`key-${role}`, await access.addKey(`key-${role}`, role, null)),
    })),
    {
      who: 'a key of some cities',
      expect: async () =>
        withKey('key-part', await access.addKey('key-part', 'operator', null, PART)),
    },
    { who: 'a session of all cities', expect: () => withSession('ann', null, '192.0.2.1') },
    { who: 'a session of some cities', expect: () => withSession('eve', PART, '192.0.2.2') },
  ];
  for (const { who, expect } of someOf(all, 2, Number(seed))) await t.test(`for ${who}`, expect);
});

async function serve(roles: readonly Role[], more: Flags = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-schemathesis-'));
  const data = join(folder, 'data');
  const flags = { data, 'simulator.history_days': '3', 'api.port': '0', ...more };
  const { config } = loadConfig({ file: null, env: {}, flags });
  const pipeline = await startPipeline({
    config,
    roles,
    logger: silentLogger,
    version: '0',
    command: 'isobar test',
    webFolder: findWebFolder(),
  });
  if (roles === ROLES) await pipeline.settle();
  return {
    ...{ folder, config, url: pipeline.url ?? '' },
    async [Symbol.asyncDispose]() {
      await pipeline[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Served = Awaited<ReturnType<typeof serve>>;

async function expectKept(
  { url, folder }: Served,
  more: readonly string[] = ['--max-examples', String(stormOf(15, 6))],
): Promise<void> {
  const { code, output } = await runSchemathesis(`${url}/openapi.json`, folder, more);
  assert.equal(code, 0, `seed ${seed}\n${output}`);
  assert.match(output, /\d+ generated, \d+ passed/);
}

async function runSchemathesis(url: string, folder: string, more: readonly string[]) {
  const args = ['-m', 'schemathesis.cli', 'run', url, '--checks', 'all', '--seed', seed];
  const child = spawn(python ?? '', [...args, '--no-color', ...more], {
    // It leaves its own database of examples where it runs.
    cwd: folder,
    env: {
      ...process.env,
      PYTHONPATH: join(import.meta.dirname, '../support'),
      SCHEMATHESIS_HOOKS: 'schemathesis-hooks',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output };
}
