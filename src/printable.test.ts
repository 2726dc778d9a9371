import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { oneLine, printable } from './printable.ts';

const HOSTILE = '\u001b]0;title\u0007\u001b[2J\u009b31m\u202eevil\u2069\r\u0000\u007f\u2028\ud800';

test('what steers a terminal is escaped, letters of every script are not', () => {
  assert.equal(
    printable(HOSTILE),
    '\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u202eevil\\u2069\\u000d\\u0000\\u007f\\u2028\\ud800',
  );
  const names = 'São Paulo · Ελλάδα · 東京 · حلب · می‌خواهم · 👩‍🚀 · “quoted” — 25 °C\n\ttab';
  assert.equal(printable(names), names);
  assert.equal(oneLine('a\nb\tc'), 'a\\nb\\tc');
});

test('nothing printed can leave its line or steer, and in JSON it stays the same value', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, (one) => {
      assert.doesNotMatch(printable(one), /(?![\n\t])[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      assert.doesNotMatch(oneLine(one), /[\p{Cc}\p{Zl}\p{Zp}]/u);
      assert.deepEqual(JSON.parse(printable(JSON.stringify({ [one]: one }))), { [one]: one });
    }),
  );
});
