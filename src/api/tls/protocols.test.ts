/** What the API promises holds for HTTP/1.1 and HTTP/2 alike, on one port with TLS. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { observation } from '../../table/testing/lake.ts';
import {
  ask1,
  ask2,
  openSecureApi,
  openSession,
  openTls,
  type Received,
  type SecureApi,
} from './testing/secure-api.ts';

const HSTS = 'strict-transport-security';
const HOST = 'weather.example.org';

let secure: SecureApi;
let session: ClientHttp2Session | undefined;
before(async () => {
  secure = await openSecureApi({
    config: { allowed_hosts: HOST, base_path: '/weather', trusted_proxies: '' },
    observations: [observation('berlin', 0, { temperature_c: 1 })],
    change: (context) => ({
      ...context,
      controls: { pause: async () => {}, resume: async () => {}, refreshNow: async () => {} },
    }),
  });
});
after(async () => {
  session?.destroy();
  await secure[Symbol.asyncDispose]();
});

/** One that is idle for long, while other files of the room run, is closed by the server. */
async function openedSession() {
  if (session === undefined || session.destroyed || session.closed) {
    session = await openSession(secure.port);
  }
  return session;
}

type Ask = (
  path: string,
  options?: {
    readonly method?: string;
    readonly host?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly payload?: string;
  },
) => Promise<Received>;

const BY: Readonly<Record<string, Ask>> = {
  'HTTP/1.1': (path, { method = 'GET', host = 'localhost', headers, payload = '' } = {}) =>
    ask1(secure.port, path, { method, headers: { ...headers, host }, payload }),
  async 'HTTP/2'(path, { method = 'GET', host = 'localhost', headers, payload } = {}) {
    const open = await openedSession();
    return ask2(open, path, { ...headers, ':method': method, ':authority': host }, payload);
  },
};

for (const [protocol, ask] of Object.entries(BY)) {
  describe(protocol, () => {
    test('answers, with and without the base path, by its own words', async () => {
      for (const path of ['/api/cities?limit=3', '/weather/api/cities', '/livez', '/metrics']) {
        assert.equal((await ask(path)).status, 200, path);
      }
      const bare = await ask('/weather?range=all');
      assert.deepEqual([bare.status, bare.headers.location], [308, '/weather/?range=all']);
      const missing = await ask('/weather/api/x');
      assert.deepEqual([missing.status, JSON.parse(missing.body).code], [404, 'NOT_FOUND']);
      const malformed = await ask('/%zz', { host: HOST });
      assert.equal(JSON.parse(malformed.body).code, 'REQUEST_INVALID');
      for (const one of [bare, missing, malformed]) {
        assert.match(String(one.headers['content-security-policy']), /^default-src 'none'/);
      }
      assert.equal(malformed.headers[HSTS], 'max-age=31536000');
    });

    test('HEAD has no body, OPTIONS names the methods, others are 405', async () => {
      const head = await ask('/api/cities', { method: 'HEAD' });
      assert.deepEqual([head.status, head.body], [200, '']);
      const options = await ask('/api/cities', { method: 'OPTIONS' });
      assert.deepEqual([options.status, options.headers.allow], [204, 'GET, HEAD, OPTIONS']);
      for (const method of ['DELETE', 'TRACE', 'QUERY', 'PROPFIND']) {
        const refused = await ask('/api/cities', { method });
        assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD, OPTIONS']);
      }
      const post = await ask('/api/pause', { method: 'POST' });
      assert.deepEqual(JSON.parse(post.body), { done: 'pause' });
      assert.equal((await ask('/api/pause')).status, 405);
    });

    test('compresses, and knows what the client has', async () => {
      const headers = { 'accept-encoding': 'gzip' };
      const asked = await ask('/openapi.json', { headers });
      const { etag } = (await ask('/api/series?city=berlin')).headers;
      const known = await ask('/api/series?city=berlin', {
        headers: { 'if-none-match': String(etag) },
      });
      assert.deepEqual([asked.status, known.status, known.body], [200, 304, '']);
    });

    test('answers under its own names only', async () => {
      for (const [host, status] of [
        [HOST, 200],
        [`${HOST}:8443`, 200],
        ['localhost:1', 200],
        ['evil.example', 403],
        ['evil.example:443', 403],
        [`${HOST}.evil.example`, 403],
      ] as const) {
        const { status: found, body } = await ask('/api/status', { host });
        assert.equal(found, status, host);
        if (status === 403) assert.equal(JSON.parse(body).code, 'REQUEST_REFUSED');
      }
      const forwarded = { 'x-forwarded-host': HOST };
      assert.equal((await ask('/livez', { host: 'evil.example', headers: forwarded })).status, 403);
    });

    test('changes nothing for the pages of other sites', async () => {
      const origin = (origin: string, host = HOST) =>
        ask('/api/pause', { method: 'POST', host, headers: { origin } });
      assert.equal((await origin(`https://${HOST}`)).status, 200);
      assert.equal((await origin('https://localhost:7', 'localhost:7')).status, 200);
      assert.equal((await origin('https://evil.example')).status, 403);
      assert.equal((await origin('null')).status, 403);
    });

    test('asks browsers to come by HTTPS, but not under names that mean every machine', async () => {
      assert.equal((await ask('/livez', { host: HOST })).headers[HSTS], 'max-age=31536000');
      for (const host of ['localhost', '127.0.0.1:5000', '[::1]', 'isobar.localhost']) {
        assert.equal((await ask('/livez', { host })).headers[HSTS], undefined, host);
      }
    });

    test('limits addresses and bodies', async () => {
      const long = await ask(`/api/cities?city=${'x'.repeat(9_000)}`);
      assert.deepEqual([long.status, JSON.parse(long.body).code], [413, 'REQUEST_TOO_LARGE']);
      const payload = 'x'.repeat(17 * 1_024);
      const headers = { 'content-type': 'text/plain' };
      const large = await ask('/api/refresh', { method: 'POST', payload, headers });
      assert.equal(JSON.parse(large.body).code, 'REQUEST_TOO_LARGE');
    });
  });
}

