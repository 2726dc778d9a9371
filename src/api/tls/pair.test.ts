import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPair } from '../../config/tls-pair.ts';
import { IsobarError } from '../../errors.ts';
import { makeAuthority, makeServerPair } from './signing.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'isobar-pair-'));
after(() => rmSync(folder, { recursive: true }));

const authority = makeAuthority('isobar test', NOW);
const make = (now = NOW) =>
  makeServerPair(authority, { names: ['weather.example.org', '::1'], days: 30, now });
const own = make();
const PEM = { format: 'pem', type: 'pkcs8' } as const;

function write(name: string, text: string | Buffer, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function files(certificate: string | Buffer = own.certificate, key: string | Buffer = own.key) {
  return { certificate_file: write('a.crt', certificate), key_file: write('a.key', key) };
}

async function problem(pair: ReturnType<typeof files>): Promise<string> {
  try {
    await readPair(pair, NOW);
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID', String(error));
    // Neither OpenSSL's words nor Node's, and nothing of the key.
    assert.doesNotMatch(error.message, /error:|ERR_|routines|ASN1|undefined|MII/);
    return error.message.replaceAll(`${folder}/`, '');
  }
  throw new assert.AssertionError({ message: 'it was accepted' });
}

test('says for which names and how long the pair is good', async () => {
  const pair = await readPair(files(own.certificate + authority.certificate), NOW);
  assert.deepEqual(pair.names, ['weather.example.org', '::1']);
  assert.equal(pair.issuer, 'CN=isobar test');
  assert.match(pair.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.equal(pair.certificate.match(/BEGIN/g)?.length, 2);
});

test('an expired certificate is accepted, one of the future is not', async () => {
  const old = make(new Date(NOW.getTime() - 40 * DAY_MS));
  assert.ok((await readPair(files(old.certificate, old.key), NOW)).validTo < NOW);
  const coming = make(new Date(NOW.getTime() + DAY_MS));
  assert.equal(
    await problem(files(coming.certificate, coming.key)),
    'api.tls.certificate_file: a.crt: it is not valid before 2026-12-01T11:00:00.000Z; ' +
      'check the clock of this machine',
  );
});

test('a key that others may read is refused with the command that helps', async () => {
  for (const mode of [0o640, 0o604, 0o644, 0o620, 0o777]) {
    const pair = files();
    chmodSync(pair.key_file, mode);
    assert.match(
      await problem(pair),
      new RegExp(`^api.tls.key_file: a.key: .*mode ${mode.toString(8)}.*chmod 600 a.key$`),
    );
  }
  const pair = { ...files(), key_file: write("it's a.key", own.key, 0o644) };
  assert.match(await problem(pair), /chmod 600 '.*it'\\''s a\.key'$/);
  chmodSync(pair.key_file, 0o400);
  assert.ok(await readPair(pair, NOW));
});

test('what is not such a pair is explained', async () => {
  const other = make();
  const rsa = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).privateKey.export(PEM).toString();
  const curve = (namedCurve: string) =>
    generateKeyPairSync('ec', { namedCurve }).privateKey.export(PEM).toString();
  const locked = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    ...PEM,
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  const damaged = own.certificate.replace(/\n[^\n]{20}/, '\n!!!!');
  const cut = own.key.replace(/\n.{30}/, '\n');
  for (const [certificate, key, expected] of [
    [own.certificate, other.key, 'key_file: a.key: it is not the key of the certificate in a.crt'],
    [authority.certificate + own.certificate, own.key, 'belongs to certificate 2 in it; put that'],
    [own.certificate, rsa(2_048), 'it is not the key of the certificate'],
    [own.certificate, rsa(1_024), 'the RSA key has 1024 bits; expected RSA of 2048 bits or more'],
    [own.certificate, curve('secp256k1'), 'takes no key of this type (secp256k1); expected RSA'],
    [own.certificate, curve('secp384r1'), 'it is not the key of the certificate'],
    [own.certificate, String(locked), 'the key is protected by a password; `openssl pkey'],
    [own.certificate, cut, 'key_file: a.key: the key in it is damaged; copy the file again'],
    [own.certificate, own.certificate, 'key_file: a.key: it holds a certificate; expected PEM'],
    [own.key, own.key, 'certificate_file: a.crt: it holds a private key; expected PEM'],
    [damaged, own.key, 'certificate_file: a.crt: the certificate in it is damaged'],
    ['', own.key, 'certificate_file: a.crt: expected PEM, which begins with -----BEGIN CERT'],
    [Buffer.from([0x30, 0x82, 0xff]), own.key, 'certificate_file: a.crt: expected PEM'],
    [own.certificate, '', 'key_file: a.key: expected PEM, which begins with -----BEGIN PRIVATE'],
    ['x'.repeat(300_000), own.key, 'certificate_file: a.crt: 300000 bytes, the limit is 262144'],
  ] as const) {
    const said = await problem(files(certificate, key));
    assert.ok(said.startsWith('api.tls.') && said.includes(expected), said);
  }
});

test('so is a file that is missing or cannot be read', async () => {
  const pair = files();
  const missing = { ...pair, certificate_file: join(folder, 'no.crt') };
  assert.equal(await problem(missing), 'api.tls.certificate_file: no.crt: the file does not exist');
  assert.match(
    await problem({ ...pair, key_file: folder }),
    /expected a regular file, found a fol/,
  );
  // Root may read every file.
  if (process.getuid?.() === 0) return;
  chmodSync(pair.key_file, 0o000);
  assert.match(
    await problem(pair),
    /^api\.tls\.key_file: a\.key: this user may not read the file; give/,
  );
});
