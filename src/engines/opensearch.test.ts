import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { rejects } from '../../test/support/rejects.ts';
import { makeTrust } from '../../test/support/trust.ts';
import { loadConfig } from '../config/load.ts';
import { openSearchClient } from '../index/opensearch-client.ts';
import { openOpenSearchProbe } from './opensearch.ts';
import { assertReading, describeProbe } from './testing/contract.ts';
import { startService } from './testing/service.ts';

describeProbe('opensearch', (url) => openOpenSearchProbe({ url }));

const node = (heap: number) => ({
  indices: { docs: { count: 10 }, store: { size_in_bytes: 100 } },
  jvm: { mem: { heap_used_percent: heap } },
  fs: { total: { available_in_bytes: 1_000 } },
  thread_pool: { write: { rejected: 2 }, search: { rejected: 1 }, fetch: {} },
});

test('OpenSearch is asked over TLS with the authority that was given, and no other', async () => {
  using trust = makeTrust();
  const { authority: right, other: wrong } = trust;
  const asked: (string | undefined)[] = [];
  await using service = await startService((path, response, { headers }) => {
    asked.push(headers.authorization);
    response.setHeader('content-type', 'application/json');
    const health = { status: 'green', number_of_nodes: 1, unassigned_shards: 0 };
    return path.startsWith('/_cluster/health') ? health : { nodes: { a: node(40) } };
  }, trust.pair);
  const { url } = service;
  const login = { user: 'isobar', password: 'a-secret' };
  const read = async (tls_authority = '') => {
    await using probe = openOpenSearchProbe({ url, ...login, tls_authority });
    return (await probe.read(AbortSignal.timeout(5_000))).figures.nodes;
  };
  assert.equal(await read(right), 1);
  assert.equal(asked[0], `Basic ${Buffer.from('isobar:a-secret').toString('base64')}`);
  for (const authorityFile of ['', wrong]) {
    await rejects(read(authorityFile), 'SERVICE_UNREACHABLE');
  }
  const { index } = loadConfig({ file: null, env: {}, flags: {} }).config;
  const search = (tls_authority = '') =>
    openSearchClient({ ...index.opensearch, url, ...login, tls_authority });
  const request = { method: 'GET', path: '/_cluster/health', answer: Type.Object({}) } as const;
  await using trusting = search(right);
  await trusting.ask(request);
  for (const authorityFile of ['', wrong]) {
    await using client = search(authorityFile);
    await rejects(client.ask(request), 'INDEX_UNAVAILABLE');
  }
  assert.equal(asked.length, 3, 'nothing is sent to a server that is not trusted');
});

test('the sums of all nodes, and the fullest heap', async () => {
  await using service = await startService((path) =>
    path.startsWith('/_cluster/health')
      ? { status: 'yellow', number_of_nodes: 2, unassigned_shards: 3 }
      : { nodes: { a: node(40), b: node(80) } },
  );
  await using probe = openOpenSearchProbe({ url: `${service.url}/` });
  const reading = await probe.read(AbortSignal.timeout(5_000));
  assertReading(probe, reading);
  assert.deepEqual(reading.figures, {
    nodes: 2,
    health: 1,
    unassigned_shards: 3,
    documents: 20,
    store_bytes: 200,
    heap_used_ratio: 0.8,
    disk_free_bytes: 2_000,
    rejected_total: 6,
  });
});
