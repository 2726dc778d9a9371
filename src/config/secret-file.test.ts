import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isErrorCode } from '../errors.ts';
import { resolveSecrets } from './channel-secrets.ts';
import { loadConfig } from './load.ts';
import { parseChannel } from './parse-channel.ts';
import { readSecretFile, rightsProblem } from './secret-file.ts';
import { SETTINGS } from './settings.ts';

const SECRET = 'a-canary-of-a-secret';
const [US, ROOT, OTHER] = [1_000, 0, 1_001];
const folder = mkdtempSync(join(tmpdir(), 'isobar-secret-file-'));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function problemOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    assert.ok(isErrorCode(error, 'CONFIG_INVALID'), String(error));
    const { message } = error as Error;
    assert.ok(!message.includes(SECRET), message);
    return message.replaceAll(`${folder}/`, '');
  }
  throw new assert.AssertionError({ message: 'it was accepted' });
}

test('a file is for its owner alone; one of root may be read by a group', () => {
  const accepted = (uid: number, user: number, modes: readonly number[]) =>
    modes.filter(
      (mode) => rightsProblem('/etc/key', { mode: 0o100000 | mode, uid }, { user }) === null,
    );
  const modes = [0o400, 0o600, 0o440, 0o640, 0o660, 0o610, 0o444, 0o604, 0o602, 0o601, 0o777];
  assert.deepEqual(accepted(US, US, modes), [0o400, 0o600]);
  // As Kubernetes mounts with fsGroup, and as packages of Debian install keys.
  assert.deepEqual(accepted(ROOT, US, modes), [0o400, 0o600, 0o440, 0o640]);
  assert.deepEqual(accepted(OTHER, US, modes), [0o400, 0o600]);
  assert.deepEqual(accepted(ROOT, ROOT, modes), [0o400, 0o600]);
  assert.equal(
    rightsProblem("/etc/it's", { mode: 0o100644, uid: US }, { user: US }),
    "others may read or change it (mode 644); run chmod 600 '/etc/it'\\''s'",
  );
});

test('what is mounted into a container is taken as it is, unless it only leads out of the mount', () => {
  const mounts = realpathSync(mkdtempSync(join(folder, 'mounts-')));
  const inside = join(mounts, 'inside');
  writeFileSync(inside, SECRET);
  symlinkSync(inside, join(mounts, 'link'));
  symlinkSync(write('outside', SECRET), join(mounts, 'out'));
  const found = { mode: 0o100444, uid: ROOT };
  const problems = ['inside', 'link', 'out', 'missing', '../outside'].map((name) =>
    rightsProblem(join(mounts, name), found, { user: US, mounts }),
  );
  assert.deepEqual(
    problems.map((one) => one === null),
    [true, true, false, false, false],
  );
  assert.notEqual(rightsProblem(inside, found, { user: US }), null);
});

test('each secret setting is refused from a file that others can read', () => {
  for (const { path, variable } of SETTINGS.filter(({ secret }) => secret)) {
    const file = write('open', SECRET, 0o644);
    const fromFile = () =>
      loadConfig({ file: null, env: { [`${variable}_FILE`]: file }, flags: {} });
    const expected = 'others may read or change it (mode 644); run chmod 600 ';
    assert.ok(
      problemOf(fromFile).startsWith(`${path} (${variable}_FILE): open: ${expected}`),
      problemOf(fromFile),
    );
  }
});

test('isobar.yaml that others can read may hold no secret, used or not, and may hold the rest', () => {
  const redis = (password: string) => `api: {cache: {redis_url: "redis://${password}cache:1"}}\n`;
  const load = (text: string, mode: number, env = {}) => {
    return loadConfig({ file: write('isobar.yaml', text, mode), env, flags: {} }).config;
  };
  const key = `openweather:\n  key: ${SECRET}\n`;
  assert.equal(load(key, 0o600).openweather.key, SECRET);
  assert.equal(load('openweather:\n  key: ""\napi:\n  port: 7\n', 0o644).api.port, 7);
  assert.equal(load(redis(''), 0o644).api.cache.redis_url, 'redis://cache:1');
  for (const [text, path, variable] of [
    [key, 'openweather.key', 'ISOBAR_OPENWEATHER_KEY'],
    [`a: &k ${SECRET}\nopenweather: {key: *k}\n`, 'openweather.key', 'ISOBAR_OPENWEATHER_KEY'],
    [redis(`:${SECRET}@`), 'api.cache.redis_url', 'ISOBAR_API_CACHE_REDIS_URL'],
  ] as const) {
    const problem = problemOf(() => load(text, 0o644, { ISOBAR_OPENWEATHER_KEY: 'another' }));
    const line = problem.split('\n').find((one) => one.includes('chmod')) ?? problem;
    assert.ok(line.startsWith(`${path} (isobar.yaml line `), problem);
    assert.ok(line.includes('others may read or change it (mode 644); run chmod 600 '), problem);
    assert.ok(line.endsWith(`, or take the secret out of it and set ${variable}_FILE`), problem);
  }
});

test('so are the secrets of channels', () => {
  const settings = { type: 'slack', url_file: write('slack', 'https://hooks.example/x', 0o600) };
  const parsed = parseChannel('ops', settings);
  assert.ok('channel' in parsed);
  chmodSync(settings.url_file, 0o604);
  assert.match(
    problemOf(() => resolveSecrets(parsed.channel, {})),
    /^channels\.ops\.url_file: slack: others may read or change it \(mode 604\); run chmod 600 /,
  );
  chmodSync(settings.url_file, 0o600);
  assert.equal(resolveSecrets(parsed.channel, {}).url, 'https://hooks.example/x');
});

test('what cannot be read is said in our words; an empty file is a mistake', () => {
  assert.equal(
    problemOf(() => readSecretFile(join(folder, 'no'))),
    'no: the file does not exist',
  );
  assert.equal(
    problemOf(() => readSecretFile(join(write('plain', 'x'), 'below'))),
    'plain/below: the file does not exist',
  );
  assert.equal(
    problemOf(() => readSecretFile(write('empty', ' \n'))),
    'empty: the file is empty',
  );
  assert.match(
    problemOf(() => readSecretFile(folder)),
    /expected a regular file, found a folder/,
  );
});
