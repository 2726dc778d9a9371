/** What every engine of the shared cache and of the rate limits must do: a test for each sentence. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { waitFor } from '../../testing/api.ts';
import type { SharedCache } from '../cache.ts';
import type { RateLimits } from '../rate-limits.ts';

export interface CachePlace extends AsyncDisposable {
  /** Opens the place as one more server would. */
  open(options: { readonly turnMs: number; readonly bytesMax: number }): Promise<SharedCache>;
}

const asText = async (bytes: Buffer) => bytes.toString();

export function describeSharedCache(name: string, makePlace: () => Promise<CachePlace>): void {
  describe(`the shared cache in ${name}`, () => {
    let place: CachePlace;
    let [one, other]: SharedCache[] = [];
    const find = (cache: SharedCache | undefined, key: string) => {
      assert.ok(cache !== undefined);
      return cache.find(key, asText);
    };
    before(async () => {
      place = await makePlace();
      one = await place.open({ turnMs: 60_000, bytesMax: 100 });
      other = await place.open({ turnMs: 60_000, bytesMax: 100 });
    });
    after(async () => {
      await one?.[Symbol.asyncDispose]();
      await other?.[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });

    it('gives one server the turn, and the others what it puts', async () => {
      const found = await find(one, 'a');
      assert.equal(found.kind, 'turn');
      assert.deepEqual(await find(other, 'a'), { kind: 'taken' });
      if (found.kind === 'turn') await one?.put('a', Buffer.from('value'), found.turn);
      assert.deepEqual(await find(other, 'a'), { kind: 'value', value: 'value' });
      assert.equal((await find(other, 'b')).kind, 'turn', 'another key has nothing to do with it');
    });

    it('gives the turn to exactly one of many that ask at once', async () => {
      const all = Array.from({ length: 40 }, (_, number) => find(number % 2 ? one : other, 'many'));
      const kinds = (await Promise.all(all)).map(({ kind }) => kind).sort();
      assert.deepEqual(kinds, [...Array(39).fill('taken'), 'turn']);
    });

    it('gives the turn to the next one when it ends without a value', async () => {
      const found = await find(one, 'ended');
      if (found.kind === 'turn') await one?.endTurn('ended', found.turn);
      assert.equal((await find(other, 'ended')).kind, 'turn');
      if (found.kind === 'turn') await one?.endTurn('ended', found.turn);
      assert.equal((await find(one, 'ended')).kind, 'taken', 'an old turn ends no other');
    });

    it('ends a turn by itself after its time', async () => {
      await using short = await place.open({ turnMs: 30, bytesMax: 100 });
      assert.equal((await find(short, 'dies')).kind, 'turn');
      await waitFor('the turn', async () => (await find(other, 'dies')).kind === 'turn');
    });

    it('counts bytes that cannot be used as no value, and overwrites them', async () => {
      const found = await find(one, 'garbled');
      if (found.kind === 'turn') await one?.put('garbled', Buffer.from('?'), found.turn);
      const refused = await other?.find('garbled', async () => null);
      assert.equal(refused?.kind, 'turn');
      if (refused?.kind === 'turn') await other?.put('garbled', Buffer.from('!'), refused.turn);
      assert.deepEqual(await find(one, 'garbled'), { kind: 'value', value: '!' });
    });

    it('keeps nothing above its size, and reads nothing above it', async () => {
      const found = await find(one, 'large');
      if (found.kind === 'turn') await one?.put('large', Buffer.alloc(101), found.turn);
      const again = await find(one, 'large');
      assert.equal(again.kind, 'turn');
      await using wide = await place.open({ turnMs: 60_000, bytesMax: 200 });
      if (again.kind === 'turn') await wide.put('large', Buffer.alloc(101), again.turn);
      assert.equal((await find(wide, 'large')).kind, 'value');
      assert.equal((await find(one, 'large')).kind, 'unavailable');
    });
  });
}

export interface RateLimitsPlace extends AsyncDisposable {
  open(): Promise<RateLimits>;
}

export function describeRateLimits(name: string, makePlace: () => Promise<RateLimitsPlace>): void {
  describe(`rate limits in ${name}`, () => {
    it('gives each count of a window its own number, from 1', async () => {
      await using place = await makePlace();
      await using limits = await place.open();
      const counts = await Promise.all(Array.from({ length: 50 }, () => limits.count('a', 60_000)));
      const numbers = counts.map(({ count }) => count).sort((a, b) => a - b);
      assert.deepEqual(
        numbers,
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
      assert.ok(counts.every(({ leftMs }) => leftMs > 0 && leftMs <= 60_000));
      assert.equal((await limits.count('b', 60_000)).count, 1, 'another key has its own window');
    });

    it('counts as much as is asked for', async () => {
      await using place = await makePlace();
      await using limits = await place.open();
      const counts = [];
      for (const weight of [3, undefined, 10]) {
        counts.push((await limits.count('a', 60_000, weight)).count);
      }
      assert.deepEqual(counts, [3, 4, 14]);
    });

    it('begins a new window when the time of the last one is over', async () => {
      await using place = await makePlace();
      await using limits = await place.open();
      await limits.count('a', 40);
      assert.equal((await limits.count('a', 40)).count <= 2, true);
      await waitFor('a new window', async () => (await limits.count('a', 40)).count === 1);
    });
  });
}
