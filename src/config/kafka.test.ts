import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { loadConfig } from './load.ts';

const BEARER = {
  mechanism: 'oauthbearer',
  'oauth.token_url': 'https://issuer.example/token',
  'oauth.client_id': 'weather',
  'oauth.client_secret': 'sesame',
};

function load(settings: Readonly<Record<string, string>>) {
  const kafka = Object.entries(settings).map(([name, value]) => [`log.kafka.${name}`, value]);
  const flags = { 'log.engine': 'kafka', ...Object.fromEntries(kafka) };
  return loadConfig({ file: null, env: {}, flags });
}

function problem(settings: Readonly<Record<string, string>>): string {
  try {
    load(settings);
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID');
    assert.ok(!error.message.includes('sesame'), error.message);
    return error.message;
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(settings)}` });
}

test('a certificate needs its key and TLS, a token its endpoint, and an encrypted way', () => {
  const remote = { brokers: 'broker.example:9093' };
  const without = (name: keyof typeof BEARER) => ({ ...BEARER, [name]: '' });
  for (const [settings, expected] of [
    [{ tls: 'yes', tls_certificate_file: 'a' }, /^log\.kafka\.tls_key_file: expected a file/],
    [{ tls: 'yes', tls_key_file: 'a' }, /^log\.kafka\.tls_certificate_file: expected a file/],
    [{ tls_key_file: 'a', tls_certificate_file: 'b' }, /^log\.kafka\.tls: expected true/],
    [without('oauth.token_url'), /^log\.kafka\.oauth\.token_url: expected a value/],
    [without('oauth.client_id'), /^log\.kafka\.oauth\.client_id: expected a value/],
    [{ ...BEARER, ...remote }, /^log\.kafka\.tls: expected true, since .*oauthbearer/],
    [
      { ...BEARER, brokers: `127.0.0.1:9092, ${remote.brokers}` },
      /^log\.kafka\.tls: expected true/,
    ],
    [{ ...BEARER, 'oauth.token_url': 'http://issuer.example/token' }, /token_url .*expected https/],
    [{ ...BEARER, 'oauth.token_url': 'https://sesame @b.example' }, /token_url .*expected an add/],
    [{ ...BEARER, 'oauth.token_url': 'https://u:p@b.example' }, /without user and password/],
    [{ ...BEARER, 'oauth.token_url': 'https://b.example/#a' }, /without a fragment/],
    [{ ...BEARER, 'oauth.extensions': 'a=1, b' }, /^log\.kafka\.oauth\.extensions: expected name=/],
    [{ ...BEARER, 'oauth.extensions': 'a=1,auth=x' }, /^log\.kafka\.oauth\.extensions: expected/],
  ] as const) {
    assert.match(problem(settings), expected, JSON.stringify(settings));
  }
  load({ ...BEARER, ...remote, tls: 'yes', 'oauth.extensions': 'logicalCluster=lkc-1, b=' });
  load({ ...BEARER, 'oauth.token_url': 'http://[::1]:8080/token', brokers: 'localhost:9092' });
});

test('a password that is readable on the way to another machine is a warning', () => {
  const plain = { mechanism: 'plain', brokers: 'broker.example:9092' };
  assert.match(load(plain).warnings.join(), /log\.kafka\.mechanism: plain without log\.kafka\.tls/);
  for (const changes of [
    { tls: 'yes' },
    { brokers: '127.0.0.1:9092,[::1]:9092' },
    { mechanism: 'scram-sha-512' },
  ]) {
    assert.deepEqual(load({ ...plain, ...changes }).warnings, []);
  }
});
