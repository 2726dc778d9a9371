import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { zoneOffsetSeconds } from '../model/time-zone.ts';
import { momentsIn, openSeries } from './local-time.ts';

const ZONES = [
  'Europe/Vienna',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Tehran',
  'Europe/Dublin',
  'Etc/GMT+12',
  '+05:45',
];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const [START, END] = [Date.UTC(1970, 0, 1), Date.UTC(2026, 0, 1)];

const localOf = (zone: string, at: number) => at + zoneOffsetSeconds(zone, new Date(at)) * 1_000;

/** Moments at which the zone's offset changes, found day by day. */
function changesOf(zone: string, from: number, to: number): number[] {
  const changes: number[] = [];
  for (let day = from; day < to; day += DAY) {
    let [low, high] = [day, day + DAY];
    const offset = zoneOffsetSeconds(zone, new Date(low));
    if (offset === zoneOffsetSeconds(zone, new Date(high))) continue;
    while (high - low > 1_000) {
      const middle = Math.floor((low + high) / 2_000) * 1_000;
      if (zoneOffsetSeconds(zone, new Date(middle)) === offset) low = middle;
      else high = middle;
    }
    changes.push(high);
  }
  return changes;
}

test('the moments of a reading are those at which the zone shows it: all of them, no others', () => {
  const scene = fc.record({
    zone: fc.constantFrom(...ZONES),
    minute: fc.integer({ min: START / 60_000, max: END / 60_000 }),
  });
  fc.assert(
    fc.property(scene, ({ zone, minute }) => {
      const at = minute * 60_000;
      const local = localOf(zone, at);
      const moments = momentsIn(zone)(local);
      assert.ok(moments.includes(at), `${zone} ${new Date(at).toISOString()}`);
      for (const moment of moments) assert.equal(localOf(zone, moment), local);
    }),
    { numRuns: 400 },
  );
});

test('hours that the clock skips have no moment, those that it repeats have two', () => {
  for (const zone of ZONES.slice(0, 6)) {
    const moments = momentsIn(zone);
    for (const change of changesOf(zone, Date.UTC(2010, 0, 1), Date.UTC(2012, 6, 1))) {
      const [before, after] = [localOf(zone, change - 1), localOf(zone, change)];
      const middle = Math.round((before + after) / 2);
      assert.equal(moments(middle).length, after > before ? 0 : 2, `${zone} ${new Date(change)}`);
    }
  }
});

test('the order of a file distinguishes the two hours of autumn, forward and backward', () => {
  const scene = fc.record({
    zone: fc.constantFrom(
      'Europe/Vienna',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kolkata',
    ),
    stepMinutes: fc.constantFrom(10, 15, 30, 60),
    year: fc.integer({ min: 1990, max: 2025 }),
    isForward: fc.boolean(),
  });
  fc.assert(
    fc.property(scene, ({ zone, stepMinutes, year, isForward }) => {
      const step = stepMinutes * 60_000;
      const moments = momentsIn(zone);
      for (const change of changesOf(zone, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1))) {
        const from = Math.floor((change - 5 * HOUR) / step) * step;
        const times = Array.from({ length: (10 * HOUR) / step }, (_, index) => from + index * step);
        if (!isForward) times.reverse();
        const series = openSeries(step);
        const got = times.map((at) => series.choose(moments(localOf(zone, at))));
        assert.deepEqual(got, times, `${zone} ${new Date(change).toISOString()}`);
      }
    }),
    { numRuns: 40 },
  );
});

test('an hour that is there once is the first one, and a second pass begins anew', () => {
  const moments = momentsIn('Europe/Vienna');
  const local = (text: string) => Date.parse(`2021-10-31T${text}Z`);
  const read = (...texts: readonly string[]) => {
    const series = openSeries(HOUR);
    const times = texts.map((text) => series.choose(moments(local(text))));
    return times.map((at) => new Date(at).toISOString().slice(11, 16));
  };
  assert.deepEqual(read('01:00', '02:00', '03:00'), ['23:00', '00:00', '02:00']);
  assert.deepEqual(read('02:00', '02:00', '03:00'), ['00:00', '01:00', '02:00']);
  const twice = ['01:00', '02:00', '02:00', '03:00', '12:00'];
  const wanted = ['23:00', '00:00', '01:00', '02:00', '11:00'];
  assert.deepEqual(read(...twice, ...twice), [...wanted, ...wanted]);
});
