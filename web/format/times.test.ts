import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nights, sunElevation } from '../chart/sun.ts';
import { dayNames, timeTicks } from '../chart/ticks.ts';
import {
  formatOffset,
  formatTime,
  formatTimeShort,
  hourOf,
  instantOf,
  isKnownZone,
  offsetAt,
  zoneOf,
} from './times.ts';

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);
const NEW_YORK = 'America/New_York';

test('a clock is the city’s, mine or UTC', () => {
  assert.equal(zoneOf('utc', NEW_YORK), 'UTC');
  assert.equal(zoneOf('city', NEW_YORK), NEW_YORK);
  assert.equal(zoneOf('city', null), 'UTC');
  assert.equal(zoneOf('mine', NEW_YORK), new Intl.DateTimeFormat().resolvedOptions().timeZone);
});

test('a zone that is not known is UTC, and is asked for once', () => {
  for (const zone of ['Mars/Olympus', 'Etc/Unknown', '', 'constructor', '+25:00']) {
    assert.equal(zoneOf('city', zone), 'UTC', zone);
    assert.equal(isKnownZone(zone), false, zone);
  }
  assert.equal(isKnownZone(NEW_YORK), true);
});

test('a time that is none is a dash, and throws nothing', () => {
  const now = at('2026-11-23T00:00:00Z');
  for (const time of [Number.NaN, Infinity, 9e15, Date.parse('yesterday')]) {
    for (const zone of ['UTC', NEW_YORK]) {
      assert.equal(formatTime(time, zone, now), '–');
      assert.equal(formatTimeShort(time, zone, now), '–');
      assert.equal(formatOffset(time, zone), '–');
      assert.equal(offsetAt(time, zone), 0);
    }
  }
});

test('formats times on the clock, with the year where it is not the current one', () => {
  const time = at('2016-07-08T18:05:00Z');
  assert.equal(formatTime(time, NEW_YORK, time), 'Fri 8 Jul 14:05');
  assert.equal(formatTime(time, 'Asia/Tokyo', time), 'Sat 9 Jul 03:05');
  assert.equal(formatTime(time, 'UTC', at('2026-11-23T00:00:00Z')), '8 Jul 2016 18:05');
  assert.equal(formatTimeShort(time, 'UTC', time + HOUR), '18:05');
  assert.equal(formatTimeShort(time, 'UTC', time + 12 * HOUR), 'Fri 8 Jul 18:05');
  assert.equal(formatTime(at('2016-07-08T00:00:00Z'), 'UTC', time), 'Fri 8 Jul 00:00');
});

test('offsets know summer time and half hours', () => {
  assert.equal(offsetAt(at('2016-07-08T12:00:00Z'), NEW_YORK), -4 * HOUR);
  assert.equal(offsetAt(at('2016-12-08T12:00:00Z'), NEW_YORK), -5 * HOUR);
  assert.equal(offsetAt(at('2016-12-08T12:00:00.123Z'), 'Asia/Kolkata'), 5.5 * HOUR);
  assert.equal(formatOffset(at('2016-12-08T12:00:00Z'), 'Asia/Kolkata'), 'UTC+05:30');
  assert.equal(formatOffset(at('2016-12-08T12:00:00Z'), NEW_YORK), 'UTC−05:00');
  assert.equal(formatOffset(0, 'UTC'), 'UTC');
  assert.equal(hourOf(at('2016-12-08T12:40:00Z'), 'Asia/Kolkata'), 18);
});

test('a wall time is turned back into its instant on both sides of a change of the clock', () => {
  for (const text of ['2016-03-13T05:00:00Z', '2016-11-06T04:00:00Z', '2016-11-07T05:00:00Z']) {
    const wall = at(text) + offsetAt(at(text), NEW_YORK);
    assert.equal(instantOf(wall, NEW_YORK), at(text), text);
  }
});

test('a week is marked at midnight of its own clock, also across a change of summer time', () => {
  const ticks = timeTicks(at('2016-11-03T00:00:00Z'), at('2016-11-10T00:00:00Z'), NEW_YORK, 10);
  assert.deepEqual(
    ticks.map(({ at: time }) => new Date(time).toISOString().slice(8, 16)),
    ['03T04:00', '04T04:00', '05T04:00', '06T04:00', '07T05:00', '08T05:00', '09T05:00'],
  );
  assert.equal(ticks[0]?.label, 'Thu 3 Nov');
});

test('a day is marked at round hours, its midnight with the day', () => {
  const ticks = timeTicks(at('2016-07-08T09:10:00Z'), at('2016-07-09T09:10:00Z'), 'UTC', 8);
  assert.deepEqual(
    ticks.map(({ label }) => label),
    ['12:00', '15:00', '18:00', '21:00', 'Sat 9 Jul', '03:00', '06:00', '09:00'],
  );
});

test('days are named as far as their room allows, also one of 23 hours', () => {
  const zone = 'Europe/Berlin';
  const [from, to] = [at('2026-03-28T12:00:00Z'), at('2026-03-30T10:00:00Z')];
  const days = dayNames(from, to, zone, 60);
  assert.deepEqual(
    days.map(({ label }) => label),
    ['Sat 28', 'Sun 29', 'Mon 30'],
  );
  assert.deepEqual(
    days.map(({ from: start, to: end }) => (end - start) / HOUR),
    [11, 23, 12],
  );
  assert.equal(dayNames(from, to, zone, 40)[1]?.label, 'Sun');
  assert.equal(dayNames(from, to, zone, 90)[1]?.label, 'Sun 29 Mar');
});

test('years are marked by the calendar, and there are never more marks than asked for', () => {
  const from = at('2012-10-01T12:00:00Z');
  const to = at('2017-11-30T00:00:00Z');
  assert.deepEqual(
    timeTicks(from, to, 'UTC', 8).map(({ label }) => label),
    ['2013', '2014', '2015', '2016', '2017'],
  );
  for (let days = 0.1; days < 4_000; days *= 1.3) {
    for (const most of [3, 7, 14]) {
      const ticks = timeTicks(from, from + days * 24 * HOUR, NEW_YORK, most);
      assert.ok(ticks.length <= most + 1 && ticks.length >= 1, `${days} ${most} ${ticks.length}`);
    }
  }
});

test('the sun stands where the almanac says', () => {
  // NOAA's solar calculator: New York, 8 July 2016, solar noon 13:01 EDT at 71.7°.
  assert.ok(Math.abs(sunElevation(at('2016-07-08T17:01:00Z'), 40.7128, -74.006) - 71.7) < 0.2);
  // Equinox on the equator at Greenwich: the sun stands near the zenith at noon.
  assert.ok(sunElevation(at('2026-03-20T12:07:00Z'), 0, 0) > 89);
});

test('nights lie between sunset and sunrise', () => {
  // NOAA: New York, 8 July 2016, sunset 20:29, sunrise on the 9th 05:33 EDT.
  const found = nights(at('2016-07-08T16:00:00Z'), at('2016-07-09T16:00:00Z'), 40.7128, -74.006);
  assert.equal(found.length, 1);
  assert.ok(Math.abs((found[0]?.from ?? 0) - at('2016-07-09T00:29:00Z')) < 6 * 60_000);
  assert.ok(Math.abs((found[0]?.to ?? 0) - at('2016-07-09T09:33:00Z')) < 6 * 60_000);
});
