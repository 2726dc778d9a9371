/** The index while OpenSearch is in trouble: what callers are told, and how it comes back. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { IsobarError } from '../../src/errors.ts';
import type { AnomalyIndex } from '../../src/index/anomaly-index.ts';
import { openAnomalySearch } from '../../src/index/answering.ts';
import { startIndexLoop } from '../../src/index/index-loop.ts';
import { openIndex } from '../../src/index/open.ts';
import { scanRows } from '../../src/index/scan.ts';
import { question, someRows } from '../../src/index/testing/anomalies.ts';
import { fill } from '../../src/index/testing/contract.ts';
import { killAtEachStep } from '../../src/index/testing/killing.ts';
import { openTestSource } from '../../src/index/testing/publications.ts';
import { silentLogger } from '../../src/logger.ts';
import { rejects } from '../support/rejects.ts';
import { until } from '../support/until.ts';
import { absent, control, killService, service } from './services.ts';

const url = service('opensearch')?.url ?? '';
const EVERYTHING = question({ limit: 1_000, facets: true });

function open(prefix: string, flags: Readonly<Record<string, string>> = {}): Promise<AnomalyIndex> {
  const { index } = loadConfig({
    file: null,
    env: {},
    flags: {
      'index.engine': 'opensearch',
      'index.opensearch.url': url,
      'index.opensearch.prefix': prefix,
      'index.opensearch.timeout_s': '2',
      ...flags,
    },
  }).config;
  return openIndex(index, '', false);
}

const newPrefix = () => `fault-${randomUUID()}`;

/** An index that follows made-up publications, with what answers questions. */
async function follow(prefix: string) {
  const index = await open(prefix);
  const source = openTestSource();
  const loop = startIndexLoop({
    ...{ index, source, logger: silentLogger, lookMs: 200, writes: () => true },
    random: () => 0,
  });
  return {
    ...{ index, source, loop },
    search: openAnomalySearch({ index, loop, catchUpMs: 5 }),
    async [Symbol.asyncDispose]() {
      await loop.stop();
      await index[Symbol.asyncDispose]();
    },
  };
}

describe('OpenSearch in trouble', { skip: url === '' && absent('opensearch') }, () => {
  it('stopped: the published rows answer, and the index follows once it continues', async () => {
    await using place = await follow(newPrefix());
    const { source, loop, search } = place;
    source.publish(someRows(50, 'a'));
    await until('version 1', () => loop.held?.version === 1);
    const services = await control();
    await services.signal('opensearch', 'SIGSTOP');
    try {
      const rows = someRows(60, 'b');
      source.publish(rows);
      const answered = await search.ask(EVERYTHING, { version: 2, rows: async () => rows });
      assert.deepEqual(answered.rows, scanRows(rows, 2, EVERYTHING).rows);
      assert.equal(answered.indexVersion, null);
      await until('the failure is known', () => loop.failure?.code === 'INDEX_UNAVAILABLE');
    } finally {
      await services.signal('opensearch', 'SIGCONT');
    }
    await until('version 2', () => loop.held?.version === 2 && loop.failure === null);
    const rows = someRows(60, 'b');
    assert.deepEqual(await place.index.search(EVERYTHING), scanRows(rows, 2, EVERYTHING));
  });

  it('killed and emptied: the index is made anew', async () => {
    await using place = await follow(newPrefix());
    const { source, loop } = place;
    const rows = someRows(50);
    source.publish(rows);
    await until('version 1', () => loop.held?.version === 1);
    await killService('opensearch');
    await until('the failure is known', () => loop.failure !== null);
    await (await control()).start('opensearch');
    await until('it answers', () => loop.failure === null && loop.held?.version === 1);
    await fetch(`${url}/fault-*`, { method: 'DELETE' });
    await until('it is made anew', () => loop.counts.replacements === 2);
    await until('version 1', () => loop.held?.version === 1);
    assert.deepEqual(await place.index.search(EVERYTHING), scanRows(rows, 1, EVERYTHING));
  });

  it('red: the published rows answer, and parts that stay away are replaced', async () => {
    const prefix = newPrefix();
    await using place = await follow(prefix);
    const { source, loop, search } = place;
    const rows = someRows(50);
    source.publish(rows);
    await until('version 1', () => loop.held?.version === 1);
    await loseParts(`${prefix}-anomalies`);
    const published = { version: 1, rows: async () => rows };
    const answered = await search.ask(EVERYTHING, published);
    assert.deepEqual(answered.rows, scanRows(rows, 1, EVERYTHING).rows);
    await until('it is made anew', () => loop.counts.replacements === 2);
    await until('it answers', () => loop.failure === null && loop.held?.version === 1);
    assert.deepEqual(await place.index.search(EVERYTHING), scanRows(rows, 1, EVERYTHING));
  });

  it('of a writer killed at any step the index is at one version as a whole', async () => {
    const prefix = newPrefix();
    await killAtEachStep([url, prefix], () => open(prefix, { 'index.opensearch.timeout_s': '30' }));
  });

  it('of two writers that update, the last claim wins', async () => {
    const prefix = newPrefix();
    await using one = await open(prefix);
    await using other = await open(prefix);
    await fill(one, 1, someRows(30));
    await using lost = await one.begin('update');
    await lost.put('0', someRows(5, 'lost'));
    await fill(other, 2, someRows(40, 'kept'), 'update');
    const state = { version: 3, sha256: 'b'.repeat(64), digests: { 0: '3' } };
    await rejects(lost.commit(state), 'INDEX_BUSY');
    const kept = scanRows(someRows(40, 'kept'), 2, EVERYTHING);
    for (const index of [one, other]) assert.deepEqual(await index.search(EVERYTHING), kept);
  });
});

