import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { IsobarError } from '../errors.ts';
import type { NewRecord } from '../log/log.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import { isInvalidRecord } from '../model/observation.ts';
import {
  CANARY,
  type PollingOptions,
  startTestPolling,
  type TestPolling,
} from './testing/polling.ts';
import type { Outcome } from './testing/world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const START = '2026-11-23T10:03:00Z';

/** The test, with a loop that is stopped at its end; nothing it wrote may hold the key. */
async function poll(
  options: Partial<PollingOptions>,
  run: (polling: TestPolling) => Promise<void>,
): Promise<void> {
  using polling = startTestPolling({ start: START, ...options });
  try {
    await run(polling);
  } finally {
    await polling.stop();
  }
  assert.ok(!polling.everything().includes(CANARY));
}

const statusOf = ({ collector }: TestPolling) => {
  const status = collector.status();
  assert.ok(!JSON.stringify(status).includes(CANARY));
  assert.match(status.message, /^[A-Z].*\.$/);
  return status;
};
const callsOf = (polling: TestPolling, cityId?: string) =>
  polling.world.calls.filter((call) => cityId === undefined || call.cityId === cityId);
const identities = ({ records }: TestPolling) =>
  records.map((record) =>
    isInvalidRecord(record) ? record.invalid : `${record.city_id} ${record.observed_at}`,
  );

describe('polling', () => {
  test('a first start shows every city within seconds, not all at the same moment', () =>
    poll({}, async (polling) => {
      assert.equal(statusOf(polling).state, 'starting');
      await polling.clock.advance(3 * SECOND);
      assert.equal(polling.records.length, 5);
      assert.equal(new Set(callsOf(polling).map(({ at }) => at)).size, 5);
      const status = statusOf(polling);
      assert.equal(status.state, 'live');
      assert.equal(status.message, 'Polling 5 cities.');
      assert.deepEqual(status.calls.day, { used: 5, limit: 1_000 });
      assert.ok(status.next_poll_at !== null && status.next_poll_at > START);
      assert.ok(status.last_observed_at !== null && status.last_checked_at !== null);
    }));

  test('cities whose observations come together are asked one after the other', () =>
    poll({ cities: DEFAULT_CITIES.slice(0, 1) }, async (polling) => {
      await polling.clock.advance(HOUR);
      const after = callsOf(polling)
        .slice(2)
        .map(({ at, observedAt }) => at - (observedAt ?? 0));
      for (const lag of after) assert.ok(lag >= 15_000 && lag <= 26_000, String(lag));
    }));

  test('an unchanged answer is not appended again, other content of the same time is', () => {
    let outcome: Outcome = { change: { dt: Date.parse(START) / 1_000, main: { temp: 1 } } };
    return poll({ outcome: () => outcome }, async (polling) => {
      await polling.clock.advance(HOUR);
      assert.equal(polling.records.length, 5);
      assert.ok(callsOf(polling).length > 25);
      outcome = { change: { dt: Date.parse(START) / 1_000, main: { temp: -1 } } };
      await polling.clock.advance(HOUR);
      assert.equal(polling.records.length, 10);
      // Versions of a time differ in when they were collected.
      const [first, second] = polling.records.filter(({ city_id }) => city_id === 'dubai');
      assert.ok(first && second && first.collected_at < second.collected_at);
    });
  });

  test('a restart asks when the next observation is due, and appends nothing again', () =>
    poll({}, async (polling) => {
      await polling.clock.advance(25 * MINUTE);
      const [calls, records] = [callsOf(polling).length, polling.records.length];
      await polling.restart();
      await polling.clock.advance(10 * SECOND);
      assert.ok(callsOf(polling).length - calls <= 1);
      await polling.clock.advance(24 * HOUR);
      const all = identities(polling);
      assert.equal(new Set(all).size, all.length);
      assert.ok(polling.records.length >= records + 5 * 143);
    }));

  test('losing the memory costs one call and one duplicate per city, nothing else', () =>
    poll({}, async (polling) => {
      await polling.clock.advance(25 * MINUTE);
      const before = identities(polling);
      await polling.stop();
      rmSync(join(polling.folder, 'answers.sqlite'));
      await polling.restart();
      await polling.clock.advance(3 * SECOND);
      const again = identities(polling).slice(before.length);
      assert.equal(again.length, 5);
      assert.ok(again.every((identity) => before.includes(identity)));
    }));

  for (const skewSeconds of [-1_200, -300, 300, 540]) {
    test(`a provider whose clock is ${skewSeconds} s off loses nothing`, () =>
      poll({ skewSeconds }, async (polling) => {
        await polling.clock.advance(12 * HOUR);
        const all = identities(polling);
        assert.equal(new Set(all).size, all.length);
        assert.ok(all.length >= 5 * 71, String(all.length));
        assert.ok(callsOf(polling).length <= 5 * 85, String(callsOf(polling).length));
      }));
  }

  test('clocks that jump and machines that sleep neither stop it nor make it run wild', () =>
    poll({}, async (polling) => {
      await polling.clock.advance(HOUR);
      polling.clock.jump(-30 * MINUTE);
      await polling.clock.advance(HOUR);
      polling.clock.jump(30 * MINUTE);
      await polling.clock.advance(HOUR);
      const before = callsOf(polling).length;
      assert.ok(before > 70 && before < 160, String(before));
      // While a machine sleeps its monotonic clock stands still.
      polling.clock.jump(8 * HOUR);
      await polling.clock.advance(MINUTE);
      const woken = callsOf(polling).length - before;
      assert.ok(woken >= 5 && woken <= 10, String(woken));
      assert.equal(statusOf(polling).state, 'live');
    }));

  test('pausing stops the calls, resuming goes on', () =>
    poll({}, async (polling) => {
      await polling.clock.advance(10 * SECOND);
      polling.collector.pause();
      await polling.clock.advance(2 * HOUR);
      assert.equal(callsOf(polling).length, 5);
      assert.deepEqual([statusOf(polling).state, statusOf(polling).next_poll_at], ['paused', null]);
      polling.collector.resume();
      await polling.clock.advance(MINUTE);
      assert.ok(callsOf(polling).length >= 10);
      assert.equal(statusOf(polling).state, 'live');
    }));

  test('refreshing asks every city now, once', () =>
    poll({}, async (polling) => {
      await polling.clock.advance(70 * SECOND);
      assert.equal(callsOf(polling).length, 5);
      const both = [polling.collector.refreshNow(), polling.collector.refreshNow()];
      await polling.clock.advance(SECOND);
      assert.deepEqual(await Promise.all(both), [
        { cities: 5, checked: 5 },
        { cities: 5, checked: 5 },
      ]);
      assert.equal(callsOf(polling).length, 10);
      assert.deepEqual(await polling.collector.refreshNow(), { cities: 0, checked: 0 });
      await polling.clock.advance(2 * MINUTE);
      polling.collector.pause();
      assert.deepEqual(await polling.collector.refreshNow(), { cities: 5, checked: 0 });
    }));

  test('stopping cancels the calls under way at once', () =>
    poll({ outcome: () => 'hang' }, async (polling) => {
      await polling.clock.advance(2 * SECOND);
      assert.equal(callsOf(polling).length, 5);
      const refreshed = polling.collector.refreshNow();
      await polling.collector.stop();
      assert.deepEqual(await refreshed, { cities: 0, checked: 0 });
      assert.equal(statusOf(polling).state, 'stopped');
    }));
});

