import assert from 'node:assert/strict';
import { test } from 'node:test';
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