test('a method that Node.js does not know is 405 by both protocols', async () => {
  const brewed = await BY['HTTP/2']?.('/weather/api/cities', { method: 'BREW' });
  assert.deepEqual([brewed?.status, brewed?.headers.allow], [405, 'GET, HEAD, OPTIONS']);
  const socket = await openTls(secure.port);
  socket.write('BREW /api/cities HTTP/1.1\r\nhost: localhost\r\n\r\n');
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 405 .*allow: GET, HEAD/s);
  const connect = (await openedSession()).request({
    ':method': 'CONNECT',
    ':authority': 'localhost:1',
  });
  const [headers] = await once(connect, 'response');
  assert.equal(headers[':status'], 405);
});

test('headers that are too large are refused by both, and others go on', async () => {
  const socket = await openTls(secure.port);
  socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(30_000)}\r\n\r\n`);
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 431 .*REQUEST_TOO_LARGE/s);
  const other = await openSession(secure.port);
  const headers = Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`x-${index}`, 'y'.repeat(3_000)]),
  );
  // Before and after the client has seen the server's limits.
  assert.equal((await ask2(other, '/livez', headers)).status, 431);
  await ask2(other, '/livez');
  await assert.rejects(ask2(other, '/livez', headers), /ENHANCE_YOUR_CALM/);
  other.destroy();
  assert.equal((await ask2(await openedSession(), '/livez')).status, 200);
});

test('Host and :authority must both be ours', async () => {
  for (const headers of [
    { ':authority': 'evil.example', host: HOST },
    { ':authority': HOST, host: 'evil.example' },
  ]) {
    assert.equal((await ask2(await openedSession(), '/livez', headers)).status, 403);
  }
});

test('answers come compressed by both protocols', async () => {
  const series = Array.from({ length: 400 }, (_, hour) =>
    observation('oslo', hour, { temperature_c: hour }),
  );
  secure.api.put(0, ...series);
  await secure.api.land({ publish: false });
  const path = '/api/raw-data?city=oslo&limit=400';
  const asked = (await openedSession()).request({ ':path': path, 'accept-encoding': 'gzip' });
  const [headers] = await once(asked, 'response');
  assert.equal(headers['content-encoding'], 'gzip');
  const parts: Buffer[] = [];
  for await (const part of asked) parts.push(part);
  assert.equal(JSON.parse(gunzipSync(Buffer.concat(parts)).toString()).data.length, 400);
  assert.equal(JSON.parse((await ask1(secure.port, path)).body).data.length, 400);
});

test('TLS 1.1 and weak ciphers are refused, 1.2 and 1.3 are spoken', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await openTls(secure.port, { minVersion: version, maxVersion: version });
    assert.equal(socket.getProtocol(), version);
    socket.destroy();
  }
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  await assert.rejects(openTls(secure.port, old), /alert protocol version|EPROTO|unsupported/);
  for (const ciphers of [
    'AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES128-SHA',
    'ECDHE-ECDSA-AES256-SHA384',
    'DHE-RSA-AES128-GCM-SHA256',
    'NULL',
  ]) {
    const weak = { maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` } as const;
    await assert.rejects(openTls(secure.port, weak), /handshake failure|EPROTO/, ciphers);
  }
});

