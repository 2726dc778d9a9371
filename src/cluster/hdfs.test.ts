import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientProperties } from './hdfs.ts';

const NAME_NODE = { rpc: 1, http: 2, controller: 3 };
const DATA_NODE = { data: 4, http: 5, ipc: 6 };

test('clients such as Spark ask for as many copies as there are DataNodes for', () => {
  for (const [nameNodes, dataNodesAtStart, copies] of [
    [2, 2, '2'],
    [1, 2, '2'],
    [1, 1, '1'],
  ] as const) {
    const properties = clientProperties({
      distribution: '',
      nameNodes: Array.from({ length: nameNodes }, () => NAME_NODE),
      dataNodes: Array.from({ length: 3 }, () => DATA_NODE),
      ...{ dataNodesAtStart, journalNodes: [], zookeeperPort: null },
    });
    // Their own default is three: such a file lacks a copy for ever, and HDFS is in a warning.
    assert.equal(properties['dfs.replication'], copies);
  }
});
