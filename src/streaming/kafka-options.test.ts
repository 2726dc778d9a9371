import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { isErrorCode } from '../errors.ts';
import { kafkaOptions, kafkaProblems } from './kafka-options.ts';

const known = loadConfig({ file: null, env: {}, flags: {} }).config.log.kafka;
const login = { mechanism: 'scram-sha-512', user: 'a user', password: 'a password' } as const;
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\na certificate';

test('Spark gets how to reach the brokers, and no login', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-options-'));
  const tls_authority = join(folder, 'authority.pem');
  writeFileSync(tls_authority, CERTIFICATE);
  const of = async (changes: Partial<Config['log']['kafka']>) => {
    const { 'kafka.bootstrap.servers': brokers, ...rest } = kafkaOptions({
      ...{ ...known, ...changes },
    });
    assert.equal(brokers, known.brokers);
    return rest;
  };
  const trusted = {
    'kafka.ssl.truststore.type': 'PEM',
    'kafka.ssl.truststore.certificates': CERTIFICATE,
  };
  assert.deepEqual(await of({}), {});
  assert.deepEqual(await of({ tls: true, tls_authority }), {
    ...{ 'kafka.security.protocol': 'SSL', ...trusted },
  });
  assert.deepEqual(await of({ ...login, tls_authority }), {
    ...{ 'kafka.security.protocol': 'SASL_PLAINTEXT', 'kafka.sasl.mechanism': 'SCRAM-SHA-512' },
  });
  assert.deepEqual(await of({ ...login, tls: true, tls_authority }), {
    ...{ 'kafka.security.protocol': 'SASL_SSL', 'kafka.sasl.mechanism': 'SCRAM-SHA-512' },
    ...trusted,
  });
  rmSync(folder, { recursive: true });
  await assert.rejects(of({ tls: true, tls_authority }), (error) =>
    isErrorCode(error, 'CONFIG_INVALID'),
  );
});

test('what Spark cannot show or get is a problem', () => {
  assert.deepEqual(kafkaProblems({ ...known, ...login, tls: true }), []);
  assert.equal(kafkaProblems({ ...known, mechanism: 'oauthbearer' }).length, 1);
  assert.equal(kafkaProblems({ ...known, tls_certificate_file: 'a' }).length, 1);
});
