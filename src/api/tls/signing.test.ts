import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { contentOf, integer, oid, sequence, time } from './der.ts';
import { ipBytes, makeAuthority, makeServerPair } from './signing.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const NAMES = ['weather.example.org', '*.example.org', '192.0.2.7', '::1', 'fd00::1:2'];
const authority = makeAuthority('isobar test', NOW);
const pair = makeServerPair(authority, { names: NAMES, days: 397, now: NOW });

test('Node.js reads the certificate, which names what was asked for and nothing else', () => {
  const made = new X509Certificate(pair.certificate);
  const signer = new X509Certificate(authority.certificate);
  assert.ok(made.verify(signer.publicKey) && made.checkIssued(signer));
  assert.ok(made.checkPrivateKey(createPrivateKey(pair.key)));
  assert.ok(signer.ca && !made.ca && signer.verify(signer.publicKey));
  for (const host of ['weather.example.org', 'a.example.org']) {
    assert.notEqual(made.checkHost(host), undefined, host);
  }
  for (const address of ['192.0.2.7', '::1', 'fd00::1:2']) {
    assert.notEqual(made.checkIP(address), undefined, address);
  }
  assert.equal(made.checkHost('example.com'), undefined);
  assert.equal(made.checkIP('192.0.2.8'), undefined);
  assert.deepEqual(made.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  const { asymmetricKeyType, asymmetricKeyDetails } = made.publicKey;
  assert.deepEqual([asymmetricKeyType, asymmetricKeyDetails?.namedCurve], ['ec', 'prime256v1']);
});

test('it is valid at once, for 397 days at most, and does not outlive its authority', () => {
  const made = new X509Certificate(pair.certificate);
  assert.ok(made.validFromDate < NOW);
  const days = (made.validToDate.getTime() - made.validFromDate.getTime()) / 86_400_000;
  assert.ok(days > 396 && days < 397, `${days}`);
  const wanted = makeServerPair(authority, { names: ['a.example'], days: 9_999, now: NOW });
  const { validToDate } = new X509Certificate(wanted.certificate);
  assert.deepEqual(validToDate, made.validToDate);
  const late = new Date(new X509Certificate(authority.certificate).validToDate.getTime() - 86_400);
  const last = makeServerPair(authority, { names: ['a.example'], days: 397, now: late });
  assert.equal(
    new X509Certificate(last.certificate).validTo,
    new X509Certificate(authority.certificate).validTo,
  );
  assert.notEqual(
    new X509Certificate(last.certificate).serialNumber,
    new X509Certificate(wanted.certificate).serialNumber,
  );
});

test('OpenSSL accepts it as the certificate of a server, by its strict rules', (t) => {
  const openssl = (...args: string[]) => spawnSync('openssl', args, { encoding: 'utf8' });
  if (openssl('version').status !== 0) return t.skip('openssl is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'isobar-signing-'));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const [ca, crt] = [write('ca', authority.certificate), write('crt', pair.certificate)];
  const at = String(NOW.getTime() / 1_000);
  const strict = ['-x509_strict', '-check_ss_sig', '-purpose', 'sslserver', '-attime', at];
  for (const name of [
    ['-verify_hostname', 'weather.example.org'],
    ['-verify_ip', '::1'],
  ]) {
    const verified = openssl('verify', ...strict, ...name, '-CAfile', ca, crt);
    assert.equal(verified.status, 0, verified.stderr);
  }
  assert.equal(openssl('verify', ...strict, '-CAfile', ca, ca).status, 2, 'it serves nothing');
  const { stdout } = openssl('x509', '-in', crt, '-noout', '-text');
  assert.match(stdout, /Basic Constraints: critical\s+CA:FALSE/);
  assert.match(stdout, /Key Usage: critical\s+Digital Signature\n/);
  assert.match(openssl('x509', '-in', ca, '-noout', '-text').stdout, /CA:TRUE, pathlen:0/);
  rmSync(folder, { recursive: true });
});

test('numbers, object names, times and addresses have the bytes that DER gives them', () => {
  assert.equal(integer(Buffer.from([0, 0, 0x80])).toString('hex'), '02020080');
  assert.equal(integer(Buffer.from([0])).toString('hex'), '020100');
  assert.equal(oid('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302');
  assert.equal(time(new Date('2049-12-31T23:59:59Z')).toString(), '\x17\x0d491231235959Z');
  assert.equal(time(new Date('2050-01-01T00:00:00Z')).toString(), '\x18\x0f20500101000000Z');
  for (const length of [0, 127, 128, 255, 256, 70_000]) {
    const whole = sequence(integer(Buffer.alloc(length, 1)), sequence());
    assert.deepEqual(contentOf(whole).map((part) => part.length)[1], 2, `${length}`);
  }
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      if (isIP(address) !== 6) return;
      const bytes = ipBytes(address);
      const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
      const again = new URL(`http://[${groups.join(':')}]`).hostname;
      assert.equal(bytes.length, 16);
      assert.equal(again, new URL(`http://[${address}]`).hostname);
    }),
  );
});
