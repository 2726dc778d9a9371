import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadConfig } from './load.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-credentials-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(env: Record<string, string> = {}) {
  return loadConfig({ file: null, env: { CREDENTIALS_DIRECTORY: folder, ...env }, flags: {} });
}

const put = (name: string, text: string) => {
  writeFileSync(join(folder, name), text, { mode: 0o400 });
};

test('a secret comes from the credential of its name, and is masked as any other', () => {
  put('isobar.log.kafka.password', 'from systemd\n');
  put('isobar.openweather.key', 'key-of-systemd');
  put('of-another-program', 'x');
  const loaded = load();
  assert.equal(loaded.config.log.kafka.password, 'from systemd');
  assert.deepEqual(loaded.secrets.toSorted(), ['from systemd', 'key-of-systemd']);
  assert.equal(loaded.origins.get('log.kafka.password'), 'credential isobar.log.kafka.password');
  assert.deepEqual(loaded.warnings, []);
  const { config } = load({ ISOBAR_OPENWEATHER_KEY: 'key-of-variable' });
  assert.equal(config.openweather.key, 'key-of-variable');
});

test('a credential of another name is a warning, one that cannot be used an error', () => {
  put('isobar.log.kafka.pasword', 'x');
  put('isobar.api.port', '7000');
  const { warnings, config } = load();
  assert.equal(config.api.port, 5_000);
  assert.deepEqual(warnings.toSorted(), [
    'the credential isobar.api.port belongs to no secret setting',
    'the credential isobar.log.kafka.pasword belongs to no secret setting; ' +
      'did you mean isobar.log.kafka.password?',
  ]);
  put('isobar.openweather.key', 'canary\u0007key');
  assert.throws(load, (error: Error) => {
    assert.match(error.message, /^openweather\.key \(credential isobar\.openweather\.key\): /);
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
  chmodSync(join(folder, 'isobar.openweather.key'), 0o444);
  assert.throws(load, /mode 444/);
});

test('a folder that is not there, as a shell may inherit it, hinders nothing', () => {
  const missing = join(folder, 'missing');
  assert.deepEqual(load({ CREDENTIALS_DIRECTORY: missing }).warnings, [
    `CREDENTIALS_DIRECTORY: ${missing}: the file does not exist`,
  ]);
  assert.deepEqual(load({ CREDENTIALS_DIRECTORY: '' }).warnings, []);
});
