import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { formatAge } from '../format/ages.ts';
import { formatCount, formatNumber, formatPlural } from '../format/numbers.ts';
import { formatTime } from '../format/times.ts';
import { formatWind } from '../wind/wind.ts';
import { de } from './de.ts';
import { en } from './en.ts';
import { fr } from './fr.ts';
import { textsOf } from './test-words.ts';
import { LANGUAGES, language, languageOf, setLanguage, words } from './words.ts';

afterEach(() => setLanguage('en'));

test('every language has every text, with the same parameters and the same bold parts', () => {
  const english = new Map(textsOf(en));
  assert.ok(english.size > 200);
  for (const [name, table] of [
    ['de', de],
    ['fr', fr],
  ] as const) {
    const other = new Map(textsOf(table));
    assert.deepEqual([...other.keys()].sort(), [...english.keys()].sort(), name);
    for (const [path, text] of other) {
      assert.notEqual(text.trim(), '', `${name} ${path}`);
      const marks = (of = '') => (of.match(/\*|\{\d\}/g) ?? []).sort();
      // A flag chooses between words, and stands nowhere in them.
      assert.deepEqual(marks(text), marks(english.get(path)), `${name} ${path}: ${text}`);
    }
  }
});

test('every language has a name for each of sixteen winds, each once', () => {
  for (const { wind } of [en, de, fr]) {
    const points = wind.points.split(' ');
    assert.equal(points.length, 16);
    assert.equal(new Set(points).size, 16);
  }
});

test('the browser’s languages choose the first one that the page speaks', () => {
  assert.equal(languageOf(['de-CH', 'en']), 'de');
  assert.equal(languageOf(['pt-BR', 'fr-CA', 'en']), 'fr');
  assert.equal(languageOf(['DE']), 'de');
  assert.equal(languageOf(['den', 'nl']), 'en');
  assert.equal(languageOf([]), 'en');
});

test('numbers, times, ages, counts and winds follow the language', async () => {
  const at = Date.UTC(2016, 6, 8, 14, 5);
  await setLanguage('de');
  assert.equal(formatNumber(-1_284.04, 1), '−1.284,0');
  assert.equal(formatTime(at, 'UTC', at), 'Fr. 8. Juli 14:05');
  assert.equal(formatPlural(2, words.value.counts.city), '2 Städte');
  assert.equal(formatWind(4.1, 67), '4,1 m/s ONO');
  await setLanguage('fr');
  assert.equal(formatCount(1_629_108).replace(/\s/g, ' '), '1 629 108');
  assert.equal(formatTime(at, 'UTC', at), 'ven. 8 juil. 14:05');
  assert.equal(formatAge(3 * 86_400 + 4 * 3_600), '3 j 4 h');
  assert.equal(formatPlural(0, words.value.counts.city), '0 ville');
  assert.equal(formatWind(0, 67), 'calme');
  await setLanguage('en');
  assert.equal(formatPlural(0, words.value.counts.city), '0 cities');
});

test('who changes the choice twice gets the second one, whatever loads first', async () => {
  const slow = setLanguage('fr');
  const last = setLanguage('en');
  await Promise.all([slow, last]);
  assert.equal(language.value, 'en');
  assert.equal(words.value, en);
  assert.deepEqual(LANGUAGES, ['en', 'de', 'fr']);
});
