/** The part of the contract about following: soon, for all followers, and nothing left behind. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { LogPlace } from './contract.ts';
import { recordsOf } from './records.ts';

const FOLLOW_MS_MAX = 250;

export function describeFollow(shared: () => { log: Log; place: LogPlace }): void {
  it('yields once at the start, and soon after each append of any process', async () => {
    const { log, place } = shared();
    await using other = await place.open();
    const stop = new AbortController();
    const news = log.follow(stop.signal)[Symbol.asyncIterator]();
    assert.equal((await news.next()).done, false);
    for (const appender of [log, other, log, other]) {
      let notified = false;
      const next = news.next().then((result) => {
        notified = true;
        return result;
      });
      await sleep(1);
      assert.equal(notified, false);
      const started = performance.now();
      await appender.append(recordsOf(3));
      assert.equal((await next).done, false);
      const took = performance.now() - started;
      // The machine may be busy: only what is far from the promise is wrong.
      assert.ok(took < FOLLOW_MS_MAX * 8, `it took ${took} ms`);
    }
    stop.abort();
    assert.equal((await news.next()).done, true);
  });

  it('yields for appends made while the follower was busy', async () => {
    const { log } = shared();
    const stop = new AbortController();
    const news = log.follow(stop.signal)[Symbol.asyncIterator]();
    await news.next();
    await log.append(recordsOf(1));
    await log.append(recordsOf(1));
    assert.equal((await news.next()).done, false);
    stop.abort();
    assert.equal((await news.next()).done, true);
  });

  it('ends without an error when the signal aborts, also before the start', async () => {
    const { log } = shared();
    assert.deepEqual(await Array.fromAsync(log.follow(AbortSignal.abort())), []);
    const stop = new AbortController();
    const notified = Array.fromAsync(log.follow(stop.signal), () =>
      setImmediate(() => stop.abort()),
    );
    assert.equal((await notified).length, 1);
  });

  it('leaves nothing behind on the signal', async () => {
    const { log } = shared();
    const stop = new AbortController();
    const news = log.follow(stop.signal)[Symbol.asyncIterator]();
    for (let i = 0; i < 30; i++) {
      const next = news.next();
      await log.append(recordsOf(1));
      await next;
    }
    assert.ok(getEventListeners(stop.signal, 'abort').length <= 1);
    stop.abort();
    await news.next();
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });
}
