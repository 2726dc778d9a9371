import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cardCities,
  comparedCities,
  mergeCities,
  overlay,
  toggleCity,
} from '../cities/city-list.ts';
import { formatPath } from './fetching.ts';
import { moveRange, rangeQuery, resolveRange, widerRange, zoomRange } from './range.ts';
import { DEFAULT_VIEW, formatView, parseView } from './view.ts';

const at = (text: string) => Date.parse(text);
const NOW = at('2026-11-23T14:06:30Z');

test('a view survives its address, and the usual one leaves no trace', () => {
  assert.equal(formatView(DEFAULT_VIEW), '');
  const view = {
    range: { from: at('2016-07-08T05:00:00Z'), to: at('2016-07-09T00:00:00Z') },
    cities: ['tokyo', 'new-york'],
    units: 'f',
    clock: 'utc',
    theme: 'dark',
    sheet: 'pipeline',
    charts: ['pressure_hpa', 'temperature_c'],
    language: 'de',
    kiosk: true,
    incident: null,
  } as const;
  assert.deepEqual(parseView(formatView(view)), view);
  assert.deepEqual(parseView(formatView({ ...view, range: '30d' })), { ...view, range: '30d' });
});

test('a link to an incident opens its sheet, and another sheet leaves it', () => {
  const view = parseView('?incident=0123456789abcdef');
  assert.deepEqual([view.sheet, view.incident], ['incidents', '0123456789abcdef']);
  assert.equal(formatView(view), '?incident=0123456789abcdef');
  assert.equal(formatView({ ...view, sheet: 'weather' }), '');
  assert.equal(formatView({ ...view, incident: null }), '?sheet=incidents');
  assert.deepEqual(parseView('?incident=../../x'), DEFAULT_VIEW);
});

test('what an address says wrong is left at its default', () => {
  assert.deepEqual(
    parseView('?range=2w&units=k&tz=moon&theme=pink&from=x&city=&chart=x&lang=xx&kiosk=2&sheet=y'),
    DEFAULT_VIEW,
  );
  assert.deepEqual(
    parseView('?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z').range,
    DEFAULT_VIEW.range,
  );
});

test('an open range begins on a step, so that the same question is asked for a while', () => {
  const newest = NOW - 60_000;
  const range = resolveRange('7d', NOW, null, newest);
  assert.deepEqual(range && rangeQuery(range), { from: '2026-11-16T14:00:00Z' });
  assert.deepEqual(resolveRange('7d', NOW + 60_000, null, newest)?.from, range?.from);
});

test('where the newest observation is older than the range, the range ends there', () => {
  const newest = at('2017-11-30T00:00:00Z');
  const range = resolveRange('24h', NOW, null, newest);
  assert.equal(range?.anchored, true);
  assert.deepEqual(range && rangeQuery(range), {
    from: '2017-11-29T00:00:00Z',
    to: '2017-11-30T00:00:01Z',
  });
});

test('a range goes on to the newest observation where that is ahead of the clock', () => {
  const newest = NOW + 3_600_000;
  for (const name of ['24h', 'all'] as const) {
    const range = resolveRange(name, NOW, NOW - 86_400_000, newest);
    assert.deepEqual([range?.to, range?.open], [newest + 1_000, true], name);
  }
});

test('all observations begin at the oldest, once that is known', () => {
  assert.equal(resolveRange('all', NOW, null, NOW), null);
  const range = resolveRange('all', NOW, at('2012-10-01T12:00:00Z'), NOW);
  assert.deepEqual(range && rangeQuery(range), { from: '2012-10-01T00:00:00Z' });
});

test('a range is widened step by step', () => {
  assert.equal(widerRange('24h'), '3d');
  assert.equal(widerRange('1y'), 'all');
  assert.equal(widerRange({ from: 0, to: 1 }), '7d');
});

test('paths are relative and keep every city', () => {
  assert.equal(
    formatPath('api/series', { city: ['a', 'b'], from: '2026-11-16T14:00:00Z', to: undefined }),
    'api/series?city=a&city=b&from=2026-11-16T14:00:00Z',
  );
});

function city(id: string, observedAt: string | null) {
  const latest = observedAt === null ? null : { ...observation(observedAt), age_s: 0 };
  const place = { latitude: 0, longitude: 0, elevation_m: null, time_zone: 'UTC' };
  return { city_id: id, name: id, country: '', ...place, latest };
}

