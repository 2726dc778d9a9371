import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { openTestApi, type TestApi } from './testing/api.ts';

const PAGE = '<!doctype html><title>isobar</title><script src="/assets/main-1a2b.js"></script>';
const SCRIPT = 'console.log("weather");\n'.repeat(200);

describe('the built page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-site-'));
  let api: TestApi;
  before(async () => {
    mkdirSync(join(folder, 'dist/assets'), { recursive: true });
    writeFileSync(join(folder, 'dist/index.html'), PAGE);
    writeFileSync(join(folder, 'dist/assets/main-1a2b.js'), SCRIPT);
    writeFileSync(join(folder, 'dist/assets/main-1a2b.js.br'), brotliCompressSync(SCRIPT));
    writeFileSync(join(folder, 'dist/assets/main-1a2b.js.gz'), gzipSync(SCRIPT));
    writeFileSync(join(folder, 'dist/assets/ready-3c.js'), SCRIPT);
    writeFileSync(join(folder, 'dist/assets/ready-3c.js.br'), 'ready');
    writeFileSync(join(folder, 'dist/.env'), 'secret');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    const webFolder = join(folder, 'dist');
    api = await openTestApi({ change: (context) => ({ ...context, webFolder }) });
  });
  after(async () => {
    await api[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const get = (url: string, headers: Record<string, string> = {}) =>
    api.app.inject({ url, headers });

  test('the page is asked for anew each time, its hashed files never', async () => {
    const page = await get('/?city=london&range=7d');
    assert.deepEqual([page.statusCode, page.body], [200, PAGE]);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(page.headers['cache-control'], 'no-cache');
    const script = await get('/assets/main-1a2b.js');
    assert.equal(script.body, SCRIPT);
    assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8');
    for (const answer of [page, script]) {
      const url = answer === page ? '/' : '/assets/main-1a2b.js';
      const again = await get(url, { 'if-none-match': String(answer.headers.etag) });
      assert.deepEqual([again.statusCode, again.body], [304, '']);
    }
  });

  test('a page that was built anew is served at once', async () => {
    writeFileSync(join(folder, 'dist/index.html'), `${PAGE}<p>new`);
    assert.match((await get('/')).body, /<p>new$/);
    writeFileSync(join(folder, 'dist/index.html'), PAGE);
  });

  test('files come compressed as the browser likes it', async () => {
    const url = '/assets/main-1a2b.js';
    const br = await get(url, { 'accept-encoding': 'gzip, deflate, br, zstd' });
    assert.equal(br.headers['content-encoding'], 'br');
    assert.equal(brotliDecompressSync(br.rawPayload).toString(), SCRIPT);
    const gz = await get(url, { 'accept-encoding': 'gzip' });
    assert.equal(gunzipSync(gz.rawPayload).toString(), SCRIPT);
    const ready = await get('/assets/ready-3c.js', { 'accept-encoding': 'br' });
    assert.equal(ready.body, 'ready');
    assert.equal(
      (await get('/', { 'accept-encoding': 'br' })).headers['content-encoding'],
      undefined,
    );
  });

  test('nothing else is served', async () => {
    for (const url of [
      '/assets',
      '/assets/',
      '/assets/gone.js',
      '/.env',
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/assets/../../secret.txt',
      '//secret.txt',
      '/assets/main-1a2b.js%00',
      '/api',
    ]) {
      const answer = await get(url);
      assert.equal(answer.statusCode, 404, url);
      assert.doesNotMatch(answer.body, /^secret/);
    }
    const port = Number(new URL(await api.app.listen({ host: '127.0.0.1', port: 0 })).port);
    for (const path of ['/../secret.txt', '/assets/../../secret.txt', '//../secret.txt']) {
      assert.match(await askLiterally(port, path), /^HTTP\/1.1 404 /, path);
    }
  });
});

/** The status of a path that no client would send. */
function askLiterally(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    });
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

test('the description comes compressed to a client that accepts it', async () => {
  await using api = await openTestApi();
  const plain = await api.app.inject('/openapi.json');
  const headers = { 'accept-encoding': 'gzip' };
  const packed = await api.app.inject({ url: '/openapi.json', headers });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(packed.rawPayload).toString(), plain.body);
  const [packedBytes, plainBytes] = [packed.rawPayload.length, plain.rawPayload.length];
  assert.ok(packedBytes < plainBytes / 5, `${packedBytes} of ${plainBytes}`);
});

test('the description for people has no script or style within and no other host', async () => {
  await using api = await openTestApi();
  const { body, headers } = await api.app.inject('/docs');
  assert.match(String(headers['content-type']), /^text\/html/);
  assert.doesNotMatch(body, /<script(?! src=)|<style|style=|https?:\/\//);
  for (const part of ['reference/swagger-ui-bundle.js', 'CITY_UNKNOWN', 'id="events"']) {
    assert.ok(body.includes(part), part);
  }
  for (const [, id] of body.matchAll(/href="#([^"]+)"/g)) {
    assert.ok(body.includes(`id="${id}"`), `#${id} leads nowhere`);
  }
  assert.match((await api.app.inject('/docs.css')).body, /font/);
  assert.match((await api.app.inject('/docs.js')).body, /validatorUrl: null/);
});
