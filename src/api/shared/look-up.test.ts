/** One look-up: how long it waits for another server, and what it leaves behind. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  findRedis,
  NO_REDIS,
  startRedis,
  type TestRedis,
} from '../../../test/support/redis-server.ts';
import { rejects } from '../../../test/support/rejects.ts';
import type { Product, Question } from '../answers.ts';
import { waitFor } from '../testing/api.ts';
import type { Current } from '../versions.ts';
import { openSharedAnswers } from './answers.ts';
import { cacheOver, connectionTo } from './testing/connection.ts';

const program = await findRedis();

function start(): Promise<TestRedis> {
  if (program === null) throw new Error(NO_REDIS);
  return startRedis(program);
}

const PRODUCT: Product = {
  facts: {
    sources: [],
    observedFrom: null,
    observedTo: null,
    newest: null,
    computedAt: null,
    coveragePct: null,
    rowCount: 0,
    note: null,
  },
  tail: Buffer.from(',"data":[]}'),
  deflated: null,
};
const CURRENT = {
  conditions: { snapshot: { version: 1, committedAt: null, transactions: new Map(), files: [] } },
  publication: null,
} as unknown as Current;
const QUESTION = { route: 'series', format: 'json', key: 'key', basis: 'table' } as Question;
const OF = { version: '1', simulated: false, cities: () => [] };

function wanted(make: () => Promise<Product>, signal = new AbortController().signal) {
  return { question: QUESTION, current: CURRENT, signal, make, compress: async () => null };
}

describe('a look-up', { skip: program === null && NO_REDIS }, () => {
  test('waits for another server as long as a turn lasts, and no longer', async () => {
    await using redis = await start();
    await using cache = cacheOver(await connectionTo(redis), { turnMs: 150 });
    await using other = cacheOver(await connectionTo(redis), { turnMs: 60_000 });
    const never = new Promise<Product>(() => {});
    void openSharedAnswers(other, OF).find(wanted(() => never));
    await waitFor('the turn', () => other.status().lookups.miss === 1);
    const shared = openSharedAnswers(cache, OF);
    const from = performance.now();
    assert.equal(await shared.find(wanted(async () => PRODUCT)), PRODUCT);
    assert.ok(performance.now() - from >= 150);

    const leave = new AbortController();
    const waiting = shared.find(wanted(async () => assert.fail('not awaited'), leave.signal));
    leave.abort();
    await rejects(waiting, 'ABORTED');
  });

  test('ends its turn when computing fails, and passes the failure on', async () => {
    await using redis = await start();
    await using cache = cacheOver(await connectionTo(redis));
    const shared = openSharedAnswers(cache, OF);
    const failing = () => Promise.reject(new Error('no'));
    await assert.rejects(shared.find(wanted(failing)), /no/);
    await waitFor('the end of the turn', async () => Number(await redis.call('DBSIZE')) === 0);
    assert.equal(await shared.find(wanted(async () => PRODUCT)), PRODUCT);
    const find = () => shared.find(wanted(async () => assert.fail('it is there')));
    await waitFor('the value', async () => Number(await redis.call('DBSIZE')) === 1);
    assert.deepEqual(await find(), PRODUCT);
  });

  test('of an answer that is too large does not wait for it', async () => {
    await using redis = await start();
    const options = { bytesMax: 300, turnMs: 60_000 };
    await using cache = cacheOver(await connectionTo(redis), options);
    await using other = cacheOver(await connectionTo(redis), options);
    const large = { ...PRODUCT, tail: Buffer.alloc(1_000) };
    await openSharedAnswers(cache, OF).find(wanted(async () => large));
    await waitFor('what says so', async () => Number(await redis.call('DBSIZE')) === 1);
    assert.equal(await openSharedAnswers(other, OF).find(wanted(async () => large)), large);
  });
});
