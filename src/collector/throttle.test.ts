import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { throttleMs } from './throttle.ts';

const INTERVAL = 600_000;
const NOON = Date.parse('2026-11-23T12:00:00Z');
const HALF_DAY = 43_200_000;
const none = { used: 0, limit: 1_000_000_000 };

describe('the throttle', () => {
  test('is none while the budget covers what the cities would like', () => {
    assert.equal(throttleMs(5, INTERVAL, { day: { used: 0, limit: 720 }, month: none }, NOON), 0);
    assert.equal(throttleMs(5, INTERVAL, { day: { used: 360, limit: 720 }, month: none }, NOON), 0);
  });

  test('spreads what is left of the day evenly', () => {
    const day = { used: 400, limit: 720 };
    assert.equal(throttleMs(5, INTERVAL, { day, month: none }, NOON), HALF_DAY / 320);
    const many = { used: 0, limit: 1_000 };
    assert.equal(throttleMs(200_000, INTERVAL, { day: many, month: none }, NOON), HALF_DAY / 1_000);
  });

  test('spreads what is left of the month, when that is less', () => {
    const month = { used: 9_000, limit: 10_000 };
    const left = Date.parse('2026-12-01T00:00:00Z') - NOON;
    assert.equal(throttleMs(5, INTERVAL, { day: none, month }, NOON), left / 1_000);
  });

  test('leaves it to the ledger when nothing is left', () => {
    const spent = { used: 720, limit: 720 };
    assert.equal(throttleMs(5, INTERVAL, { day: spent, month: none }, NOON), 0);
    assert.equal(throttleMs(5, INTERVAL, { day: spent, month: { used: 1, limit: 9 } }, NOON), 0);
  });
});
