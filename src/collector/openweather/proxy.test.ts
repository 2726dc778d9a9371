import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type City, DEFAULT_CITIES } from '../../model/city.ts';
import { openOpenWeather } from './openweather.ts';
import { proxyFor } from './proxy.ts';

const PROVIDER = 'https://api.openweathermap.org';
const CITY = DEFAULT_CITIES[0] as City;
const KEY = 'c4na4y0123456789abcdef0123456789';
const never = new AbortController().signal;

test('the proxy is the one of the scheme, small letters first', () => {
  const env = { HTTPS_PROXY: 'http://a.example:3128', https_proxy: '', HTTP_PROXY: 'b.example' };
  assert.deepEqual(proxyFor(PROVIDER, env), {
    variable: 'HTTPS_PROXY',
    shown: 'a.example:3128',
    url: 'http://a.example:3128/',
  });
  assert.equal(proxyFor('http://owm.example', env)?.shown, 'b.example:80');
  assert.equal(
    proxyFor(PROVIDER, { ...env, https_proxy: 'https://c.example' })?.shown,
    'c.example:443',
  );
  assert.equal(proxyFor(PROVIDER, { HTTP_PROXY: 'http://b.example' }), null);
  const withLogin = proxyFor(PROVIDER, { https_proxy: 'http://us%40er:secret@a.example:8080' });
  assert.doesNotMatch(`${withLogin?.shown} ${withLogin?.variable}`, /secret|us/);
});

test('this machine is never called through a proxy, nor is what NO_PROXY names', () => {
  const HTTP_PROXY = 'http://a.example:3128';
  for (const url of [
    'http://127.0.0.1:8',
    'http://[::1]:8',
    'http://localhost',
    'http://x.localhost',
  ]) {
    assert.equal(proxyFor(url, { HTTP_PROXY }), null, url);
  }
  const target = 'http://api.owm.example:8080/x';
  for (const NO_PROXY of [
    '*',
    'api.owm.example',
    'API.owm.Example:8080',
    '.owm.example',
    '*.owm.example',
    'other.example, owm.example',
    'a.example b.example example',
  ]) {
    assert.equal(proxyFor(target, { HTTP_PROXY, NO_PROXY }), null, NO_PROXY);
  }
  for (const NO_PROXY of [
    '',
    'wm.example',
    'api.owm.example:80',
    'x.api.owm.example',
    ',',
    '10.0.0.1',
  ]) {
    assert.notEqual(proxyFor(target, { HTTP_PROXY, NO_PROXY }), null, NO_PROXY);
  }
  assert.equal(proxyFor('http://10.0.0.1', { HTTP_PROXY, no_proxy: '10.0.0.1' }), null);
  assert.equal(proxyFor('http://[fd00::1]', { HTTP_PROXY, no_proxy: '[fd00::1]' }), null);
});

test('an invalid proxy address is refused with the name of its variable, without its text', () => {
  for (const text of [
    'socks5://user:secret@a.example:1',
    'http://',
    'http://user:secret@:1',
    '::',
  ]) {
    assert.throws(
      () => proxyFor(PROVIDER, { https_proxy: text }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.match(error.message, /^https_proxy: expected the address of an HTTP proxy/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
      text,
    );
  }
});

async function startProxy(server: Server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://user:secret@127.0.0.1:${port}`,
    shown: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function openBehind(url: string, env: Record<string, string>, infos: string[] = []) {
  const log = (message: unknown) => void infos.push(String(message));
  return openOpenWeather({
    url,
    key: KEY,
    name: 'openweathermap',
    intervalSeconds: 600,
    timeoutSeconds: 5,
    env,
    logger: { info: log, warn: log },
  });
}

test('the provider is called through the proxy, with its login', async () => {
  const received: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    received.push(request.url?.split('?')[0], request.headers['proxy-authorization']);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ dt: 1_700_000_000, main: { temp: 1.5 }, cod: 200 }));
  });
  await using proxy = await startProxy(server);
  const infos: string[] = [];
  const source = openBehind('http://api.owm.invalid', { HTTP_PROXY: proxy.url }, infos);
  const record = await source.observe(CITY, never);
  assert.match(JSON.stringify(record), /1\.5/);
  const login = `Basic ${Buffer.from('user:secret').toString('base64')}`;
  assert.deepEqual(received, ['http://api.owm.invalid/data/2.5/weather', login]);
  assert.deepEqual(infos, [`calling openweathermap through the proxy ${proxy.shown} (HTTP_PROXY)`]);
});

test('this machine is called directly even where Node.js would use the proxy', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ dt: 1_700_000_000, main: { temp: 2.5 }, cod: 200 }));
  });
  await using provider = await startProxy(server);
  const url = `http://${provider.shown}`;
  const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: 'http://127.0.0.1:9' };
  assert.match(JSON.stringify(await openBehind(url, env).observe(CITY, never)), /2\.5/);
});

test('a proxy that refuses, or is not there, is named in the error', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer().on('connect', (request, socket) => {
    asked.push(request.url);
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
  });
  const proxy = await startProxy(server);
  const source = openBehind(PROVIDER, { HTTPS_PROXY: proxy.url });
  await assert.rejects(source.observe(CITY, never), {
    code: 'PROVIDER_DOWN',
    message: `asking for ${CITY.city_id}: the proxy ${proxy.shown} refuses the connection (407)`,
  });
  assert.deepEqual(asked, ['api.openweathermap.org:443']);
  await proxy[Symbol.asyncDispose]();
  await assert.rejects(source.observe(CITY, never), {
    message: `asking for ${CITY.city_id}: no answer through the proxy ${proxy.shown} (ECONNREFUSED)`,
  });
});
