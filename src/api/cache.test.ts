import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCache } from './cache.ts';

const text = (length: number) => 'x'.repeat(length);

test('equal keys asked for at once share one computation, and later ones find it kept', async () => {
  const cache = openCache<string>(1_000_000, (value) => value.length);
  let computed = 0;
  const compute = async () => {
    computed += 1;
    return text(10);
  };
  await Promise.all(Array.from({ length: 500 }, () => cache.get('a', compute)));
  await cache.get('a', compute);
  assert.equal(computed, 1);
  const { hits, misses, shared } = cache.counts;
  assert.deepEqual({ hits, misses, shared }, { hits: 1, misses: 1, shared: 499 });
});

test('aborts a computation that is not awaited, and computes anew for later callers', async () => {
  const cache = openCache<string>(1_000_000, (value) => value.length);
  const one = new AbortController();
  const other = new AbortController();
  let given: AbortSignal | undefined;
  let finish = (_: string) => {};
  const compute = (signal: AbortSignal) => {
    given = signal;
    return new Promise<string>((resolve) => {
      finish = resolve;
    });
  };
  const both = [cache.get('a', compute, one.signal), cache.get('a', compute, other.signal)];
  one.abort();
  assert.equal(given?.aborted, false, 'the other one still waits');
  other.abort();
  assert.equal(given?.aborted, true);
  assert.equal(await cache.get('a', async () => 'anew'), 'anew');
  finish('late');
  await Promise.all(both);
  assert.equal(await cache.get('a', async () => assert.fail('it is kept')), 'anew');
  assert.equal(cache.counts.bytes, 4 + 512);

  const waiting = cache.get('b', compute);
  void cache.get('b', compute, AbortSignal.abort());
  assert.equal(given?.aborted, false, 'who has no signal never leaves');
  finish('b');
  assert.equal(await waiting, 'b');
});

test('a failure is passed to all who wait and is not kept', async () => {
  const cache = openCache<string>(1_000_000, (value) => value.length);
  const failing = () => Promise.reject(new Error('no'));
  const both = await Promise.allSettled([cache.get('a', failing), cache.get('a', failing)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await cache.get('a', async () => 'yes'), 'yes');
});

test('the least recently used goes first, and the bytes stay within the bound', async () => {
  const cache = openCache<string>(3 * 1_512, (value) => value.length);
  for (const key of ['a', 'b', 'c']) await cache.get(key, async () => text(1_000));
  await cache.get('a', async () => assert.fail('a is kept'));
  await cache.get('d', async () => text(1_000));
  assert.equal(cache.counts.entries, 3);
  assert.ok(cache.counts.bytes <= 3 * 1_512);
  await cache.get('a', async () => assert.fail('a was used last'));
  let again = false;
  await cache.get('b', async () => {
    again = true;
    return text(1);
  });
  assert.ok(again, 'b was evicted');
});

test('a value that grows counts with its new size; one too large for all is not kept', async () => {
  const cache = openCache<string>(4_000, (value) => value.length);
  await cache.get('a', async () => text(1_000));
  await cache.get('b', async () => text(1_000));
  cache.grow('b', 2_000);
  assert.equal(cache.counts.entries, 1, 'a made room');
  cache.grow('gone', 1);
  assert.equal(await cache.get('c', async () => text(9_000)), text(9_000));
  assert.deepEqual([cache.counts.entries, cache.counts.bytes], [0, 0]);
});
