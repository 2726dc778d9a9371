import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPair } from '../../config/tls-pair.ts';
import { IsobarError } from '../../errors.ts';
import { makeCertificate } from './authority.ts';

const root = mkdtempSync(join(tmpdir(), 'isobar-authority-'));
after(() => rmSync(root, { recursive: true }));
const now = new Date();
const NAMES = ['weather.example.org', '127.0.0.1'];

const make = (folder: string, names: readonly string[] = NAMES, replace = false, at = now) =>
  makeCertificate({ folder: join(root, folder), names, days: 397, replace, now: at });

async function refusal(made: Promise<unknown>): Promise<readonly [string, string]> {
  const error = await made.then(
    () => null,
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof IsobarError, String(error));
  return [error.code, error.message.replaceAll(`${root}/`, '')];
}

test('makes an authority once, and a pair that the server accepts', async () => {
  const first = await make('a');
  const { certificate_file, key_file, authority_file } = first;
  assert.deepEqual(first.names, NAMES);
  assert.equal(first.made_authority, true);
  const pair = await readPair({ certificate_file, key_file }, now);
  assert.deepEqual(pair.names, NAMES);
  assert.equal(pair.validTo.toISOString(), first.expires_at);
  const authority = readFileSync(authority_file, 'utf8');
  const own = new X509Certificate(readFileSync(certificate_file));
  assert.ok(own.verify(new X509Certificate(authority).publicKey));
  for (const file of [key_file, join(root, 'a', 'authority.key')]) {
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
  }
  assert.equal(statSync(join(root, 'a')).mode & 0o777, 0o700);

  const second = await make('a', ['other.example.org'], true);
  assert.equal(second.made_authority, false);
  assert.equal(readFileSync(authority_file, 'utf8'), authority);
  const renewed = await readPair({ certificate_file, key_file }, now);
  assert.deepEqual(renewed.names, ['other.example.org']);
});

test('what is there stays, unless it is to be replaced', async () => {
  const { certificate_file, key_file } = await make('b');
  const before = readFileSync(certificate_file, 'utf8');
  assert.deepEqual(await refusal(make('b')), ['CERTIFICATE_EXISTS', 'b/server.crt']);
  rmSync(certificate_file);
  assert.deepEqual(await refusal(make('b')), ['CERTIFICATE_EXISTS', 'b/server.key']);
  writeFileSync(certificate_file, before);
  const key = readFileSync(key_file, 'utf8');
  await refusal(make('b', ['not a name'], true));
  assert.equal(readFileSync(key_file, 'utf8'), key);
});

test('names are those that a certificate can have', async () => {
  const made = await make('c', [
    'MÜNCHEN.example',
    'a.example.',
    'a.example',
    '[::1]',
    '*.b.example',
  ]);
  assert.deepEqual(made.names, ['xn--mnchen-3ya.example', 'a.example', '::1', '*.b.example']);
  for (const name of [
    '',
    'a b',
    'https://a.example',
    'a.example:443',
    '1.2.3',
    '*',
    '*.org',
    'a..b',
  ]) {
    const [code, message] = await refusal(make('d', [name]));
    assert.equal(code, 'USAGE', name);
    assert.ok(message.endsWith(`got ${JSON.stringify(name)}`), message);
  }
  assert.equal((await refusal(make('d', ['fe80::1%eth0'])))[0], 'USAGE');
});

test('an authority that cannot sign is named, and stays as it is', async () => {
  await make('e');
  const [file, keyFile] = [join(root, 'e', 'authority.crt'), join(root, 'e', 'authority.key')];
  const [certificate, key] = [readFileSync(file, 'utf8'), readFileSync(keyFile, 'utf8')];
  const server = readFileSync(join(root, 'e', 'server.crt'), 'utf8');
  for (const [spoiled, spoiledKey, expected] of [
    [server, key, 'it is not an authority that isobar made'],
    ['nonsense', key, 'they are damaged'],
    [
      certificate,
      readFileSync(join(root, 'e', 'server.key'), 'utf8'),
      'the key belongs to another',
    ],
  ] as const) {
    writeFileSync(file, spoiled);
    writeFileSync(keyFile, spoiledKey);
    const [code, message] = await refusal(make('e', NAMES, true));
    assert.equal(code, 'CONFIG_INVALID');
    assert.match(message, new RegExp(`^e/authority.crt and authority.key: ${expected}; move both`));
    assert.equal(readFileSync(file, 'utf8'), spoiled);
  }
  writeFileSync(file, certificate);
  rmSync(keyFile);
  assert.match((await refusal(make('e', NAMES, true)))[1], /one of the two files is missing/);
  writeFileSync(keyFile, key, { mode: 0o600 });
  const late = new Date(now.getTime() + 3_700 * 86_400_000);
  assert.match((await refusal(make('e', NAMES, true, late)))[1], /it has expired/);
});
