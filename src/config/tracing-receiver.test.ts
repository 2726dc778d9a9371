import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from './load.ts';
import { parseHeaders, tracesUrl } from './tracing-receiver.ts';

test('the path of OTLP is added once', () => {
  for (const address of ['http://a:4318', 'http://a:4318/', 'http://a:4318/v1/traces']) {
    assert.equal(tracesUrl(address), 'http://a:4318/v1/traces');
  }
  assert.equal(tracesUrl('https://a/otlp/'), 'https://a/otlp/v1/traces');
});

test('headers are read as OpenTelemetry’s own variable has them', () => {
  assert.deepEqual(parseHeaders(''), {});
  assert.deepEqual(parseHeaders('Api-Key=k=1, authorization=Bearer%20a%2Cb'), {
    'api-key': 'k=1',
    authorization: 'Bearer a,b',
  });
  for (const text of ['key', '=x', 'a b=x', 'a=%', 'a=%0A', 'a=ü', 'host=x', 'a=1,,b=2', 'a: b']) {
    assert.equal(parseHeaders(text), null, text);
  }
});

test('an address that is not a URL is refused, and headers are not repeated', () => {
  const load = (flags: Readonly<Record<string, string>>) => {
    return loadConfig({ file: null, env: {}, flags }).config.tracing;
  };
  assert.equal(load({ 'tracing.otlp_url': 'https://a/otlp' }).otlp_url, 'https://a/otlp');
  assert.equal(load({ 'tracing.headers': 'api-key=x' }).headers, 'api-key=x');
  for (const url of ['a:4318', 'grpc://a', 'http://a?b', 'ftp://a']) {
    assert.throws(
      () => load({ 'tracing.otlp_url': url }),
      /tracing\.otlp_url .*expected an address/,
    );
  }
  for (const [path, value] of [
    ['tracing.headers', 'authorization: stays-hidden'],
    ['tracing.otlp_url', 'http://me:stays-hidden@a'],
  ] as const) {
    assert.throws(
      () => load({ [path]: value }),
      (error: Error) => error.message.includes(path) && !error.message.includes('stays-hidden'),
    );
  }
});
