import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { availabilityOf } from './availability.ts';
import { type Gap, missedOf, notCollectedS, partOf, runsOf, timelineOf } from './gaps.ts';
import { ACTIVITIES, type Activity, CAUSES, type Cause, type Stretch } from './outages.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const stretchOf = (from: number, to: number, activity: Activity): Stretch => ({
  stretch_id: `${from}`,
  began_at: new Date(from * 1_000).toISOString(),
  ended_at: new Date(to * 1_000).toISOString(),
  activity,
  reason: '',
});

/** The same, second by second. */
function activityAt(stretches: readonly Stretch[], at: number): Cause {
  const ends = stretches.map(({ ended_at }) => Date.parse(ended_at) / 1_000);
  const begins = stretches.map(({ began_at }) => Date.parse(began_at) / 1_000);
  const all = stretches.map(({ activity }, index) => ({
    activity,
    from: begins[index] ?? 0,
    to: ends[index] ?? 0,
  }));
  const real = all.filter(({ from, to }) => to > from);
  if (real.length === 0 || at < Math.min(...real.map(({ from }) => from))) return 'unknown';
  const here = real.filter(({ from, to }) => from <= at && at < to);
  if (here.some(({ activity }) => activity === 'collecting')) return 'station';
  const [first] = here.sort((a, b) => a.from - b.from || a.to - b.to);
  if (first !== undefined && first.activity !== 'collecting') return first.activity;
  const last = Math.max(...real.map(({ to }) => to));
  return at >= last && at < last + 660 ? 'unknown' : 'isobar';
}

const stretches = fc.array(
  fc
    .tuple(fc.nat(5_000), fc.nat(2_000), fc.constantFrom(...ACTIVITIES))
    .map(([from, length, activity]) => stretchOf(from, from + length, activity)),
  { maxLength: 12 },
);
const gaps = fc
  .tuple(fc.nat(6_000), fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 900 }))
  .map(([from_s, length, step_s]): Gap => {
    return { city_id: 'x', from_s, to_s: from_s + length, step_s, isOpen: false };
  });

test('the timeline says of each second what the stretches say of it', () => {
  fc.assert(
    fc.property(stretches, (list) => {
      const timeline = timelineOf(list);
      assert.equal(timeline[0]?.from, Number.NEGATIVE_INFINITY);
      assert.equal(timeline.at(-1)?.to, Number.POSITIVE_INFINITY);
      timeline.slice(1).forEach(({ from }, index) => {
        assert.equal(from, timeline[index]?.to, 'no hole');
      });
      for (let at = -100; at < 9_000; at += 37) {
        const found = timeline.find(({ from, to }) => from <= at && at < to)?.cause;
        const wanted = activityAt(list, at);
        const isOneOfSeveral =
          list.filter(
            ({ began_at, ended_at }) =>
              Date.parse(began_at) <= at * 1_000 && at * 1_000 < Date.parse(ended_at),
          ).length > 1;
        // Of several that do not collect any may be named.
        if (isOneOfSeveral && wanted !== 'station') assert.notEqual(found, 'station');
        else assert.equal(found, wanted, `${at}`);
      }
    }),
  );
});

test('each missing observation has one cause, and all causes add up to the silent time', () => {
  fc.assert(
    fc.property(stretches, gaps, (list, gap) => {
      const timeline = timelineOf(list);
      const runs = runsOf(gap, timeline);
      const missed = missedOf(gap);
      const { from_s, to_s, step_s } = gap;
      assert.equal(missed, Math.max(0, Math.ceil((to_s - from_s) / step_s - 0.5) - 1));
      assert.equal(
        runs.reduce((sum, run) => sum + run.missed, 0),
        missed,
      );
      const silent = runs.reduce((sum, run) => sum + run.to - run.from, 0);
      assert.equal(silent, missed === 0 ? 0 : to_s - from_s - step_s);
      for (let index = 0; index < missed; index += 1) {
        const from = from_s + (index + 1) * step_s;
        const to = index === missed - 1 ? to_s : from + step_s;
        const run = runs.find((one) => one.from <= from && from < one.to);
        assert.equal(run?.cause, naiveCause(timeline, from, to), `observation ${index}`);
      }
      runs.slice(1).forEach((run, index) => {
        assert.equal(run.from, runs[index]?.to);
        assert.notEqual(run.cause, runs[index]?.cause);
      });
    }),
    { numRuns: 300 },
  );
});

