import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setLanguage } from '../words/words.ts';
import type { ShownCity } from './city-list.ts';
import { conditionOf, conditionText, isNight } from './condition.ts';

afterEach(() => setLanguage('en'));

const coded = (condition_id: number) => conditionOf({ condition_id, condition: null });
const said = (condition: string | null) => conditionOf({ condition_id: null, condition });

test('every code of OpenWeatherMap has a condition', () => {
  const codes = [
    ...[200, 201, 202, 210, 211, 212, 221, 230, 231, 232],
    ...[300, 301, 302, 310, 311, 312, 313, 314, 321],
    ...[500, 501, 502, 503, 504, 511, 520, 521, 522, 531],
    ...[600, 601, 602, 611, 612, 613, 615, 616, 620, 621, 622],
    ...[701, 711, 721, 731, 741, 751, 761, 762, 771, 781],
    ...[800, 801, 802, 803, 804],
  ];
  assert.deepEqual(
    codes.filter((code) => coded(code) === null),
    [],
  );
  assert.deepEqual([211, 301, 500, 511, 521, 601, 615].map(coded), [
    ...['thunder', 'drizzle', 'rain', 'sleet', 'showers', 'snow', 'sleet'],
  ]);
  assert.deepEqual([741, 771, 781, 800, 802, 803, 804].map(coded), [
    ...['fog', 'squall', 'tornado', 'clear', 'partly', 'cloudy', 'overcast'],
  ]);
  assert.deepEqual([coded(99), said('frogs'), said(null)], [null, null, null]);
});

test('a file without codes is understood by its words', () => {
  const words = [
    'sky is clear',
    'few clouds',
    'light rain and snow',
    'light intensity shower rain',
  ];
  assert.deepEqual(words.map(said), ['clear', 'partly', 'sleet', 'showers']);
});

test('the words are the provider’s in English, and the page’s in other languages', async () => {
  const latest = { condition_id: 803, condition: 'broken clouds' };
  assert.equal(conditionText(latest), 'broken clouds');
  await setLanguage('de');
  assert.equal(conditionText(latest), 'Bewölkt');
  assert.equal(conditionText({ condition_id: null, condition: 'frogs' }), 'frogs');
});

test('night is when the sun is down there, and by the clock without a place', () => {
  const at = (observed_at: string, latitude: number | null, utc_offset_s: number | null) =>
    isNight({
      latitude,
      longitude: latitude === null ? null : -74,
      latest: { observed_at, utc_offset_s },
    } as ShownCity);
  assert.equal(at('2016-07-08T17:00:00Z', 40.7, null), false);
  assert.equal(at('2016-07-09T05:00:00Z', 40.7, null), true);
  assert.equal(at('2016-07-09T00:10:00Z', 40.7, null), false, 'long days in July');
  assert.equal(at('2016-07-09T02:00:00Z', null, 8 * 3_600), false);
  assert.equal(at('2016-07-09T12:00:00Z', null, 8 * 3_600), true);
});
