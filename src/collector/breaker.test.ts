import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openBreaker } from './breaker.ts';
import { ProviderError, type ProviderErrorCode, parseRetryAfter } from './provider-error.ts';

const error = (code: ProviderErrorCode, retryAfterSeconds: number | null = null) =>
  new ProviderError(code, 'asking for x: no', { retryAfterSeconds });
const down = error('PROVIDER_DOWN');
const quota = error('PROVIDER_QUOTA');
const free = { calls: Number.POSITIVE_INFINITY, waitMs: 0 };

describe('the breaker', () => {
  test('five failures in a row open it, a success among them does not', () => {
    const breaker = openBreaker(() => 0);
    for (let failure = 0; failure < 4; failure++) breaker.failed(breaker.start(), down, 0);
    breaker.succeeded();
    for (let failure = 0; failure < 4; failure++) breaker.failed(breaker.start(), down, 0);
    assert.deepEqual(breaker.allowance(0), free);
    breaker.failed(breaker.start(), down, 1_000);
    assert.deepEqual(breaker.allowance(1_000), { calls: 0, waitMs: 2_000 });
    assert.equal(breaker.trouble?.error, down);
  });

  for (const first of [quota, error('PROVIDER_KEY_REFUSED'), error('PROVIDER_DOWN', 30)]) {
    test(`${first.code} ${first.retryAfterSeconds ?? ''} opens it at once`, () => {
      const breaker = openBreaker(() => 0);
      breaker.failed(breaker.start(), first, 0);
      assert.equal(breaker.allowance(0).waitMs, first.waitSeconds(1) * 1_000);
    });
  }

  test('when the wait is over a single call tries; its success lets all through', () => {
    const breaker = openBreaker(() => 0);
    breaker.failed(breaker.start(), quota, 0);
    assert.deepEqual(breaker.allowance(14_999), { calls: 0, waitMs: 1 });
    assert.deepEqual(breaker.allowance(15_000), { calls: 1, waitMs: 0 });
    const attempt = breaker.start();
    assert.equal(attempt, 'trying');
    assert.deepEqual(breaker.allowance(20_000), { calls: 0, waitMs: Number.POSITIVE_INFINITY });
    breaker.succeeded();
    assert.deepEqual(breaker.allowance(20_000), free);
    assert.equal(breaker.trouble, null);
  });

  test('its failure waits twice as long, up to ten minutes; a cancelled one tries again', () => {
    const breaker = openBreaker(() => 0);
    breaker.failed(breaker.start(), quota, 0);
    let now = 15_000;
    const waits: number[] = [];
    for (let round = 0; round < 8; round++) {
      breaker.failed(breaker.start(), quota, now);
      const { waitMs } = breaker.allowance(now);
      waits.push(waitMs / 1_000);
      now += waitMs;
    }
    assert.deepEqual(waits, [30, 60, 120, 240, 480, 600, 600, 600]);
    breaker.cancelled(breaker.start());
    assert.deepEqual(breaker.allowance(now), { calls: 1, waitMs: 0 });
  });

  test('calls that were under way when it opened count as one failure', () => {
    const breaker = openBreaker(() => 0);
    const attempts = Array.from({ length: 8 }, () => breaker.start());
    for (const attempt of attempts) breaker.failed(attempt, quota, 0);
    assert.equal(breaker.allowance(0).waitMs, 15_000);
    // Unless the provider asks for longer.
    breaker.failed('usual', error('PROVIDER_QUOTA', 100), 0);
    assert.equal(breaker.allowance(0).waitMs, 100_000);
  });

  test('another kind of trouble begins with its own first wait', () => {
    const breaker = openBreaker(() => 0);
    breaker.failed(breaker.start(), quota, 0);
    breaker.failed(breaker.start(), quota, 15_000);
    breaker.failed(breaker.start(), down, 45_000);
    assert.equal(breaker.allowance(45_000).waitMs, 2_000);
    assert.equal(breaker.trouble?.error.code, 'PROVIDER_DOWN');
  });

  test('jitter never shortens what the provider asks for', () => {
    for (const random of [0, 0.5, 0.999]) {
      const breaker = openBreaker(() => random);
      breaker.failed(breaker.start(), error('PROVIDER_QUOTA', 100), 0);
      const { waitMs } = breaker.allowance(0);
      assert.ok(waitMs >= 100_000 && waitMs <= 110_000, String(waitMs));
    }
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-23T16:00:00Z');
  const read = (headers: Record<string, string>) => parseRetryAfter(new Headers(headers), now);

  test('seconds, dates by the provider’s clock or ours, and nonsense', () => {
    assert.equal(read({}), null);
    assert.equal(read({ 'retry-after': '' }), null);
    assert.equal(read({ 'retry-after': '17' }), 17);
    assert.equal(read({ 'retry-after': '0' }), 1);
    assert.equal(read({ 'retry-after': '99999999999999999999' }), 86_400);
    assert.equal(read({ 'retry-after': '-5' }), 1);
    assert.equal(read({ 'retry-after': '1.5' }), 1);
    assert.equal(read({ 'retry-after': 'soon' }), null);
    const date = 'Mon, 23 Nov 2026 16:02:00 GMT';
    assert.equal(read({ 'retry-after': date }), 120);
    assert.equal(read({ 'retry-after': date, date: 'Mon, 23 Nov 2026 16:01:00 GMT' }), 60);
    assert.equal(read({ 'retry-after': date, date: 'nonsense' }), 120);
    assert.equal(read({ 'retry-after': 'Mon, 23 Nov 2020 16:02:00 GMT' }), 1);
  });

  test('each state says how long to wait', () => {
    const waits = (one: ProviderError) => [1, 2, 3, 99].map((count) => one.waitSeconds(count));
    assert.deepEqual(waits(down), [2, 4, 8, 300]);
    assert.deepEqual(waits(error('PROVIDER_DOWN', 7)), [7, 7, 8, 300]);
    assert.deepEqual(waits(quota), [15, 30, 60, 600]);
    assert.deepEqual(waits(error('PROVIDER_QUOTA', 3_600)), [3_600, 3_600, 3_600, 3_600]);
    assert.deepEqual(waits(error('PROVIDER_KEY_REFUSED')), [300, 600, 1_200, 3_600]);
    const young = new ProviderError('PROVIDER_KEY_REFUSED', 'x', { keyNotActiveYet: true });
    assert.deepEqual(waits(young), [60, 120, 240, 300]);
    assert.deepEqual(waits(error('PROVIDER_CITY_UNKNOWN')), [86_400, 86_400, 86_400, 86_400]);
    assert.deepEqual(waits(error('PROVIDER_REQUEST')), [3_600, 7_200, 14_400, 86_400]);
  });
});