test('with a least version of 1.3, 1.2 is refused', async () => {
  await using strict = await openSecureApi({ tls: { minimum: '1.3', hsts_days: 0 } });
  await assert.rejects(openTls(strict.port, { maxVersion: 'TLSv1.2' }), /alert protocol version/);
  const answer = await ask1(strict.port, '/livez', { headers: { host: 'localhost' } });
  assert.deepEqual([answer.status, answer.headers[HSTS]], [200, undefined]);
});

test('names below that of the server come by HTTPS as well where that is set', async () => {
  await using all = await openSecureApi({
    config: { allowed_hosts: HOST },
    tls: { hsts_subdomains: true },
  });
  const answer = await ask1(all.port, '/livez', { headers: { host: HOST } });
  assert.equal(answer.headers[HSTS], 'max-age=31536000; includeSubDomains');
});

test('what is not TLS is closed, and the server goes on', async () => {
  for (const nonsense of [
    'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'SSH-2.0-x\r\n',
    '\x16\x03',
  ]) {
    const socket = connectTcp(secure.port, '127.0.0.1').on('error', () => {});
    socket.end(nonsense);
    socket.resume();
    await once(socket, 'close');
  }
  const half = await openTls(secure.port, { ALPNProtocols: ['h2'] });
  half.on('error', () => {});
  half.resume();
  half.write('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n');
  await once(half, 'close');
  assert.equal((await ask2(await openedSession(), '/livez')).status, 200);
});

test('without ALPN it is HTTP/1.1', async () => {
  const socket = await openTls(secure.port);
  assert.equal(socket.alpnProtocol, false);
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200 /);
  socket.destroy();
});

test('curl trusts it with the authority and speaks HTTP/2', async (t) => {
  const options = ['--silent', '--connect-to', '::127.0.0.1:', '--output', '/dev/null'];
  const trusting = [
    '--cacert',
    secure.pairs.authority,
    '--write-out',
    '%{http_version} %{http_code}',
  ];
  const curl = async (...args: string[]) => {
    const child = spawn('curl', [...options, ...args, `https://localhost:${secure.port}/livez`]);
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return child.exitCode === 0 ? out : child.exitCode;
  };
  if (spawnSync('curl', ['--version']).error !== undefined) return t.skip('curl is not installed');
  assert.equal(await curl(...trusting), '2 200');
  assert.equal(await curl(...trusting, '--http1.1'), '1.1 200');
  assert.equal(await curl(...trusting, '--tls-max', '1.2'), '2 200');
  assert.equal(await curl(...trusting, '--tlsv1.0', '--tls-max', '1.1'), 35);
  assert.equal(await curl(), 60, 'who does not know the authority refuses');
});