/** By the lengths of all pieces. */
function naiveCause(timeline: ReturnType<typeof timelineOf>, from: number, to: number): Cause {
  const lengths = new Map<Cause, number>();
  for (const piece of timeline) {
    const length = Math.max(0, Math.min(to, piece.to) - Math.max(from, piece.from));
    if (length > 0) lengths.set(piece.cause, (lengths.get(piece.cause) ?? 0) + length);
  }
  if ((lengths.get('station') ?? 0) >= 0.75 * (to - from)) return 'station';
  lengths.delete('station');
  return [...lengths].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'station';
}

test('parts of runs add up, and availability counts each observation in one period', () => {
  const gap = fc.tuple(fc.nat(40 * DAY), fc.nat(20 * DAY), fc.integer({ min: 60, max: HOUR }));
  fc.assert(
    fc.property(gap, fc.constantFrom('day', 'month', 'year'), ([start, length, step_s], period) => {
      const gap = { city_id: 'x', from_s: start, to_s: start + length, step_s, isOpen: false };
      const timeline = timelineOf([
        stretchOf(start - DAY, start + length / 3, 'collecting'),
        stretchOf(start + length / 2, start + 2 * length, 'budget'),
      ]);
      const runs = runsOf(gap, timeline);
      const middle = start + length / 2;
      for (const run of runs) {
        const all = partOf(run, run.from, run.to);
        const [a, b] = [partOf(run, run.from, middle), partOf(run, middle, run.to)];
        if (middle > run.from && middle < run.to) assert.equal(a.missed + b.missed, all.missed);
        assert.equal(all.missed, run.missed);
      }
      const range = { from: 0, to: 100 * DAY, period } as const;
      const counts = [{ city_id: 'x', day: Math.floor(start / DAY), arrived: 5 }];
      const rows = availabilityOf(counts, runs, range);
      const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
      assert.equal(sum(rows.map(({ expected }) => expected)), 5 + missedOf(gap));
      for (const row of rows) {
        const causes = CAUSES.map((cause) => row[`${cause}_s`]);
        assert.ok(Math.abs(sum(causes) - row.silent_s) < 1e-6);
        assert.ok((row.station_pct ?? 100) >= (row.pct ?? 100) - 1e-9);
      }
      const silent = sum(rows.map(({ silent_s }) => silent_s));
      const wanted = missedOf(gap) === 0 ? 0 : length - step_s;
      assert.ok(Math.abs(silent - wanted) < 1e-3);
    }),
  );
});

test('time in which isobar itself did not ask is what a silent city is not blamed for', () => {
  const timeline = timelineOf([
    stretchOf(0, 1_000, 'collecting'),
    stretchOf(1_000, 1_100, 'network'),
    stretchOf(2_000, 2_500, 'paused'),
    stretchOf(2_500, 9_000, 'collecting'),
  ]);
  assert.equal(notCollectedS(timeline, 500, 3_000), 900 + 500);
  assert.equal(notCollectedS(timeline, 1_500, 1_600), 100);
  assert.equal(notCollectedS(timeline, 3_000, 3_600), 0);
});

test('an outage of ten years is cut in no time', () => {
  const changes = Array.from({ length: 50_000 }, (_, index) =>
    stretchOf(index * 6_000, index * 6_000 + 5_000, index % 2 ? 'collecting' : 'network'),
  );
  const timeline = timelineOf(changes);
  const years = 10 * 365 * DAY;
  const gap = { city_id: 'x', from_s: 0, to_s: years, step_s: 600, isOpen: true };
  const runs = runsOf(gap, timeline);
  assert.equal(
    runs.reduce((sum, { missed }) => sum + missed, 0),
    missedOf(gap),
  );
  assert.equal(runs.at(-1)?.isOpen, true);
});
