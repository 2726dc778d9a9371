import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textsOf } from '../words/test-words.ts';
import { deClimate } from './words-de.ts';
import { enClimate } from './words-en.ts';
import { frClimate } from './words-fr.ts';

test('the climate has every text in every language, with the same parameters', () => {
  const english = new Map(textsOf(enClimate));
  assert.ok(english.size > 50);
  for (const [name, table] of [
    ['de', deClimate],
    ['fr', frClimate],
  ] as const) {
    const other = new Map(textsOf(table));
    assert.deepEqual([...other.keys()].sort(), [...english.keys()].sort(), name);
    for (const [path, text] of other) {
      assert.notEqual(text.trim(), '', `${name} ${path}`);
      const places = (of = '') => (of.match(/\{\d\}/g) ?? []).sort();
      assert.deepEqual(places(text), places(english.get(path)), `${name} ${path}: ${text}`);
    }
  }
});
