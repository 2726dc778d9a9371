/** The part of the contract about times, what has landed, and what is removed. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { rejects } from '../../../test/support/rejects.ts';
import { isErrorCode } from '../../errors.ts';
import type { Log, NewRecord } from '../log.ts';
import type { LogTraits, WithLog } from './contract.ts';
import { EVERYTHING } from './records.ts';

export function describeRetention(log: () => Log, withLog: WithLog, traits: LogTraits): void {
  describeLanded(withLog);
  if (traits.clock === 'given') describeGivenClock(withLog);
  else itKnowsTimes(withLog);
  if (traits.limitsItself) itLimitsItself(withLog);
  else itHasNoLimit(log);
}

const config = { partitions: 1, retention_days: 7 };

function describeLanded(withLog: WithLog): void {
  it('removes what has landed once it is old enough, and never what has not landed', async () => {
    let ahead = 0;
    const clock = () => new Date(Date.now() + ahead);
    await withLog({ config, clock }, async (log, place) => {
      await log.append(keyed('a', 1_500));
      await log.landed(0, 1_200n);
      assert.equal(await log.trim(), 0);
      ahead = 8 * 86_400_000;
      assert.equal(await log.trim(), 1_200);
      assert.deepEqual(await log.range(0), { first: 1_200n, next: 1_500n });
      await log.landed(0, 1_100n);
      assert.equal(await log.trim(), 0);
      await using other = await place.open({ clock });
      await other.landed(0, 10n ** 12n);
      assert.equal(await log.trim(), 300);
      assert.deepEqual(await other.range(0), { first: 1_500n, next: 1_500n });
      await rejects(log.read(0, 1_499n, EVERYTHING), 'LOG_GAP');
      assert.equal(await log.timeOf(0, 1_499n), null);
      await other.append(keyed('after', 3));
      assert.equal((await log.read(0, 1_500n, EVERYTHING)).length, 3);
    });
  });

  it('goes on with its offsets when everything was removed', async () => {
    let ahead = 0;
    const clock = () => new Date(Date.now() + ahead);
    await withLog({ config, clock }, async (_log, place) => {
      const first = await place.open({ clock });
      await first.append(keyed('a', 5));
      await first.landed(0, 5n);
      ahead = 30 * 86_400_000;
      assert.equal(await first.trim(), 5);
      await first[Symbol.asyncDispose]();
      await using second = await place.open({ clock });
      assert.deepEqual(await second.range(0), { first: 5n, next: 5n });
      assert.deepEqual(await second.read(0, 5n, EVERYTHING), []);
      assert.equal((await second.append(keyed('a', 1)))[0]?.first, 5n);
    });
  });
}

/** Where records get their time from the clock that the log was opened with. */
function describeGivenClock(withLog: WithLog): void {
  it('knows when a record came', async () => {
    let now = new Date('2026-11-01T12:00:00.123Z');
    await withLog({ config: { partitions: 1 }, clock: () => now }, async (own) => {
      await own.append([{ key: 'a', value: Buffer.from('1') }]);
      now = new Date('2026-11-01T12:00:05Z');
      await own.append([{ key: 'a', value: Buffer.from('2') }]);
      const times = (await own.read(0, 0n, EVERYTHING)).map(({ time }) => time.toISOString());
      assert.deepEqual(times, ['2026-11-01T12:00:00.123Z', '2026-11-01T12:00:05.000Z']);
      assert.equal((await own.timeOf(0, 1n))?.toISOString(), times[1]);
      for (const offset of [-1n, 2n, 2n ** 62n]) assert.equal(await own.timeOf(0, offset), null);
    });
  });

  it('removes what is old enough and keeps what is younger', async () => {
    let now = new Date('2026-11-01T00:00:00Z');
    await withLog({ config, clock: () => now }, async (log, place) => {
      await log.append(keyed('old', 1_500));
      now = new Date('2026-11-05T00:00:00Z');
      await log.append(keyed('young', 10));
      now = new Date('2026-11-09T00:00:00Z');
      assert.equal(await log.trim(), 0);
      await log.landed(0, 1_200n);
      assert.equal(await log.trim(), 1_200);
      assert.deepEqual(await log.range(0), { first: 1_200n, next: 1_510n });
      await log.landed(0, 1_100n);
      assert.equal(await log.trim(), 0);
      await using other = await place.open({ clock: () => now });
      await other.landed(0, 10n ** 12n);
      assert.equal(await log.trim(), 300);
      assert.deepEqual(await other.range(0), { first: 1_500n, next: 1_510n });
      assert.equal((await log.read(0, 1_500n, EVERYTHING)).length, 10);
      await rejects(log.read(0, 1_499n, EVERYTHING), 'LOG_GAP');
      assert.equal(await log.timeOf(0, 1_499n), null);
      await log.append(keyed('after', 10));
      now = new Date('2026-12-01T00:00:00Z');
      assert.equal(await log.trim(), 10);
      assert.deepEqual(await log.range(0), { first: 1_510n, next: 1_520n });
    });
  });
}

