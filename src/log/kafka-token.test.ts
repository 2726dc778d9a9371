import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificate } from '../api/tls/authority.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { TokenSource, type TokenSourceOptions } from './kafka-token.ts';
import { startTokenEndpoint, type TokenEndpoint } from './testing/token-endpoint.ts';

type OAuth = Config['log']['kafka']['oauth'];

const SECRET = 'a secret: ä+/%';

function sourceOf(
  token_url: string,
  oauth: Partial<OAuth> = {},
  options: Partial<TokenSourceOptions> = {},
) {
  const known = loadConfig({ file: null, env: {}, flags: {} }).config.log.kafka.oauth;
  const client = { token_url, client_id: 'weather', client_secret: SECRET };
  return new TokenSource({
    ...{ oauth: { ...known, ...client, ...oauth }, timeoutMs: 5_000, waitMs: 4_000 },
    ...options,
  });
}

async function refused(source: TokenSource, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(source.get(), (error) => {
    assert.ok(error instanceof IsobarError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.ok(!error.message.includes('secret'), error.message);
    return true;
  });
}

const json = (endpoint: TokenEndpoint, status: number, body: unknown) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  endpoint.answer = (response) => response.writeHead(status).end(text);
};

test('the client shows its secret as the standard says', async () => {
  await using endpoint = await startTokenEndpoint('isobar');
  await sourceOf(endpoint.url, { scope: 'log read', audience: 'kafka' }).get();
  await sourceOf(endpoint.url, { client_auth: 'post' }).get();
  const [basic, post] = endpoint.requests;
  assert.deepEqual(Object.fromEntries(basic?.form ?? []), {
    ...{ grant_type: 'client_credentials', scope: 'log read', audience: 'kafka' },
  });
  const pair = Buffer.from(basic?.authorization?.slice('Basic '.length) ?? '', 'base64').toString();
  assert.equal(pair, 'weather:a+secret%3A+%C3%A4%2B%2F%25');
  assert.equal(post?.authorization, undefined);
  assert.deepEqual(Object.fromEntries(post?.form ?? []), {
    ...{ grant_type: 'client_credentials', client_id: 'weather', client_secret: SECRET },
  });
});

test('a token is asked for once, kept, and asked for again before it ends', async () => {
  await using endpoint = await startTokenEndpoint('isobar');
  endpoint.lifetimeS = 100;
  let now = 0;
  const source = sourceOf(endpoint.url, {}, { clock: () => now });
  const many = await Promise.all(Array.from({ length: 20 }, () => source.get()));
  assert.equal(new Set(many).size, 1);
  assert.equal(endpoint.requests.length, 1);
  now = 74_000;
  assert.equal(await source.get(), many[0]);
  now = 76_000;
  const renewed = await source.get();
  assert.notEqual(renewed, many[0]);
  assert.equal(endpoint.requests.length, 2);
  assert.ok(source.secrets.includes(renewed) && source.secrets.includes(SECRET));
  source.refused();
  assert.notEqual(await source.get(), renewed);
});

test('a valid token is used on while the endpoint is in trouble, which is asked rarely', async () => {
  await using endpoint = await startTokenEndpoint('isobar');
  endpoint.lifetimeS = 100;
  let now = 0;
  const source = sourceOf(endpoint.url, {}, { clock: () => now });
  const token = await source.get();
  json(endpoint, 503, '');
  now = 80_000;
  for (let n = 0; n < 50; n++) assert.equal(await source.get(), token);
  assert.equal(endpoint.requests.length, 2);
  now = 96_000;
  await refused(source, 'LOG_UNAVAILABLE', /^token endpoint http:\S+\/token: it answers 503$/);
  endpoint.answer = null;
  await refused(source, 'LOG_UNAVAILABLE', /answers 503/);
  now += 5_000;
  assert.notEqual(await source.get(), token);
});

