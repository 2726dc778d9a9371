import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { textsOf } from '../words/test-words.ts';
import { setLanguage } from '../words/words.ts';
import { accountWords } from './account-words.ts';
import { deAccount } from './words-de.ts';
import { enAccount } from './words-en.ts';
import { frAccount } from './words-fr.ts';

afterEach(() => setLanguage('en'));

test('the account has every text in every language, with the same parameters', async () => {
  const english = new Map(textsOf(enAccount));
  assert.ok(english.size > 30);
  for (const [name, table] of [
    ['de', deAccount],
    ['fr', frAccount],
  ] as const) {
    await setLanguage(name);
    assert.equal(accountWords.value, table);
    const other = new Map(textsOf(table));
    assert.deepEqual([...other.keys()].sort(), [...english.keys()].sort(), name);
    for (const [path, text] of other) {
      assert.notEqual(text.trim(), '', `${name} ${path}`);
      const places = (of = '') => (of.match(/\{\d\}/g) ?? []).sort();
      assert.deepEqual(places(text), places(english.get(path)), `${name} ${path}: ${text}`);
    }
  }
});