describe('trouble of the provider', () => {
  test('a new key waits patiently, then is called wrong, and comes back by itself', () => {
    let outcome: Outcome = { status: 401 };
    return poll({ outcome: () => outcome }, async (polling) => {
      await polling.clock.advance(10 * MINUTE);
      const early = statusOf(polling);
      assert.equal(early.state, 'key_not_active');
      assert.match(early.message, /a new one works after 10 minutes to 2 hours; trying again at/);
      await polling.clock.advance(2 * HOUR);
      assert.equal(statusOf(polling).state, 'key_refused');
      // 5 cities at first, since they were under way, then one call at a time.
      assert.ok(callsOf(polling).length < 45, String(callsOf(polling).length));
      outcome = 'answer';
      await polling.clock.advance(HOUR);
      assert.equal(statusOf(polling).state, 'live');
      assert.equal(new Set(polling.records.map(({ city_id }) => city_id)).size, 5);
    });
  });

  test('a used-up quota waits as long as the provider says', () => {
    let outcome: Outcome = 'answer';
    return poll({ outcome: () => outcome }, async (polling) => {
      await polling.clock.advance(5 * MINUTE);
      const until = callsOf(polling).length;
      outcome = { status: 429, retryAfter: 3_600 };
      await polling.clock.advance(10 * MINUTE);
      const before = callsOf(polling).length;
      assert.equal(before, until + 1);
      const status = statusOf(polling);
      assert.equal(status.state, 'quota');
      assert.match(status.message, /quota is used up; trying again at .* UTC \(.*429.*\)\.$/);
      outcome = 'answer';
      await polling.clock.advance(50 * MINUTE);
      assert.equal(callsOf(polling).length, before);
      await polling.clock.advance(20 * MINUTE);
      assert.equal(statusOf(polling).state, 'live');
    });
  });

  test('a provider that is down is asked ever more seldom', () => {
    let outcome: Outcome = 'answer';
    return poll({ outcome: () => outcome }, async (polling) => {
      await polling.clock.advance(5 * MINUTE);
      outcome = 'hang';
      await polling.clock.advance(2 * HOUR);
      const status = statusOf(polling);
      assert.equal(status.state, 'provider_down');
      assert.match(status.message, /no answer within 10 s/);
      assert.ok(callsOf(polling).length < 60, String(callsOf(polling).length));
      outcome = 'answer';
      await polling.clock.advance(6 * MINUTE);
      assert.equal(statusOf(polling).state, 'live');
      assert.ok(polling.lines.some((line) => line.includes('it answers again')));
    });
  });

  for (const status of [404, 400]) {
    test(`${status} for one city does not stop the others`, () =>
      poll({ outcome: (id) => (id === 'tokyo' ? { status } : 'answer') }, async (polling) => {
        await polling.clock.advance(24 * HOUR - MINUTE);
        assert.ok(polling.records.length >= 4 * 142);
        const { state, message, troubled } = statusOf(polling);
        assert.equal(state, 'live');
        assert.equal(message, 'Polling 5 cities; 1 of them in trouble.');
        const reason = status === 404 ? 'city unknown (404, “' : 'request refused (400, “';
        assert.deepEqual(
          troubled.map(({ city_id }) => city_id),
          ['tokyo'],
        );
        assert.ok(troubled[0]?.reason.startsWith(reason), troubled[0]?.reason);
        // 404: again after a day; 400: after 1, 2, 4, 8 and 16 hours.
        assert.equal(callsOf(polling, 'tokyo').length, status === 404 ? 1 : 5);
        await polling.clock.advance(HOUR);
        assert.equal(callsOf(polling, 'tokyo').length, status === 404 ? 2 : 5);
      }));
  }

  test('the budget of a day is said to be spent, and the next day goes on', () =>
    poll({ limits: { per_minute: 60, per_day: 5, per_month: 100 } }, async (polling) => {
      await polling.clock.advance(HOUR);
      const status = statusOf(polling);
      assert.equal(status.state, 'budget_spent');
      assert.equal(
        status.message,
        'The budget of calls for this day is spent; polling goes on at 2026-11-24 00:00:00 UTC.',
      );
      assert.equal(status.next_poll_at, '2026-11-24T00:00:00Z');
      await polling.clock.advance(14 * HOUR);
      assert.ok(callsOf(polling).length > 5);
      assert.match(statusOf(polling).message, /one call every \d+ s, so they take turns/);
    }));
});