test('an answer without a token is explained', async () => {
  await using endpoint = await startTokenEndpoint('isobar');
  const good = { access_token: 'a.b.c', token_type: 'bearer' };
  for (const [status, body, code, words] of [
    [
      401,
      { error: 'invalid_client' },
      'LOG_NO_TOKEN',
      /refuses the client \(invalid_client, 401\)/,
    ],
    [400, { error: 'a secret <b>' }, 'LOG_NO_TOKEN', /refuses the client \(400\)$/],
    [403, 'a secret', 'LOG_NO_TOKEN', /refuses the client \(403\)$/],
    [302, '', 'LOG_NO_TOKEN', /redirects \(302\)/],
    [200, 'a secret', 'LOG_NO_TOKEN', /holds no access_token/],
    [200, [], 'LOG_NO_TOKEN', /holds no access_token/],
    [200, { ...good, access_token: 'a\u0001auth=b' }, 'LOG_NO_TOKEN', /holds no access_token/],
    [200, { ...good, access_token: 'a'.repeat(65_537) }, 'LOG_NO_TOKEN', /holds no access_token/],
    [200, { ...good, token_type: 'mac' }, 'LOG_NO_TOKEN', /type Bearer/],
    [200, `{"a":"${'x'.repeat(400_000)}"}`, 'LOG_NO_TOKEN', /holds no access_token/],
    [429, '', 'LOG_UNAVAILABLE', /answers 429/],
    [500, '', 'LOG_UNAVAILABLE', /answers 500/],
  ] as const) {
    json(endpoint, status, body);
    await refused(sourceOf(endpoint.url), code, words);
  }
  endpoint.answer = (response) => response.destroy();
  await refused(sourceOf(endpoint.url), 'LOG_UNAVAILABLE', /ECONNRESET/);
});

test('a slow endpoint is given up, and its answer serves who asks later', async () => {
  await using endpoint = await startTokenEndpoint('isobar');
  const held = Promise.withResolvers<() => void>();
  endpoint.answer = (response) => {
    const answer = { access_token: 'a.b.c', token_type: 'Bearer', expires_in: 100 };
    held.resolve(() => response.end(JSON.stringify(answer)));
  };
  const source = sourceOf(endpoint.url, {}, { waitMs: 50 });
  await refused(source, 'LOG_UNAVAILABLE', /no answer within 0.05 s$/);
  (await held.promise)();
  let token = '';
  while (token === '') token = await source.get().catch(() => '');
  assert.equal(token, 'a.b.c');
  assert.equal(endpoint.requests.length, 1);
  endpoint.answer = () => {};
  const never = sourceOf(endpoint.url, {}, { timeoutMs: 50 });
  await refused(never, 'LOG_UNAVAILABLE', /no answer within 0.05 s$/);
  const closed = sourceOf(endpoint.url);
  const asking = refused(closed, 'LOG_UNAVAILABLE', /closed/);
  closed.close();
  await asking;
});

test('without expires_in the token itself says how long it lasts, or it serves once', async () => {
  await using endpoint = await startTokenEndpoint('isobar');
  for (const [access_token, requests] of [
    [endpoint.token(100), 1],
    ['opaque', 2],
  ] as const) {
    const before = endpoint.requests.length;
    json(endpoint, 200, { access_token, token_type: 'Bearer' });
    const source = sourceOf(endpoint.url);
    assert.equal(await source.get(), access_token);
    assert.equal(await source.get(), access_token);
    assert.equal(endpoint.requests.length - before, requests);
  }
});

test('an endpoint with https is trusted by its authority only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-token-'));
  const made = await makeCertificate({
    ...{ folder, names: ['127.0.0.1'], days: 2, replace: false, now: new Date() },
  });
  const [cert, key] = [readFileSync(made.certificate_file), readFileSync(made.key_file)];
  const server = createServer({ cert, key }, (_, response) => {
    response.end('{"access_token":"a.b.c","token_type":"Bearer","expires_in":60}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  try {
    assert.equal(await sourceOf(url, { tls_authority: made.authority_file }).get(), 'a.b.c');
    await refused(
      sourceOf(url),
      'LOG_NO_TOKEN',
      /authority that is trusted .*log\.kafka\.oauth\.tls_auth/,
    );
    const missing = sourceOf(url, { tls_authority: join(folder, 'missing.pem') });
    await refused(missing, 'CONFIG_INVALID', /^log\.kafka\.oauth\.tls_authority: .*does not exist/);
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  }
});
