import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../logger.ts';
import { notCollectedS, timelineOf } from '../model/gaps.ts';
import { type Doing, startJournal } from './journal.ts';
import { openJournalStore } from './journal-store.ts';
import { openTestClock } from './testing/clock.ts';
import { startTestPolling } from './testing/polling.ts';
import type { Outcome } from './testing/world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = '2026-03-01T00:00:00Z';

/** The cause of each hour, by the timeline that a reader makes of the journal. */
function causesOf(stretches: Parameters<typeof timelineOf>[0], hours: number): string[] {
  const timeline = timelineOf(stretches);
  return Array.from({ length: hours }, (_, hour) => {
    const at = (Date.parse(START) + (hour + 0.5) * HOUR) / 1_000;
    return timeline.find(({ from, to }) => from <= at && at < to)?.cause ?? '';
  });
}

test('each thing that keeps the collector from collecting is recorded with its time', async () => {
  let outcome: Outcome = 'answer';
  using polling = startTestPolling({
    start: START,
    outcome: () => outcome,
  });
  const { clock } = polling;
  await clock.advance(HOUR);
  outcome = 'unreached';
  await clock.advance(HOUR);
  outcome = { status: 502 };
  await clock.advance(HOUR);
  outcome = 'hang';
  await clock.advance(HOUR);
  outcome = 'answer';
  await clock.advance(HOUR);
  polling.collector.pause();
  await clock.advance(HOUR);
  await polling.stop();
  await clock.advance(HOUR);
  await polling.restart();
  await clock.advance(HOUR);
  outcome = { status: 401 };
  await clock.advance(HOUR);
  await polling.stop();
  assert.deepEqual(causesOf(polling.journal.all(), 9), [
    'station',
    'network',
    'provider',
    'network',
    'station',
    'paused',
    'isobar',
    'station',
    'provider',
  ]);
  const timeline = timelineOf(polling.journal.all());
  const stop = Date.parse(START) / 1_000 + 6 * 3_600;
  assert.equal(Math.round(notCollectedS(timeline, stop, stop + 3_600)), 3_600);
});

test('a budget that is too small is the cause, while it is stretched and when it is spent', async () => {
  using polling = startTestPolling({
    start: START,
    limits: { per_minute: 60, per_day: 100, per_month: 40 },
  });
  await polling.clock.advance(12 * HOUR);
  await polling.stop();
  assert.deepEqual(new Set(causesOf(polling.journal.all(), 12)), new Set(['budget']));
});

test('ten years of collecting without trouble are one stretch, and no state is written twice', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-journal-'));
  try {
    using store = openJournalStore(folder, silentLogger);
    const clock = openTestClock(Date.parse(START));
    const day = 24 * HOUR;
    const options = { store, clock, everyMs: day, onChange: () => {}, logger: silentLogger };
    const journal = startJournal(options);
    const live: Doing = { activity: 'collecting', reason: 'live' };
    for (let step = 0; step < 500; step += 1) {
      journal.note(live);
      await clock.advance(7 * day);
    }
    await journal.stop();
    const [only, ...others] = store.all();
    assert.equal(others.length, 0);
    assert.equal(Date.parse(only?.ended_at ?? ''), clock.now());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a machine that slept, and a clock that was set back, leave a hole and no stretch of theirs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-journal-'));
  try {
    using store = openJournalStore(folder, silentLogger);
    const clock = openTestClock(Date.parse(START));
    const options = { store, clock, everyMs: MINUTE, onChange: () => {}, logger: silentLogger };
    const journal = startJournal(options);
    journal.note({ activity: 'collecting', reason: 'live' });
    await clock.advance(10 * MINUTE);
    clock.jump(2 * HOUR);
    await clock.advance(10 * MINUTE);
    clock.jump(-HOUR);
    await clock.advance(10 * MINUTE);
    await journal.stop();
    const stretches = store.all();
    assert.equal(stretches.length, 3);
    for (const { began_at, ended_at } of stretches) {
      const length = Date.parse(ended_at) - Date.parse(began_at);
      assert.ok(length >= 0 && length <= 10 * MINUTE, `${began_at} ${ended_at}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('only what the lake has is forgotten, and a damaged file begins anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-journal-'));
  try {
    const at = (minute: number) => new Date(Date.parse(START) + minute * MINUTE).toISOString();
    {
      using store = openJournalStore(folder, silentLogger);
      for (let index = 0; index < 10; index += 1) {
        const [began_at, ended_at] = [at(index), at(index + 1)];
        const what = { activity: 'collecting', reason: 'live' } as const;
        await store.put({ stretch_id: `${index}`, began_at, ended_at, ...what });
      }
      await store.markShared(store.all().slice(0, 8));
      await store.forget(at(4), 3);
      assert.deepEqual(
        store.all().map(({ stretch_id }) => stretch_id),
        ['7', '8', '9'],
      );
      assert.equal(store.unshared().length, 2);
      const [, last] = store.unshared();
      assert.ok(last);
      await store.put({ ...last, ended_at: at(20) });
      await store.markShared([last]);
      assert.equal(store.unshared().length, 2, 'it has gone on since it was read');
    }
    writeFileSync(join(folder, 'journal.sqlite'), 'no database at all, and longer than a header');
    using store = openJournalStore(folder, silentLogger);
    assert.deepEqual(store.all(), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
