import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import type { Publication } from './publication.ts';
import type { Refresher } from './refresh.ts';
import { type RefreshLoop, type RefreshLoopOptions, startRefreshLoop } from './refresh-loop.ts';

const HOUR = 3_600;

/** A refresher that does what `next` says, and counts. */
function fakeRefresher() {
  const fake = {
    runs: 0,
    running: 0,
    most: 0,
    next: async (): Promise<number | null> => null,
    async refresh(signal?: AbortSignal) {
      fake.runs += 1;
      fake.running += 1;
      fake.most = Math.max(fake.most, fake.running);
      try {
        const version = await fake.next();
        signal?.throwIfAborted();
        return version === null ? null : ({ version } as Publication);
      } finally {
        fake.running -= 1;
      }
    },
  };
  return fake satisfies Pick<Refresher, 'refresh'>;
}

async function withLoop(
  options: Partial<RefreshLoopOptions> & Pick<RefreshLoopOptions, 'refresher'>,
  run: (loop: RefreshLoop) => Promise<void>,
): Promise<void> {
  const loop = startRefreshLoop({
    intervalSeconds: HOUR,
    delaySeconds: 0,
    logger: silentLogger,
    onPublished: () => {},
    ...options,
  });
  try {
    await run(loop);
  } finally {
    await loop.stop();
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); await delay(2)) {
    assert.ok(Date.now() < end, `waited in vain for ${condition}`);
  }
}

test('refreshes at start, after landings and the interval, and reports new versions', async () => {
  const refresher = fakeRefresher();
  let version = 0;
  refresher.next = async () => ++version;
  const published: number[] = [];
  const onPublished = (publication: Publication) => published.push(publication.version);
  await withLoop({ refresher, onPublished }, async (loop) => {
    await until(() => refresher.runs === 1);
    loop.landed();
    await until(() => refresher.runs === 2);
    refresher.next = async () => version;
    loop.landed();
    await until(() => refresher.runs === 3);
    assert.deepEqual(published, [1, 2]);
    assert.equal(loop.newest?.version, 2);
  });
  const hasty = fakeRefresher();
  await withLoop({ refresher: hasty, intervalSeconds: 0.01 }, () => until(() => hasty.runs >= 3));
});

test('one refresh covers all landings of the delay, and none is missed during a refresh', async () => {
  const refresher = fakeRefresher();
  await withLoop({ refresher, delaySeconds: 0.05 }, async (loop) => {
    await until(() => refresher.runs === 1 && refresher.running === 0);
    for (let landing = 0; landing < 20; landing++) loop.landed();
    await until(() => refresher.runs === 2);
    const { promise, resolve } = Promise.withResolvers<null>();
    refresher.next = () => promise;
    loop.landed();
    await until(() => refresher.running === 1);
    loop.landed();
    resolve(null);
    await until(() => refresher.runs === 4);
    await delay(150);
    assert.equal(refresher.runs, 4);
  });
});

test('refreshes rest once they have taken much of the time, but never for longer than said', async () => {
  const refresher = fakeRefresher();
  const quick = refresher.next;
  let now = 0;
  const monotonic = () => now;
  await withLoop({ refresher, delaySeconds: 0.01, monotonic }, async (loop) => {
    await until(() => refresher.runs === 1 && refresher.running === 0);
    refresher.next = async () => {
      now += 10_100;
      return null;
    };
    loop.landed();
    await until(() => refresher.runs === 2 && refresher.running === 0);
    refresher.next = quick;
    const restsFrom = performance.now();
    loop.landed();
    await until(() => refresher.runs === 3);
    const rested = performance.now() - restsFrom;
    assert.ok(rested > 500, `${rested} ms`);
    loop.landed();
    await loop.refreshNow();
    assert.ok(refresher.runs >= 4, 'what is asked for does not rest');
  });
});

test('keeps what the last run failed with until one succeeds, with the first time of it', async () => {
  const refresher = fakeRefresher();
  const fail = (code: ErrorCode) => async () => {
    throw new IsobarError(code, `for a test: ${code}`);
  };
  let now = 0;
  const clock = () => new Date(now++ * 1_000);
  refresher.next = fail('TABLE_CORRUPT');
  const errors: string[] = [];
  const logger = {
    ...silentLogger,
    error: (...args: unknown[]) => void errors.push(String(args[1])),
  };
  await withLoop({ refresher, logger, clock }, async (loop) => {
    await until(() => loop.failure !== null);
    const { since } = loop.failure ?? {};
    assert.equal(loop.failure?.code, 'TABLE_CORRUPT');
    await assert.rejects(loop.refreshNow());
    assert.equal(loop.failure?.since, since);
    refresher.next = fail('DISK_FULL');
    await assert.rejects(loop.refreshNow());
    assert.equal(loop.failure?.code, 'DISK_FULL');
    assert.notEqual(loop.failure?.since, since);
    assert.equal(errors.length, 2);
    refresher.next = async () => 5;
    assert.equal((await loop.refreshNow())?.version, 5);
    assert.equal(loop.failure, null);
    assert.equal(loop.newest?.version, 5);
  });
});

test('tries again by itself after a passing failure, but not after a lasting one', async () => {
  for (const [code, runs] of [
    ['LAKE_UNAVAILABLE', 2],
    ['TABLE_CORRUPT', 1],
  ] as const) {
    const refresher = fakeRefresher();
    refresher.next = async () => {
      throw new IsobarError(code, 'for a test');
    };
    await withLoop({ refresher }, async () => {
      await until(() => refresher.runs === runs);
      await delay(runs === 1 ? 1_300 : 0);
      assert.equal(refresher.runs, runs);
    });
  }
});

test('stopping cancels the run, waits for it, and is not reported as a failure', async () => {
  const refresher = fakeRefresher();
  const { promise, resolve } = Promise.withResolvers<null>();
  refresher.next = () => promise;
  const loop = startRefreshLoop({
    refresher,
    intervalSeconds: HOUR,
    delaySeconds: HOUR,
    logger: silentLogger,
    onPublished: () => {},
  });
  await until(() => refresher.running === 1);
  let stopped = false;
  const stopping = loop.stop().then(() => {
    stopped = true;
  });
  await delay(10);
  assert.equal(stopped, false);
  resolve(null);
  await stopping;
  assert.equal(refresher.running, 0);
  assert.equal(loop.failure, null);
});

test('hundreds of landings leave no timer and no listener behind', async () => {
  const refresher = fakeRefresher();
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  await withLoop({ refresher }, async (loop) => {
    for (let landing = 1; landing <= 200; landing++) {
      loop.landed();
      await until(() => refresher.runs > landing / 2 && refresher.running === 0);
    }
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
    assert.ok(timers.length <= 3, String(timers.length));
  });
  process.off('warning', listen);
  assert.deepEqual(warnings, []);
});
