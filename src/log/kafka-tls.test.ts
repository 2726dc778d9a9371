import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeCertificate } from '../api/tls/authority.ts';
import { IsobarError } from '../errors.ts';
import { KafkaTls } from './kafka-tls.ts';

const root = mkdtempSync(join(tmpdir(), 'isobar-kafka-tls-'));
after(() => rmSync(root, { recursive: true }));

async function made(name: string, now = new Date()) {
  const folder = join(root, name);
  const options = { folder, names: [`${name}.example`], days: 2, replace: false, now };
  const { certificate_file, key_file, authority_file } = await makeCertificate(options);
  return {
    tls_authority: authority_file,
    tls_certificate_file: certificate_file,
    tls_key_file: key_file,
  };
}

const problem = (files: ConstructorParameters<typeof KafkaTls>[0]): string => {
  try {
    new KafkaTls(files);
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID', String(error));
    return error.message;
  }
  throw new assert.AssertionError({ message: 'accepted' });
};

test('each connection takes the files as they are, and the old ones while they do not fit', async () => {
  const [files, renewed] = [await made('a'), await made('b')];
  const tls = new KafkaTls(files);
  const { options } = tls;
  const first = options.secureContext;
  assert.equal(options.secureContext, first, 'made once');
  copyFileSync(renewed.tls_certificate_file, files.tls_certificate_file);
  assert.equal(options.secureContext, first);
  assert.match(
    tls.problem ?? '',
    /^new files .* log\.kafka\.tls_key_file: .*not the key of the certificate/,
  );
  copyFileSync(renewed.tls_key_file, files.tls_key_file);
  const second = options.secureContext;
  assert.notEqual(second, first);
  assert.equal(tls.problem, null);
  chmodSync(files.tls_key_file, 0o640);
  assert.equal(options.secureContext, second);
  assert.match(tls.problem ?? '', /others may read or change it \(mode 640\)/);
  rmSync(files.tls_key_file);
  assert.equal(options.secureContext, second);
  assert.match(tls.problem ?? '', /does not exist/);
});

test('files that cannot be used are refused at once, with what to do', async () => {
  const files = await made('c');
  chmodSync(files.tls_key_file, 0o644);
  assert.match(problem(files), /^log\.kafka\.tls_key_file: .*mode 644.*chmod 600/);
  chmodSync(files.tls_key_file, 0o600);
  new KafkaTls(files);
  const missing = join(root, 'missing');
  assert.match(problem({ ...files, tls_authority: missing }), /tls_authority: .*does not exist/);
  assert.match(problem({ ...files, tls_key_file: missing }), /tls_key_file: .*does not exist/);
  writeFileSync(missing, 'nothing of the kind');
  assert.match(problem({ ...files, tls_authority: missing }), /tls_authority: .*expected PEM/);
  assert.match(problem({ ...files, tls_certificate_file: missing }), /certificate_file: .*PEM/);
});

test('an expired certificate is shown all the same, and named where brokers refuse it', async () => {
  const files = await made('d', new Date(Date.now() - 3 * 86_400_000));
  assert.match(new KafkaTls(files).problem ?? '', /server\.crt has expired at \d{4}-/);
});
