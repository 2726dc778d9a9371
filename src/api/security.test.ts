import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

describe('who may ask, and how', () => {
  let api: TestApi;
  const done: string[] = [];
  before(async () => {
    const note = (what: string) => async () => void done.push(what);
    api = await openTestApi({
      change: (context) => ({
        ...context,
        controls: { pause: note('pause'), resume: note('resume'), refreshNow: note('refresh') },
      }),
    });
  });
  after(() => api[Symbol.asyncDispose]());

  test('every answer carries a strict policy', async () => {
    for (const url of ['/', '/docs', '/api/cities', '/nothing', '/api/cities?x=1', '/%zz']) {
      const { headers } = await api.app.inject(url);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, url);
      assert.doesNotMatch(policy, /unsafe|https?:/, url);
      assert.equal(headers['x-content-type-options'], 'nosniff', url);
      assert.equal(headers['referrer-policy'], 'no-referrer', url);
      assert.equal(headers['access-control-allow-origin'], undefined, url);
    }
  });

  test('the headers are worth an A+ by the rules of Mozilla’s HTTP Observatory', async () => {
    const { headers } = await api.app.inject('/');
    const policy = String(headers['content-security-policy']);
    // Rule, whether it is kept, and the points with and without: 100 and more are an A+.
    const rules: readonly (readonly [string, boolean, number, number])[] = [
      ['csp', /^default-src 'none'/.test(policy) && !/unsafe|http:|\*/.test(policy), 10, -25],
      ['frames', /frame-ancestors 'none'/.test(policy), 5, -20],
      ['types', headers['x-content-type-options'] === 'nosniff', 0, -5],
      ['referrer', headers['referrer-policy'] === 'no-referrer', 5, -5],
      ['corp', headers['cross-origin-resource-policy'] === 'same-origin', 10, 0],
      ['cors', headers['access-control-allow-origin'] === undefined, 0, -50],
      // No cookie is set without a session; its attributes are those of `a login sets a cookie`.
      ['cookies', headers['set-cookie'] === undefined, 0, -20],
      ['scripts', !/<script[^>]+src="https?:/.test((await api.app.inject('/')).body), 0, -50],
    ];
    const broken = rules.filter(([, isKept]) => !isKept).map(([name]) => name);
    const points = rules.reduce((sum, [, isKept, gain, loss]) => sum + (isKept ? gain : loss), 100);
    assert.deepEqual(broken, []);
    assert.ok(points >= 100, `${points} points`);
  });

  test('on a loopback address only its own names are answered', async () => {
    for (const [host, status] of [
      ['localhost:5000', 200],
      ['127.0.0.1:5000', 200],
      ['[::1]:5000', 200],
      ['isobar.localhost', 200],
      ['evil.example:5000', 403],
      ['127.0.0.1.evil.example', 403],
      ['localhost.evil.example', 403],
      ['evillocalhost', 403],
      ['192.168.0.7', 403],
    ] as const) {
      const answer = await api.app.inject({ url: '/api/cities', headers: { host } });
      assert.equal(answer.statusCode, status, host);
      if (status === 403) assert.equal(answer.json().code, 'REQUEST_REFUSED');
    }
  });

  test('only our own page and programs may change something', async () => {
    const host = 'localhost:5000';
    for (const [headers, status] of [
      [{}, 200],
      [{ 'sec-fetch-site': 'same-origin', origin: `http://${host}` }, 200],
      [{ origin: `http://${host}` }, 200],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ 'sec-fetch-site': 'none' }, 403],
      [{ origin: 'http://evil.example' }, 403],
      [{ origin: 'http://localhost:5001' }, 403],
      [{ origin: 'null' }, 403],
    ] as const) {
      done.length = 0;
      const answer = await api.app.inject({
        method: 'POST',
        url: '/api/pause',
        headers: { host, ...headers },
      });
      assert.equal(answer.statusCode, status, JSON.stringify(headers));
      assert.deepEqual(done, status === 200 ? ['pause'] : []);
    }
    for (const what of ['resume', 'refresh']) {
      const answer = await api.app.inject({ method: 'POST', url: `/api/${what}` });
      assert.deepEqual(answer.json(), { done: what });
      assert.equal(done.at(-1), what);
    }
  });

  test('a method that an address does not take is 405 with those it takes', async () => {
    for (const [method, url, allow] of [
      ['POST', '/api/cities', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/api/raw-data?limit=3', 'GET, HEAD, OPTIONS'],
      ['GET', '/api/pause', 'POST, OPTIONS'],
      ['HEAD', '/api/events', 'GET, OPTIONS'],
      ['PUT', '/', 'GET, HEAD, OPTIONS'],
      // Fastify wants a body with its type for the one, and none for the other.
      ['QUERY', '/api/cities', 'GET, HEAD, OPTIONS'],
      ['TRACE', '/api/cities', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const answer = await api.app.inject({ method, url });
      assert.deepEqual([answer.statusCode, answer.headers.allow], [405, allow], `${method} ${url}`);
    }
    const options = await api.app.inject({ method: 'OPTIONS', url: '/api/cities' });
    assert.deepEqual([options.statusCode, options.headers.allow], [204, 'GET, HEAD, OPTIONS']);
    assert.equal((await api.app.inject({ method: 'OPTIONS', url: '/x' })).statusCode, 404);
    assert.equal((await api.app.inject({ method: 'POST', url: '/x' })).statusCode, 404);
  });

  test('so is a method that Node.js does not know', async () => {
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const port = Number(new URL(address).port);
    for (const [line, status] of [
      ['BREW /api/cities?x=1 HTTP/1.1', '405 .*allow: GET, HEAD, OPTIONS'],
      ['BREW /api/pause HTTP/1.1', '405 .*allow: POST, OPTIONS'],
      ['CONNECT /api/cities HTTP/1.1', '405 .*allow: GET, HEAD, OPTIONS'],
      ['BREW /nothing HTTP/1.1', '400 '],
    ] as const) {
      const answer = await exchange(port, `${line}\r\nhost: localhost\r\n\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status}`, 's'), line);
    }
  });

  test('what is too large or no HTTP is refused', async () => {
    const long = await api.app.inject(`/api/cities?city=${'x'.repeat(9_000)}`);
    assert.deepEqual([long.statusCode, long.json().code], [413, 'REQUEST_TOO_LARGE']);
    const body = { method: 'POST', url: '/api/refresh', payload: 'x'.repeat(17 * 1_024) } as const;
    assert.equal((await api.app.inject(body)).json().code, 'REQUEST_TOO_LARGE');

    const { port } = api.app.server.address() as AddressInfo;
    const nonsense = await exchange(port, 'NONSENSE\r\n\r\n');
    assert.match(
      nonsense,
      /^HTTP\/1.1 400 .*\r\ncontent-security-policy: default-src 'none'.*nosniff.*REQUEST_INVALID/s,
    );
    const head = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(30_000)}\r\n\r\n`;
    assert.match(await exchange(port, head), /^HTTP\/1.1 431 .*REQUEST_TOO_LARGE/s);
  });
});

describe('what two readers could read in two ways', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi();
  });
  after(() => api[Symbol.asyncDispose]());

  test('a request of two lengths is refused, and none is read out of its body', async () => {
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const port = Number(new URL(address).port);
    const hidden = 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n';
    for (const lines of [
      ['content-length: 5', 'transfer-encoding: chunked'],
      ['transfer-encoding: chunked', `content-length: ${hidden.length}`],
      ['content-length: 0', `content-length: ${hidden.length}`],
      ['content-length: +3'],
      ['transfer-encoding: chunked, identity'],
      ['transfer-encoding : chunked'],
    ]) {
      const head = ['POST /api/refresh HTTP/1.1', 'host: localhost', ...lines].join('\r\n');
      const answer = await exchange(port, `${head}\r\n\r\n0\r\n\r\n${hidden}`);
      assert.match(answer, /^HTTP\/1\.1 400 /, lines.join());
      assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, lines.join());
    }
  });

  test('a parameter that is given twice is refused by name', async () => {
    const answer = await api.app.inject('/api/raw-data?limit=1&limit=2');
    assert.deepEqual([answer.statusCode, answer.json().field], [400, 'limit']);
  });
});

describe('behind a reverse proxy', () => {
  const hosts = 'weather.example.org, *.example.net, wetter.münchen.example';

  function openBehind(host: string, base_path = '') {
    const controls = { pause: async () => {}, resume: async () => {}, refreshNow: async () => {} };
    return openTestApi({
      change: (context) => ({
        ...context,
        controls,
        config: { ...context.config, host, allowed_hosts: hosts, base_path },
      }),
    });
  }

  test('the server answers as the names that are allowed, with or without port', async () => {
    const cases = [
      ['weather.example.org', 200, 200],
      ['Weather.Example.org.:8443', 200, 200],
      ['a.b.example.net', 200, 200],
      ['wetter.xn--mnchen-3ya.example:80', 200, 200],
      ['localhost:5000', 200, 200],
      ['example.net', 403, 403],
      ['weather.example.org.evil.example', 403, 403],
      ['evilweather.example.org', 403, 403],
      // An address cannot be rebound, and health checks use it.
      ['10.0.0.7:5000', 403, 200],
      ['[fd00::7]:5000', 403, 200],
    ] as const;
    await using local = await openBehind('127.0.0.1');
    await using open = await openBehind('0.0.0.0');
    for (const [host, ofLocal, ofOpen] of cases) {
      const request = { url: '/livez', headers: { host } };
      const answers = await Promise.all([local, open].map(({ app }) => app.inject(request)));
      const codes = answers.map(({ statusCode }) => statusCode);
      assert.deepEqual(codes, [ofLocal, ofOpen], host);
    }
  });

  test('a refusal names the host that came and the setting that allows it', async () => {
    await using api = await openBehind('127.0.0.1');
    const headers = { host: 'other.example.org:81' };
    const { detail, remedy } = (await api.app.inject({ url: '/', headers })).json();
    assert.equal(
      detail,
      'this server does not answer as "other.example.org"; if it is yours, add ' +
        'other.example.org to the setting api.allowed_hosts',
    );
    assert.match(remedy, /api\.allowed_hosts/);
    const odd = await api.app.inject({ url: '/', headers: { host: 'a b"<script>' } });
    assert.equal(odd.statusCode, 403);
    assert.doesNotMatch(odd.json().detail, /setting/);
  });

  test('the page may pause and refresh, whichever Host the proxy sends', async () => {
    await using api = await openBehind('127.0.0.1');
    const origin = 'https://weather.example.org';
    for (const [headers, status] of [
      // nginx as it comes sends its own; Caddy, Apache and others that of the visitor.
      [{ host: '127.0.0.1:5000', origin, 'sec-fetch-site': 'same-origin' }, 200],
      [{ host: 'weather.example.org', origin, 'sec-fetch-site': 'same-origin' }, 200],
      [{ host: 'weather.example.org', origin: `${origin}:8443` }, 200],
      [{ host: 'localhost:5000', origin: 'http://a.example.net' }, 200],
      [{ host: '127.0.0.1:5000', origin: 'https://evil.example' }, 403],
      [{ host: '127.0.0.1:5000', origin, 'sec-fetch-site': 'cross-site' }, 403],
      [{ host: '127.0.0.1:5000', origin: 'null' }, 403],
      [
        {
          host: '127.0.0.1:5000',
          'x-forwarded-host': 'evil.example',
          origin: 'https://evil.example',
        },
        403,
      ],
    ] as const) {
      for (const what of ['pause', 'resume', 'refresh']) {
        const answer = await api.app.inject({ method: 'POST', url: `/api/${what}`, headers });
        assert.equal(answer.statusCode, status, JSON.stringify(headers));
      }
    }
  });

  test('with any host allowed, a request that changes something must match its own host', async () => {
    await using api = await openTestApi({
      change: (context) => ({
        ...context,
        controls: { pause: async () => {}, resume: async () => {}, refreshNow: async () => {} },
        config: { ...context.config, allowed_hosts: '*' },
      }),
    });
    const pause = (origin: string) =>
      api.app.inject({
        method: 'POST',
        url: '/api/pause',
        headers: { host: 'any.example', origin },
      });
    assert.equal((await pause('https://any.example')).statusCode, 200);
    assert.equal((await pause('https://evil.example')).statusCode, 403);
  });

  test('below a base path every address is answered with it and without', async () => {
    await using api = await openBehind('127.0.0.1', '/weather');
    for (const base of ['', '/weather']) {
      for (const path of ['/api/cities?limit=3', '/docs', '/docs.css', '/openapi.json', '/livez']) {
        assert.equal((await api.app.inject(`${base}${path}`)).statusCode, 200, `${base}${path}`);
      }
      const post = await api.app.inject({ method: 'POST', url: `${base}/api/pause` });
      assert.deepEqual(post.json(), { done: 'pause' });
      const { type, instance } = (await api.app.inject(`${base}/api/x?y=1`)).json();
      assert.deepEqual([type, instance], ['/weather/docs#NOT_FOUND', `${base}/api/x`]);
    }
    const bare = await api.app.inject('/weather?range=all');
    assert.deepEqual([bare.statusCode, bare.headers.location], [308, '/weather/?range=all']);
    assert.equal((await api.app.inject('/weathers/api/cities')).statusCode, 404);
    const { servers } = (await api.app.inject('/openapi.json')).json();
    assert.deepEqual(servers, [{ url: '/weather' }]);
    const long = await api.app.inject(`/weather/api/cities?city=${'x'.repeat(9_000)}`);
    assert.equal(long.json().code, 'REQUEST_TOO_LARGE');
  });
});

test('no address of the pages leaves the path that they are served below', async () => {
  await using api = await openTestApi();
  for (const path of ['/', '/docs']) {
    const { body } = await api.app.inject(path);
    assert.deepEqual([...body.matchAll(/(href|src|action)="\/[^"]*"/g)].flat(), [], path);
  }
  const { servers } = (await api.app.inject('/openapi.json')).json();
  assert.deepEqual(servers, [{ url: '.' }], 'relative to the description itself');
});

test('a malformed path is explained in words of our own', async () => {
  await using api = await openTestApi();
  const { code, detail } = (await api.app.inject('/%zz')).json();
  assert.deepEqual([code, detail.slice(0, 18)], ['REQUEST_INVALID', 'the path has a % t']);
});

test('a query of ours that the engine refuses is a fault of the server, and its text stays here', async () => {
  await using api = await openTestApi({
    observations: [observation('berlin', 0, { temperature_c: 1 })],
    change: (context) => ({
      ...context,
      engine: {
        async session() {
          const session = await context.engine.session();
          const query = () =>
            Promise.reject(new IsobarError('QUERY_INVALID', 'Conversion Error: DOUBLE'));
          return { ...session, query };
        },
      },
    }),
  });
  const answer = await api.app.inject('/api/series');
  assert.ok(answer.statusCode >= 500, answer.body);
  assert.doesNotMatch(answer.body, /Conversion|DOUBLE/);
});

test('bound to all addresses, any name is answered', async () => {
  await using api = await openTestApi({
    change: (context) => ({ ...context, config: { ...context.config, host: '0.0.0.0' } }),
  });
  const answer = await api.app.inject({ url: '/livez', headers: { host: 'weather.example' } });
  assert.equal(answer.statusCode, 200);
});

test('an unexpected error reveals nothing to the caller', async () => {
  await using api = await openTestApi({
    change: (context) => ({ ...context, status: () => Promise.reject(new Error('secret')) }),
  });
  const answer = await api.app.inject('/api/status');
  assert.deepEqual([answer.statusCode, answer.json().code], [500, 'INTERNAL']);
  assert.doesNotMatch(answer.body, /secret/);
  assert.equal((await api.app.inject('/metrics')).statusCode, 200);
  assert.equal((await api.app.inject('/healthz')).statusCode, 503);
  assert.equal((await api.app.inject('/api/pause')).statusCode, 405);
  const pause = await api.app.inject({ method: 'POST', url: '/api/pause' });
  assert.deepEqual([pause.statusCode, pause.json().code], [404, 'NOT_FOUND']);
});

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

test('closing does not wait for idle connections, or long for unfinished requests', async () => {
  await using api = await openTestApi();
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const open = async (text: string) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1').on('error', () => {});
    socket.write(text);
    await once(socket, 'connect');
    socket.resume();
    return { closed: once(socket, 'close') };
  };
  const silent = await open('');
  const half = await open('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
  // One after it was answered: both others are with the server by then.
  assert.equal((await fetch(`${address}/livez`)).status, 200);
  await api.app.close();
  await Promise.all([silent.closed, half.closed]);
});
