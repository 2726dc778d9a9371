import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../logger.ts';
import { observation, openMemoryLog } from '../table/testing/lake.ts';
import { openTail } from './tail.ts';

test('partitions that are added while it runs are followed too', async () => {
  const log = openMemoryLog(2);
  let partitionCount = 1;
  log.put(0, observation('tokyo', 0));
  log.put(1, observation('lagos', 0));
  const stop = new AbortController();
  const cities: (string | undefined)[] = [];
  const tail = await openTail({
    log: {
      ...log,
      get partitionCount() {
        return partitionCount;
      },
      async *follow(signal) {
        yield;
        partitionCount = 2;
        if (!signal.aborted) yield;
      },
    },
    logger: silentLogger,
    firstWaiting: () => 0n,
    onEvents: (events) => cities.push(...events.map((event) => event.observation?.city_id)),
    onSkip: () => assert.fail('nothing is too much'),
  });
  assert.deepEqual([...tail.cityIds()], ['tokyo']);
  assert.deepEqual(tail.next, [1n]);
  await tail.run(stop.signal);
  assert.deepEqual(cities, ['lagos']);
  assert.deepEqual(tail.next, [1n, 1n]);
  // A position from before says nothing of the new partition.
  assert.equal(await tail.readSince([1n], 100), null);
});
