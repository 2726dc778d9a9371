import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCities, foldText } from './find-cities.ts';

const city = (name: string, country = 'XX') => ({
  city_id: foldText(name).replaceAll(' ', '-'),
  name,
  country,
});
const CITIES = [
  city('Newcastle', 'GB'),
  city('New York', 'US'),
  city('York', 'GB'),
  city('São Paulo', 'BR'),
];
const find = (typed: string, most = 10) => findCities(CITIES, typed, most).map(({ name }) => name);

test('names that begin with it go first, then words, then the rest', () => {
  assert.deepEqual(find('york'), ['York', 'New York']);
  assert.deepEqual(find('new'), ['Newcastle', 'New York']);
  assert.deepEqual(find('castle'), ['Newcastle']);
  assert.deepEqual(find('gb'), ['Newcastle', 'York']);
});

test('accents, case and signs do not matter; nothing typed finds the first ones', () => {
  assert.deepEqual(find('SAO-p'), ['São Paulo']);
  assert.deepEqual(find('', 2), ['Newcastle', 'New York']);
  assert.deepEqual(find('zürich'), []);
});
