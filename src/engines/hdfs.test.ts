import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openHdfsProbe } from './hdfs.ts';
import { assertReading, describeProbe } from './testing/contract.ts';
import { startService } from './testing/service.ts';

describeProbe('hdfs', (url) =>
  openHdfsProbe({ nameNodes: [url], journalNodes: [], timeoutMs: 20_000 }),
);

const MIB = 1024 * 1024;

interface NameNode {
  readonly state: string;
  readonly gcMs: number;
  readonly nodes?: number;
}

/** The beans of a NameNode of Hadoop 3.5, shortened. */
function nameNode({ state, gcMs, nodes = 1 }: NameNode) {
  const live = Object.fromEntries(
    Array.from({ length: nodes }, (_, at) => [
      `node-${at}:9866`,
      { numBlocks: at, capacity: 100, usedSpace: 10, lastContact: at === 3 ? 90 : 1 },
    ]),
  );
  const beans: Readonly<Record<string, object>> = {
    NameNodeStatus: { State: state },
    JvmMetrics: { MemHeapUsedM: 60, MemHeapMaxM: 240, GcTimeMillis: gcMs },
    FSNamesystemState: {
      FSState: 'Operational',
      BlocksTotal: 12,
      UnderReplicatedBlocks: 0,
      CapacityTotal: 1_000,
      CapacityUsed: 250,
      NumLiveDataNodes: nodes,
      NumDeadDataNodes: 1,
      NumStaleDataNodes: 0,
    },
    FSNamesystem: { MissingBlocks: 0, CorruptBlocks: 0 },
    NameNodeInfo: {
      LiveNodes: JSON.stringify(live),
      DeadNodes: JSON.stringify({ 'node-dead:9866': { lastContact: 700 } }),
    },
  };
  return (path: string) => {
    const [, name = ''] = /name=(\w+)$/.exec(path) ?? [];
    return { beans: [beans[name]] };
  };
}

test('the figures are those of the active NameNode; one that is away is counted', async () => {
  await using standby = await startService(nameNode({ state: 'standby', gcMs: 1 }));
  await using active = await startService(nameNode({ state: 'active', gcMs: 2_000 }));
  const nameNodes = [standby.url, active.url, 'http://127.0.0.1:1'];
  await using probe = openHdfsProbe({ nameNodes, journalNodes: [], timeoutMs: 3_000 });
  const reading = await probe.read(AbortSignal.timeout(5_000));
  assertReading(probe, reading);
  const { figures, parts } = reading;
  assert.equal(figures.namenodes_active, 1);
  assert.equal(figures.namenodes_standby, 1);
  assert.equal(figures.namenodes_unreachable, 1);
  assert.equal(figures.gc_seconds_total, 2);
  assert.equal(figures.heap_used_bytes, 60 * MIB);
  assert.equal(figures.heap_used_ratio, 0.25);
  assert.equal(figures.capacity_used_ratio, 0.25);
  assert.equal(figures.journal_lag_transactions, null);
  assert.deepEqual(
    parts.map(({ kind, note }) => `${kind} ${note}`),
    [
      'namenode standby',
      'namenode active',
      'namenode unreachable',
      'datanode dead',
      'datanode live',
    ],
  );
});

test('of many DataNodes fifty parts are named, those in trouble first', async () => {
  await using active = await startService(nameNode({ state: 'active', gcMs: 1, nodes: 500 }));
  await using probe = openHdfsProbe({
    nameNodes: [active.url],
    journalNodes: [],
    timeoutMs: 3_000,
  });
  const { parts } = await probe.read(AbortSignal.timeout(5_000));
  assert.equal(parts.length, 50);
  assert.deepEqual(
    parts.slice(1, 4).map(({ name, note }) => [name, note]),
    [
      ['node-3:9866', 'stale'],
      ['node-dead:9866', 'dead'],
      ['node-499:9866', 'live'],
    ],
  );
});

test('the slowest JournalNode counts', async () => {
  await using active = await startService(nameNode({ state: 'active', gcMs: 1 }));
  await using journal = await startService(() => ({ beans: [{ CurrentLagTxns: 5 }] }));
  await using slow = await startService(() => ({ beans: [{ CurrentLagTxns: 9_000 }] }));
  const journalNodes = [journal.url, slow.url, 'http://127.0.0.1:1'];
  await using probe = openHdfsProbe({ nameNodes: [active.url], journalNodes, timeoutMs: 3_000 });
  const { figures } = await probe.read(AbortSignal.timeout(5_000));
  assert.equal(figures.journal_lag_transactions, 9_000);
  assert.equal(figures.journalnodes_unreachable, 1);
});

test('one NameNode that hangs does not hide the other', async () => {
  await using hanging = await startService(() => undefined);
  await using active = await startService(nameNode({ state: 'active', gcMs: 1 }));
  const nameNodes = [hanging.url, active.url];
  await using probe = openHdfsProbe({ nameNodes, journalNodes: [], timeoutMs: 100 });
  const { figures } = await probe.read(AbortSignal.timeout(5_000));
  assert.equal(figures.namenodes_active, 1);
  assert.equal(figures.namenodes_unreachable, 1);
});

test('when all hang, the error says so', async () => {
  await using hanging = await startService(() => undefined);
  await using probe = openHdfsProbe({ nameNodes: [hanging.url], journalNodes: [], timeoutMs: 100 });
  await assert.rejects(probe.read(AbortSignal.timeout(5_000)), {
    code: 'SERVICE_UNREACHABLE',
    message: /no answer within 0\.1 s/,
  });
});
