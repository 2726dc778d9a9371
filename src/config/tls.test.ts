import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { loadConfig } from './load.ts';
import { parseTrustedProxies } from './trusted-proxies.ts';

const FILES = { 'api.tls.certificate_file': 'a.crt', 'api.tls.key_file': 'a.key' };

function problem(flags: Readonly<Record<string, string>>): string {
  try {
    loadConfig({ file: null, env: {}, flags });
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID');
    return error.message;
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(flags)}` });
}

test('a certificate needs its key, a redirect needs both and a port of its own', () => {
  for (const [flags, expected] of [
    [{ 'api.tls.certificate_file': 'a.crt' }, /^api\.tls\.key_file: expected a file as well/],
    [{ 'api.tls.key_file': 'a.key' }, /^api\.tls\.certificate_file: expected a file as well/],
    [{ 'api.tls.redirect_port': '80' }, /^api\.tls\.redirect_port: expected api\.tls\.cert/],
    [{ ...FILES, 'api.tls.redirect_port': '5000' }, /expected another port than api\.port/],
    [{ 'api.tls.minimum': '1.1' }, /^api\.tls\.minimum \(flag\): expected one of 1\.2, 1\.3/],
    [{ 'api.tls.hsts_days': '-1' }, /^api\.tls\.hsts_days \(flag\): expected at least 0/],
  ] as const) {
    assert.match(problem(flags), expected);
  }
  const { tls } = loadConfig({ file: null, env: {}, flags: FILES }).config.api;
  assert.deepEqual([tls.minimum, tls.redirect_port, tls.hsts_days], ['1.2', 0, 365]);
});

test('a version may be written as the number that YAML takes it for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-tls-'));
  const file = join(folder, 'isobar.yaml');
  writeFileSync(file, 'api:\n  tls:\n    minimum: 1.3\n');
  assert.equal(loadConfig({ file, env: {}, flags: {} }).config.api.tls.minimum, '1.3');
  rmSync(folder, { recursive: true });
});

test('trusted proxies are addresses and networks', () => {
  const list = parseTrustedProxies('127.0.0.1, 10.0.0.0/8,::1, fd00::/8,');
  for (const [address, isTrusted] of [
    ['127.0.0.1', true],
    ['127.0.0.2', false],
    ['::ffff:127.0.0.1', true],
    ['10.255.0.1', true],
    ['::ffff:10.1.2.3', true],
    ['11.0.0.1', false],
    ['::1', true],
    ['fd12::1', true],
    ['fe80::1%eth0', false],
    ['unknown', false],
    ['10.0.0.1:4711', false],
    ['', false],
    [undefined, false],
  ] as const) {
    assert.equal(list.has(address), isTrusted, address);
  }
  assert.equal(parseTrustedProxies('').has('127.0.0.1'), false);
  assert.equal(parseTrustedProxies('0.0.0.0/0').has('192.0.2.1'), true);
});

test('what is neither is refused by name', () => {
  for (const entry of ['localhost', '10.0.0.0/33', '10.0.0', '::/129', '10.0.0.1:80', '*', '/8']) {
    assert.match(
      problem({ 'api.trusted_proxies': `127.0.0.1, ${entry}` }),
      /^api\.trusted_proxies \(flag\): expected addresses and networks, .*; got "/,
      entry,
    );
  }
});
