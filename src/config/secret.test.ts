import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from './load.ts';

const KEY = '0123456789abcdef0123456789abcdef';
let file = '';
before(() => {
  file = join(mkdtempSync(join(tmpdir(), 'isobar-secret-')), 'key');
});
after(() => rmSync(join(file, '..'), { recursive: true, force: true }));

function keyOf(bytes: Buffer | string): string {
  writeFileSync(file, bytes, { mode: 0o600 });
  const env = { ISOBAR_OPENWEATHER_KEY_FILE: file };
  return loadConfig({ file: null, env, flags: {} }).config.openweather.key;
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le');

test('a key is read from what the editors and shells of all systems write', () => {
  for (const bytes of [
    KEY,
    `${KEY}\n`,
    `${KEY}\r\n`,
    `  ${KEY}\t\n\n`,
    `\ufeff${KEY}\n`,
    utf16(`\ufeff${KEY}\r\n`),
    utf16(`\ufeff${KEY}\r\n`).swap16(),
  ]) {
    assert.equal(keyOf(bytes), KEY);
  }
});

test('what cannot be a key is refused before any call, and shown nowhere', () => {
  for (const [bytes, reason] of [
    [utf16(`${KEY}\r\n`), /expected text in UTF-8, or in UTF-16 with a byte order mark/],
    [Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00]), /expected text in UTF-8/],
    [Buffer.from([0x61, 0xe9, 0x62]), /expected text in UTF-8/],
    ['0123456789abcdef 0123456789abcdef', /a blank at place 17; expected the key alone/],
    [`${KEY}\nsecond line`, /control character at place 33/],
    ['abc\u0007def', /control character at place 4/],
    ['abcdéf', /a character that no key has at place 5/],
    ['abc\u00a0def', /a blank at place 4/],
  ] as const) {
    assert.throws(
      () => keyOf(bytes),
      (error: Error) => {
        assert.match(error.message, reason);
        assert.match(error.message, /^openweather\.key \(ISOBAR_OPENWEATHER_KEY_FILE\): /);
        assert.doesNotMatch(error.message, /abc|0123/);
        return true;
      },
    );
  }
});

test('a key is judged wherever it comes from; a password may have blanks', () => {
  const load = (env: Record<string, string>) => loadConfig({ file: null, env, flags: {} });
  assert.throws(() => load({ ISOBAR_OPENWEATHER_KEY: `${KEY} ` }), /a blank at place 33/);
  const { config } = load({ ISOBAR_LOG_KAFKA_PASSWORD: 'mot de passe é' });
  assert.equal(config.log.kafka.password, 'mot de passe é');
});
