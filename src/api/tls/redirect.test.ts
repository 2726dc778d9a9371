import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { parseAllowedHosts } from '../security.ts';
import { openRedirect, type Redirect } from './redirect.ts';

let redirect: Redirect;
const names = { boundTo: '127.0.0.1', allowed: parseAllowedHosts('weather.example.org') };
const options = { host: '127.0.0.1', port: 0, names, basePath: '/weather' };
before(async () => {
  redirect = await openRedirect({ ...options, securePort: 8443 });
});
after(() => redirect[Symbol.asyncDispose]());

async function exchange(request: string, { port } = redirect): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write(request);
  return text(socket);
}

const ask = (line: string, host: string, from = redirect) =>
  exchange(`${line} HTTP/1.1\r\nhost: ${host}\r\n\r\n`, from);

test('sends browsers on to https with path and query', async () => {
  for (const [line, host, location] of [
    ['GET /', 'weather.example.org', 'https://weather.example.org:8443/'],
    ['GET /weather/?a=1&b=%20', 'localhost:80', 'https://localhost:8443/weather/?a=1&b=%20'],
    ['HEAD /x', '127.0.0.1:8080', 'https://127.0.0.1:8443/x'],
    ['GET /docs', '[::1]:80', 'https://[::1]:8443/docs'],
    ['GET //evil.example/', 'localhost', 'https://localhost:8443//evil.example/'],
  ] as const) {
    const answer = await ask(line, host);
    assert.match(answer, /^HTTP\/1\.1 308 /, line);
    assert.ok(answer.includes(`\r\nlocation: ${location}\r\n`), answer);
    assert.doesNotMatch(answer, /strict-transport-security/i);
    assert.ok(answer.endsWith('\r\n\r\n'), 'and nothing else');
  }
});

test('programs are refused, so that none goes on sending its key readable', async () => {
  for (const line of [
    'GET /api/cities?limit=1',
    'GET /weather/api/cities',
    'GET /metrics',
    'GET /weather/metrics?x=1',
    'POST /',
    'OPTIONS /',
  ]) {
    const answer = await ask(line, 'localhost');
    assert.match(answer, /^HTTP\/1\.1 403 .*HTTPS only: ask https:\/\/localhost:8443\n$/s, line);
    assert.doesNotMatch(answer, /location:/i);
  }
  const withKey = 'GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer isobar_x\r\n\r\n';
  assert.match(await exchange(withKey), /^HTTP\/1\.1 403 /);
});

test('leaves the usual port out', async () => {
  await using usual = await openRedirect({ ...options, securePort: 443 });
  assert.match(await ask('GET /a', 'localhost', usual), /\r\nlocation: https:\/\/localhost\/a\r\n/);
});

test('foreign hosts are sent nowhere', async () => {
  for (const [host, status] of [
    ['evil.example', 403],
    ['weather.example.org.evil.example', 403],
    ['weather.example.org@evil.example', 400],
    ['evil.example/weather.example.org', 400],
    ['', 400],
  ] as const) {
    const answer = await ask('GET /', host);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${host}: ${answer}`);
    assert.doesNotMatch(answer, /location:/i);
  }
  for (const request of [
    'GET https://evil.example/ HTTP/1.1\r\nhost: localhost\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
    'NONSENSE\r\n\r\n',
  ]) {
    assert.match(await exchange(request), /^HTTP\/1\.1 400 /);
  }
  assert.match(await ask('CONNECT evil.example:443', 'localhost'), /^HTTP\/1\.1 405 /);
});

test('a taken port is named', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await assert.rejects(openRedirect({ ...options, port, securePort: 443 }), {
    code: 'PORT_TAKEN',
    message: `api.tls.redirect_port: port ${port} of 127.0.0.1 (EADDRINUSE)`,
  });
  server.close();
});