function itKnowsTimes(withLog: WithLog): void {
  it('knows when a record came', () =>
    withLog({ config: { partitions: 1 } }, async (own) => {
      const before = Date.now();
      await own.append([{ key: 'a', value: Buffer.from('1') }]);
      const between = Date.now();
      await own.append([{ key: 'a', value: Buffer.from('2') }]);
      const [first, second] = (await own.read(0, 0n, EVERYTHING)).map(({ time }) => time.getTime());
      assert.ok(first !== undefined && second !== undefined);
      assert.ok(before <= first && first <= between && between <= second && second <= Date.now());
      assert.equal((await own.timeOf(0, 1n))?.getTime(), second);
      for (const offset of [-1n, 2n, 2n ** 62n]) assert.equal(await own.timeOf(0, offset), null);
    }));
}

function itHasNoLimit(log: () => Log): void {
  it('says that it has no size limit of its own', async () => {
    const { bytes, bytesMax, full } = await log().size();
    assert.ok(bytes > 0);
    assert.deepEqual({ bytesMax, full }, { bytesMax: 0, full: false });
  });
}

function itLimitsItself(withLog: WithLog): void {
  it('refuses more at its size limit until something has landed, and says so', () =>
    withLog({ config: { partitions: 2, size_max_mib: 8 } }, async (log) => {
      const batch = Array.from({ length: 100 }, (_, i) => ({
        key: `city-${i}`,
        value: new Uint8Array(5_000),
      }));
      assert.equal((await log.size()).full, false);
      let accepted = 0;
      let refusal: unknown = null;
      while (refusal === null && accepted < 10_000) {
        await log.append(batch).then(
          () => (accepted += batch.length),
          (error: unknown) => (refusal = error),
        );
      }
      assert.ok(isErrorCode(refusal, 'LOG_FULL'), String(refusal));
      assert.ok(accepted >= 1_000 && accepted <= 1_700, `${accepted} accepted`);
      const { bytes, bytesMax, records, full } = await log.size();
      assert.equal(bytesMax, 8 * 1024 * 1024);
      assert.ok(bytes <= bytesMax && full);
      assert.equal(records, BigInt(accepted));

      const atOnce = Array.from({ length: 500 }, () => log.append(batch.slice(0, 10)));
      for (const result of await Promise.allSettled(atOnce)) {
        if (result.status === 'rejected') assert.ok(isErrorCode(result.reason, 'LOG_FULL'));
      }
      assert.ok((await log.size()).bytes <= bytesMax);

      const { next } = await log.range(0);
      await log.landed(0, next);
      assert.equal((await log.size()).full, false);
      await log.append(batch);
      const kept = await log.range(0);
      assert.ok(kept.first > 0n && kept.next > next);
      assert.equal((await log.range(1)).first, 0n);
    }));
}

function keyed(key: string, length: number): NewRecord[] {
  return Array.from({ length }, (_, i) => ({ key, value: Buffer.from(String(i)) }));
}
