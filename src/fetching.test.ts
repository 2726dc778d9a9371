import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createServerWith, makeTrust, type Pair } from '../test/support/trust.ts';
import { causesOf, fetchTrusting } from './fetching.ts';

const trust = makeTrust();
after(() => trust[Symbol.dispose]());
const [authority, other] = [trust.authority, trust.other].map((file) => readFileSync(file));
assert.ok(authority && other);

async function serve(listener: RequestListener, pair?: Pair) {
  const server = createServerWith(pair, listener);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http${pair === undefined ? '' : 's'}://127.0.0.1:${port}/a?b=c`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const codeOf = (error: unknown) => [...causesOf(error)].find(({ code }) => code !== null)?.code;

test('an authority of its own is trusted over https, and no other is', async () => {
  await using server = await serve((_, response) => response.end('hello'), trust.pair);
  assert.equal(await (await fetchTrusting(authority)(server.url)).text(), 'hello');
  assert.equal(await (await fetchTrusting([other, authority])(server.url)).text(), 'hello');
  for (const wrong of [other, [other], null]) {
    await assert.rejects(fetchTrusting(wrong)(server.url), (error) =>
      /UNABLE_TO_VERIFY|SELF_SIGNED/.test(codeOf(error) ?? ''),
    );
  }
});

test('a certificate for another name is refused with its own authority', async () => {
  using elsewhere = makeTrust(['weather.example.org']);
  await using server = await serve((_, response) => response.end('hello'), elsewhere.pair);
  const asking = fetchTrusting(readFileSync(elsewhere.authority))(server.url);
  await assert.rejects(asking, (error) => codeOf(error) === 'ERR_TLS_CERT_ALTNAME_INVALID');
});

for (const pair of [trust.pair, undefined]) {
  const kind = pair === undefined ? 'http' : 'https';
  test(`method, headers and body reach a server over ${kind}, and its answer comes back`, async () => {
    await using server = await serve(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { method, url, headers } = request;
      response.writeHead(201, { 'x-a': 'b', 'set-cookie': ['c=d', 'e=f'] });
      response.end(JSON.stringify({ method, url, type: headers['content-type'], body }));
    }, pair);
    const body = new URLSearchParams({ code: 'ä' });
    const answer = await fetchTrusting(authority)(server.url, { method: 'POST', body });
    assert.deepEqual([answer.status, answer.headers.get('x-a')], [201, 'b']);
    assert.deepEqual(answer.headers.getSetCookie(), ['c=d', 'e=f']);
    assert.deepEqual(await answer.json(), {
      ...{ method: 'POST', url: '/a?b=c', body: 'code=%C3%A4' },
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
    });
  });

  test(`a redirect over ${kind} is shown or refused, never followed`, async () => {
    let asked = 0;
    await using server = await serve((_, response) => {
      asked += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    }, pair);
    const shown = await fetchTrusting(authority)(server.url, { redirect: 'manual' });
    assert.equal(shown.status, 302);
    const refused = fetchTrusting(authority)(server.url, { redirect: 'error' });
    await assert.rejects(refused, TypeError);
    assert.equal(asked, 2);
  });

  test(`a request over ${kind} ends with its signal, before and within the answer`, async () => {
    const over = new AbortController();
    const reason = new Error('over');
    await using server = await serve((request, response) => {
      if (request.method === 'POST') over.abort(reason);
      else response.write('begun');
    }, pair);
    const { signal } = over;
    const begun = await fetchTrusting(authority)(server.url, { signal });
    const asked = fetchTrusting(authority)(server.url, { method: 'POST', body: 'a', signal });
    await assert.rejects(asked, reason);
    await assert.rejects(begun.text());
  });
}

test('an answer without a body has none', async () => {
  await using server = await serve((_, response) => response.writeHead(204).end(), trust.pair);
  const answer = await fetchTrusting(authority)(server.url);
  assert.deepEqual([answer.status, answer.body], [204, null]);
});
