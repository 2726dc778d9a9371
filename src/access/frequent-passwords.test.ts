import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dictionary } from '@zxcvbn-ts/language-common';
import fc from 'fast-check';
import { PASSWORD_CHARACTERS } from '../model/access.ts';
import { isFrequentPassword } from './frequent-passwords.ts';

const frequent = dictionary['passwords-common'];
const one = fc.constantFrom(...frequent);
const sign = fc.constantFrom('', '', ' ', '-', '!', '!!', '***', '_', '.', '#');

/** Letters in any case, as people write them. */
const inAnyCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((capitals) =>
      [...text].map((letter, at) => (capitals[at] ? letter.toUpperCase() : letter)).join(''),
    );

test('every password of the list is refused, in large and small letters', async () => {
  assert.ok(frequent.length >= 3_000, `${frequent.length}`);
  for (const password of frequent) {
    assert.ok(await isFrequentPassword(password), password);
    assert.ok(await isFrequentPassword(password.toUpperCase()), password);
  }
});

test('more than 3,000 that fit the least length are refused', async () => {
  const [first = ''] = frequent;
  const fitting = frequent
    .map((password) => `${first}${password}`)
    .filter((password) => password.length >= PASSWORD_CHARACTERS.least);
  assert.ok(fitting.length >= 3_000, `${fitting.length}`);
  for (const password of fitting) assert.ok(await isFrequentPassword(password), password);
});

test('two that are joined, one that is repeated, and either with signs, are refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.tuple(one, one).map(([a, b]) => [a, b]),
        fc.tuple(one, fc.integer({ min: 2, max: 8 })).map(([a, times]) => Array(times).fill(a)),
      ),
      fc.array(sign, { minLength: 10, maxLength: 10 }),
      async (parts, signs) => {
        const text = parts.map((part, at) => `${signs[at]}${part}`).join('') + signs[9];
        const [cased = ''] = fc.sample(inAnyCase(text), 1);
        assert.ok(await isFrequentPassword(cased), cased);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('passphrases and random passwords are not', async () => {
  for (const password of [
    'a heron stands in the reeds',
    'correct horse battery staple',
    'the weather of next week',
    'Grüße aus dem Süden!',
    '\u0434\u043e\u0436\u0434\u044c \u0438\u0434\u0451\u0442 \u0432\u0442\u043e\u0440\u043e\u0439 \u0434\u0435\u043d\u044c',
    '!§$%&/()=?*+#-_.:,;',
  ]) {
    assert.equal(await isFrequentPassword(password), false, password);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 15, maxLength: 15 }), async (bytes) => {
      const password = Buffer.from(bytes).toString('base64url');
      // Zeros and the like make such a text come round.
      fc.pre(new Set(password).size > 8);
      assert.equal(await isFrequentPassword(password), false, password);
    }),
    { numRuns: 2_000 },
  );
});
