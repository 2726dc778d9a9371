/** Looking for new commits: many ask at once, and of a lake that is away all hear soon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError, isErrorCode } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import { observation, openTestLake, type TestLake } from './testing/lake.ts';

/** A table whose looks wait until they are let go; each look reads one commit that is not there. */
async function openHeld(lake: TestLake) {
  const { storage } = lake;
  const held: PromiseWithResolvers<void>[] = [];
  let isHolding = false;
  const slow: Storage = {
    ...storage,
    async read(path, signal) {
      if (isHolding) {
        const wait = Promise.withResolvers<void>();
        held.push(wait);
        await wait.promise;
      }
      return storage.read(path, signal);
    },
  };
  const { observations: table } = await lake.open(slow);
  await table.refresh();
  isHolding = true;
  return { table, held };
}

async function openFilled(): Promise<TestLake> {
  const lake = await openTestLake();
  const { sink } = await lake.open();
  lake.log.put(0, observation('a', 0));
  await sink.land(0);
  return lake;
}

/** Until it waits in the storage once more than before. */
async function untilHeld(held: readonly unknown[], count: number): Promise<void> {
  while (held.length < count) await new Promise(setImmediate);
}

test('those that ask during a look share the next one, and all hear when it fails', async () => {
  await using lake = await openFilled();
  const { table, held } = await openHeld(lake);
  const first = table.refresh();
  await untilHeld(held, 1);
  const others = Array.from({ length: 20 }, () => table.refresh());
  const away = new IsobarError('LAKE_UNAVAILABLE', 'away');
  held[0]?.reject(away);
  await assert.rejects(first, (error) => isErrorCode(error, 'LAKE_UNAVAILABLE'));
  await untilHeld(held, 2);
  held[1]?.reject(away);
  for (const { status } of await Promise.allSettled(others)) assert.equal(status, 'rejected');
  assert.equal(held.length, 2);
});

test('whoever asks during a look sees what was committed after that look began', async () => {
  await using lake = await openFilled();
  const { table, held } = await openHeld(lake);
  const first = table.refresh();
  await untilHeld(held, 1);
  const { sink } = await lake.open();
  lake.log.put(0, observation('a', 600));
  await sink.land(0);
  const second = table.refresh();
  held[0]?.reject(new IsobarError('LAKE_UNAVAILABLE', 'away'));
  await assert.rejects(first);
  for (let at = 1; at <= 2; at++) {
    await untilHeld(held, at + 1);
    held[at]?.resolve();
  }
  assert.equal((await second).version, 1);
});

test('one that gives up leaves the look to the others', async () => {
  await using lake = await openFilled();
  const { table, held } = await openHeld(lake);
  const stop = new AbortController();
  const leaving = table.refresh(stop.signal);
  const staying = table.refresh();
  await untilHeld(held, 1);
  stop.abort();
  await assert.rejects(leaving, { name: 'AbortError' });
  held[0]?.resolve();
  await untilHeld(held, 2);
  held[1]?.resolve();
  assert.equal((await staying).version, 0);
});