describe('trouble with the log and the ledger', () => {
  test('a full log pauses polling, and what was under way gets in once there is room', () => {
    const taken: string[] = [];
    let full = false;
    const append = async (records: readonly NewRecord[]) => {
      if (full) throw new IsobarError('LOG_FULL', 'the log is at its limit');
      for (const { key } of records) taken.push(key);
      return [];
    };
    return poll({ append }, async (polling) => {
      full = true;
      await polling.clock.advance(HOUR);
      // Those that were asked before the first append failed.
      const asked = new Set(callsOf(polling).map(({ cityId }) => cityId));
      assert.equal(callsOf(polling).length, asked.size);
      const status = statusOf(polling);
      assert.equal(status.state, 'log_full');
      assert.match(status.message, /tries again by itself: the log is at its limit\.$/);
      full = false;
      await polling.clock.advance(31 * SECOND);
      assert.ok([...asked].every((id) => taken.includes(id)));
      assert.equal(new Set(taken).size, 5);
      assert.equal(statusOf(polling).state, 'live');
      await polling.clock.advance(HOUR);
      assert.ok(taken.length > 25);
    });
  });

  test('stopping while the log is full names what it did not take, and does not remember it', () => {
    const taken: string[] = [];
    let full = true;
    const append = async (records: readonly NewRecord[]) => {
      if (full) throw new IsobarError('LOG_FULL', 'the log is at its limit');
      for (const { key } of records) taken.push(key);
      return [];
    };
    return poll({ append }, async (polling) => {
      await polling.clock.advance(10 * SECOND);
      await polling.stop();
      const logged = polling.lines.filter((line) => line.includes('that it did not take'));
      assert.equal(logged.length, 1);
      full = false;
      await polling.restart();
      await polling.clock.advance(10 * SECOND);
      assert.equal(taken.length, 5);
    });
  });

  test('stopping waits for the append under way, which is then remembered', async () => {
    const gate = Promise.withResolvers<void>();
    let appended = 0;
    const append = async (records: readonly NewRecord[]) => {
      await gate.promise;
      appended += records.length;
      return [];
    };
    await poll({ append, cities: DEFAULT_CITIES.slice(0, 1) }, async (polling) => {
      await polling.clock.advance(5 * SECOND);
      let stopped = false;
      const stopping = polling.collector.stop().then(() => {
        stopped = true;
      });
      await polling.clock.advance(MINUTE);
      assert.equal(stopped, false);
      gate.resolve();
      await stopping;
      assert.equal(appended, 1);
      await polling.restart();
      await polling.clock.advance(2 * MINUTE);
      assert.equal(appended, 1);
    });
  });
});
