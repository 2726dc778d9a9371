import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../log/log.ts';
import { silentLogger } from '../logger.ts';
import type { Landed, Sink } from './landing.ts';
import { startLandingLoop } from './landing-loop.ts';
import { openMemoryLog } from './testing/lake.ts';

const NOON = new Date('2024-10-31T12:00:00Z');
const DEADLINE_MS = 5_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!holds()) {
    assert.ok(performance.now() < deadline, what);
    await nextTurn();
  }
}

/** A loop over one partition whose landings only count; while each is made, a record arrives. */
function startBusyLoop(options: {
  readonly records: number;
  readonly ageSeconds: number;
  readonly clock?: () => Date;
}) {
  const memory = openMemoryLog(1);
  const seen = { landings: 0, looks: 0 };
  let next = 0n;
  let wake = () => {};
  const log: Log = {
    ...memory,
    async timeOf() {
      seen.looks += 1;
      return NOON;
    },
    async *follow(signal) {
      while (!signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        yield;
      }
    },
  };
  const sink: Sink = {
    async land(partition) {
      await nextTurn();
      const from = next;
      ({ next } = await memory.range(partition));
      if (next === from) return null;
      // At the end of a test the loop lands what is left; then nothing more may arrive.
      if (!loop.isStopping) memory.put(partition, 'while it was landed');
      seen.landings += 1;
      const last = next - 1n;
      const rows = Number(next - from);
      return {
        partition,
        from,
        last,
        rows,
        rejected: 0,
        version: 0,
        months: [],
        traceIds: [],
      } satisfies Landed;
    },
    acceptLoss: async () => {},
  };
  const started = startLandingLoop({
    sink,
    log,
    nextOffset: async () => next,
    logger: silentLogger,
    clock: () => NOON,
    ...options,
  });
  const loop = {
    seen,
    isStopping: false,
    put(count: number) {
      for (let made = 0; made < count; made += 1) memory.put(0, 'a record');
      wake();
    },
    async [Symbol.asyncDispose]() {
      loop.isStopping = true;
      await started.stop();
    },
  };
  started.take(0);
  return loop;
}

describe('the loop of landings', () => {
  it('waits again after each, although records arrive all the time', async () => {
    await using loop = startBusyLoop({ records: 3, ageSeconds: 60 });
    loop.put(3);
    await until('it landed', () => loop.seen.landings > 0);
    await until('it looked how long the next may wait', () => loop.seen.looks > 0);
    assert.equal(loop.seen.landings, 1);
    loop.put(2);
    await until('there were three again', () => loop.seen.landings > 1);
    assert.equal(loop.seen.landings, 2);
  });

  it('waits a second for the first of a partition, and its time for the next', async () => {
    let now = NOON.getTime() + 999;
    await using loop = startBusyLoop({ records: 9, ageSeconds: 60, clock: () => new Date(now) });
    loop.put(1);
    await until('it looked how long it may wait', () => loop.seen.looks > 0);
    assert.equal(loop.seen.landings, 0);
    now += 1;
    loop.put(1);
    await until('the first landed', () => loop.seen.landings === 1);
    const { looks } = loop.seen;
    loop.put(1);
    await until('it looked how long the next may wait', () => loop.seen.looks > looks);
    assert.equal(loop.seen.landings, 1);
  });

  it('goes on at once while enough wait', async () => {
    await using loop = startBusyLoop({ records: 1, ageSeconds: 60 });
    loop.put(1);
    await until('it landed and landed', () => loop.seen.landings > 5);
  });
});