/** Its files are gone, and it notices. */
async function loseParts(alias: string): Promise<void> {
  const { note } = await control();
  const id = (await (await fetch(`${url}/_cat/indices/${alias}?h=uuid`)).text()).trim();
  const part = join(note.folder, 'opensearch', 'data', 'nodes', '0', 'indices', id, '0');
  for (const name of ['index', 'translog']) await rm(join(part, name), { recursive: true });
  await fetch(`${url}/${alias}/_close?wait_for_active_shards=0`, { method: 'POST' });
  await until('it is red', async () => {
    const health = await (await fetch(`${url}/_cluster/health`)).text();
    return health.includes('"status":"red"');
  });
}

describe('a server that is not OpenSearch', () => {
  const answers: readonly (readonly [string, number, string, string, RegExp])[] = [
    ['refuses the password', 401, '{"error":"secret stack"}', 'INDEX_REFUSED', /answered 401/],
    ['forbids', 403, '<html>', 'INDEX_REFUSED', /answered 403/],
    [
      'answers with a page',
      200,
      '<html>welcome</html>',
      'INDEX_UNAVAILABLE',
      /not one of OpenSearch/,
    ],
    [
      'answers with other JSON',
      200,
      '{"hello":"world"}',
      'INDEX_UNAVAILABLE',
      /not one of OpenSearch/,
    ],
    [
      'is broken',
      500,
      '{"error":{"type":"boom_exception","reason":"secret"}}',
      'INDEX_UNAVAILABLE',
      /500 \(boom_exception\)/,
    ],
    ['is busy', 429, '', 'INDEX_UNAVAILABLE', /429/],
  ];
  for (const [what, status, body, code, text] of answers) {
    it(`${what}: the error says so, without its words or the password`, async () => {
      const server = createServer((_, reply) => reply.writeHead(status).end(body));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      try {
        await using index = await open('garbage', {
          'index.opensearch.url': `http://127.0.0.1:${port}`,
          'index.opensearch.user': 'isobar',
          'index.opensearch.password': 'secret-password',
        });
        for (const ask of [() => index.state(), () => index.search(EVERYTHING)]) {
          const error = await ask().then(
            () => null,
            (reason: unknown) => reason,
          );
          assert.ok(error instanceof IsobarError, String(error));
          assert.equal(error.code, code);
          assert.match(error.message, text);
          assert.doesNotMatch(error.message, /secret/);
        }
      } finally {
        server.close();
      }
    });
  }

  it('does not answer, or is not there: the error comes in time', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const flags = {
      'index.opensearch.url': `http://127.0.0.1:${port}`,
      'index.opensearch.timeout_s': '1',
    };
    await using index = await open('silent', flags);
    await rejects(index.state(), 'INDEX_UNAVAILABLE');
    server.closeAllConnections();
    server.close();
    await rejects(index.state(), 'INDEX_UNAVAILABLE');
  });
});
