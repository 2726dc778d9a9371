import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLocal, parseLocal } from './local-time.ts';

const ZONES = ['UTC', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];

test('a minute survives the way through the input, but for the hour that clocks show twice', () => {
  const minutes = fc.integer({ min: Date.UTC(2000, 0) / 60_000, max: Date.UTC(2040, 0) / 60_000 });
  fc.assert(
    fc.property(minutes, fc.constantFrom(...ZONES), (minute, zone) => {
      const at = minute * 60_000;
      const back = parseLocal(formatLocal(at, zone), zone);
      assert.ok(back !== null && Math.abs(back - at) <= 3_600_000);
      assert.equal(formatLocal(back, zone), formatLocal(at, zone));
    }),
  );
});

test('a text that is not a time gives null', () => {
  for (const text of ['', 'tomorrow', '2016-13-01T00:00', '2016-07-08']) {
    assert.equal(parseLocal(text, 'UTC'), null, text);
  }
});