function observation(observedAt: string, landed = true) {
  return {
    observed_at: observedAt,
    collected_at: observedAt,
    source: 'simulator',
    interval_s: 60,
    utc_offset_s: 0,
    landed,
    version: `2 ${observedAt}`,
    trace_id: '0'.repeat(32),
    temperature_c: 1,
    feels_like_c: null,
    humidity_pct: null,
    pressure_hpa: null,
    wind_speed_ms: null,
    wind_gust_ms: null,
    wind_direction_deg: null,
    cloud_cover_pct: null,
    visibility_m: null,
    rain_1h_mm: null,
    snow_1h_mm: null,
    condition_id: null,
    condition: null,
  };
}

function event(id: string, observedAt: string) {
  const observed = observation(observedAt, false);
  return { city_id: id, city: id, country: '', simulated: true, observation: observed };
}

test('what came over the stream shows until an answer has it, and never hides what is newer', () => {
  const entries = [city('a', '2026-11-23T14:00:00Z'), city('b', null)];
  const live = overlay(new Map(), [
    event('a', '2026-11-23T14:01:00Z'),
    event('b', '2026-11-23T14:01:00Z'),
  ]);
  const shown = mergeCities(entries, live);
  assert.deepEqual(
    shown.map(({ latest }) => latest?.landed),
    [false, false],
  );
  const landed = mergeCities([city('a', '2026-11-23T14:01:00Z')], live);
  assert.equal(landed[0]?.latest?.landed, true);
  // Of two reports of one observation the higher version shows, whichever comes last.
  const [told] = landed;
  assert.ok(told?.latest);
  const lower = { ...told, latest: { ...told.latest, age_s: 0, version: '1', temperature_c: 9 } };
  assert.equal(mergeCities([lower], live)[0]?.latest?.temperature_c, 1);
  const older = overlay(live, [event('a', '2026-11-23T13:00:00Z')]);
  assert.equal(older.get('a')?.observed_at, '2026-11-23T14:01:00Z');
});

test('the first cities are compared until some are chosen, and never none', () => {
  const cities = ['a', 'b', 'c', 'd'].map((id) => city(id, '2026-11-23T14:00:00Z'));
  const ids = (chosen: readonly string[]) =>
    comparedCities(chosen, cities).map(({ city_id }) => city_id);
  assert.deepEqual(ids([]), ['a', 'b', 'c']);
  assert.deepEqual(ids(['d', 'gone', 'a']), ['d', 'a']);
  assert.deepEqual(ids(['gone']), ['a', 'b', 'c']);
  assert.deepEqual(
    comparedCities([], [city('a', null), city('b', '2026-11-23T14:00:00Z')]).map((one) => one.name),
    ['b'],
  );
  assert.deepEqual(
    comparedCities([], [city('stopped', '2026-10-01T00:00:00Z'), ...cities]).map((one) => one.name),
    ['a', 'b', 'c'],
    'the one that stopped weeks ago does not come first',
  );
  assert.equal(comparedCities([], [city('a', null)]).length, 1);
  assert.deepEqual(toggleCity(['a', 'b'], 'd'), ['a', 'b', 'd']);
  assert.deepEqual(toggleCity(['a', 'b'], 'a'), ['b']);
  assert.deepEqual(toggleCity(['a'], 'a'), ['a']);
});

test('a compared city has a card, however many cities come before it', () => {
  const cities = ['a', 'b', 'c', 'd'].map((id) => city(id, '2026-11-23T14:00:00Z'));
  const compared = comparedCities(['d', 'a'], cities);
  const ids = (count: number) => cardCities(cities, count, compared).map(({ city_id }) => city_id);
  assert.deepEqual(ids(2), ['a', 'b', 'd']);
  assert.deepEqual(ids(9), ['a', 'b', 'c', 'd']);
});

test('a range is moved and zoomed, and never into the future', () => {
  const span = { from: NOW - 8 * 3_600_000, to: NOW - 4 * 3_600_000 };
  assert.deepEqual(moveRange(span, -0.5, NOW), {
    from: NOW - 10 * 3_600_000,
    to: NOW - 6 * 3_600_000,
  });
  assert.deepEqual(moveRange(span, 5, NOW), { from: NOW - 4 * 3_600_000, to: NOW });
  assert.deepEqual(zoomRange(span, 0.5, NOW), {
    from: NOW - 7 * 3_600_000,
    to: NOW - 5 * 3_600_000,
  });
  assert.equal(zoomRange(span, 100, NOW).to, NOW);
  const least = zoomRange(span, 1e-9, NOW);
  assert.equal(least.to - least.from, 900_000);
});
