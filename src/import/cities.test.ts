import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CITY_ID_PATTERN, DEFAULT_CITIES } from '../model/city.ts';
import { openCityFinder, type Place } from './cities.ts';
import { countryCode } from './countries.ts';

const PARIS: Place = { name: 'Paris', country: 'France', latitude: 48.8566, longitude: 2.3522 };

test('names of countries become codes, what is none stays', () => {
  const names = [
    'United States',
    ' united kingdom ',
    'Israel',
    'Canada',
    'Germany',
    'Côte d’Ivoire',
  ];
  assert.deepEqual(names.map(countryCode), ['US', 'GB', 'IL', 'CA', 'DE', 'CI']);
  // The runtime's data gives present-day names to codes of former states.
  const today = { DD: 'DE', RH: 'ZW', VD: 'VN', YD: 'YE', NH: 'VU', FX: 'FR', SU: 'RU', BU: 'MM' };
  const nameOf = new Intl.DisplayNames(['en'], { type: 'region' });
  for (const code of Object.values(today)) assert.equal(countryCode(nameOf.of(code) ?? ''), code);
  for (const name of ['US', 'Atlantis', '', 'toString']) assert.equal(countryCode(name), name);
});

test('a known city is found by its id, whatever else the data says', () => {
  const finder = openCityFinder(DEFAULT_CITIES);
  const found = finder.find({ id: 'london', name: '?', country: '', latitude: 0, longitude: 0 });
  assert.equal(
    found,
    DEFAULT_CITIES.find(({ city_id }) => city_id === 'london'),
  );
  assert.deepEqual(finder.added, []);
});

test('by name and country it is found within 25 km, and no farther', () => {
  const finder = openCityFinder(DEFAULT_CITIES);
  const at = (latitude: number, country = 'United Kingdom') =>
    finder.find({ name: 'London', country, latitude, longitude: -0.1278 }).city_id;
  // One degree of latitude is 111.2 km.
  assert.equal(at(51.5074 + 24.9 / 111.2), 'london');
  assert.equal(at(51.5074 + 25.1 / 111.2), 'london-gb');
  assert.equal(at(42.98, 'CA'), 'london-ca');
  assert.deepEqual(
    finder.added.map(({ city_id }) => city_id),
    ['london-gb', 'london-ca'],
  );
});

test('a new city gets an id of its name, its code and its zone, once', () => {
  const finder = openCityFinder([]);
  const city = finder.find(PARIS);
  assert.deepEqual(city, {
    ...PARIS,
    city_id: 'paris-fr',
    country: 'FR',
    time_zone: 'Europe/Paris',
  });
  assert.equal(finder.find({ ...PARIS, latitude: 48.9 }), city);
  assert.equal(finder.added.length, 1);
  const logged = finder.find({ ...PARIS, id: 'station-7', time_zone: 'UTC' });
  assert.deepEqual([logged.city_id, logged.time_zone], ['station-7', 'UTC']);
});

test('places of one name in one country get ids of their own', () => {
  const finder = openCityFinder([]);
  const at = (latitude: number, longitude: number) =>
    finder.find({ name: 'Springfield', country: 'US', latitude, longitude }).city_id;
  assert.equal(at(39.8, -89.64), 'springfield-us');
  assert.equal(at(42.1, -72.59), 'springfield-us-42.1n-72.59w');
  assert.equal(at(-42.1, 72.59), 'springfield-us-42.1s-72.59e');
  assert.equal(at(42.1, -72.6), 'springfield-us-42.1n-72.59w');
});

test('names that differ are cities that differ, also by case alone', () => {
  const finder = openCityFinder(DEFAULT_CITIES);
  const at = (name: string) =>
    finder.find({ name, country: 'GB', latitude: 51.5074, longitude: -0.1278 }).city_id;
  const names = ['London', 'LONDON', 'london', 'Straße', 'STRASSE', 'é', 'e\u0301', ' é '];
  const ids = names.map(at);
  assert.equal(ids[0], 'london');
  assert.equal(new Set(ids.slice(0, 5)).size, 5);
  // Two ways to write one letter, and spaces around it, make no difference.
  assert.equal(new Set(ids.slice(5)).size, 1);
  assert.deepEqual(names.map(at), ids);
});

test('any places whatever: ids are valid and no two cities share one', () => {
  const place = fc.record({
    name: fc.oneof(
      fc.constantFrom('A', 'a', 'Ä', '東京', 'x'.repeat(90)),
      fc.string({ minLength: 1 }),
    ),
    country: fc.constantFrom('', 'US', 'United States', '?'),
    latitude: fc.integer({ min: -90, max: 90 }),
    longitude: fc.integer({ min: -180, max: 180 }),
    newId: fc.constantFrom(undefined, 'taken', 'y'.repeat(64)),
  });
  fc.assert(
    fc.property(fc.array(place, { maxLength: 30 }), (places) => {
      const finder = openCityFinder(DEFAULT_CITIES);
      for (const { newId, ...rest } of places) {
        const one = newId === undefined ? rest : { ...rest, newId };
        assert.equal(finder.find(one), finder.find(one));
      }
      const ids = finder.added.map(({ city_id }) => city_id);
      for (const id of ids) assert.match(id, CITY_ID_PATTERN);
      assert.equal(new Set(ids).size, ids.length);
    }),
  );
});
