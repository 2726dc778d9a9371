/** What every engine of the log must do: one test for each sentence of the port. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { rejects } from '../../../test/support/rejects.ts';
import type { Config } from '../../config/schema.ts';
import { RECORD_BYTES_MAX } from '../../model/observation.ts';
import type { AppendedRange, Log, LogRecord } from '../log.ts';
import { describeFollow } from './contract-follow.ts';
import { checkAgainstModel } from './contract-model.ts';
import { describeRetention } from './contract-retention.ts';
import { EVERYTHING, recordsOf } from './records.ts';

/** A place of an engine where nothing is yet; disposing of it removes everything. */
export interface LogPlace extends AsyncDisposable {
  /** Opens the place's log as one more process would; the first one makes it. */
  open(options?: LogPlaceOptions): Promise<Log>;
}

export interface LogPlaceOptions {
  readonly config?: Partial<Config['log']>;
  readonly clock?: () => Date;
}

/** What engines may do differently; the suite tests each one's own way. */
export interface LogTraits {
  /** Whether a record's time comes from the clock that the place is given, or from servers. */
  readonly clock: 'given' | 'of servers';
  /** Whether `size_max_mib` limits it. */
  readonly limitsItself: boolean;
  /** How many random histories are compared with the model. */
  readonly histories: number;
}

const EMBEDDED: LogTraits = { clock: 'given', limitsItself: true, histories: 25 };
export function describeLog(
  name: string,
  makePlace: () => Promise<LogPlace>,
  traits: LogTraits = EMBEDDED,
): void {
  describe(`the log in ${name}`, () => {
    let place: LogPlace;
    let log: Log;
    before(async () => {
      place = await makePlace();
      log = await place.open();
    });
    after(async () => {
      await log[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });

    const withLog = async (
      options: LogPlaceOptions,
      run: (log: Log, place: LogPlace) => Promise<void>,
    ): Promise<void> => {
      await using ownPlace = await makePlace();
      await using ownLog = await ownPlace.open(options);
      await run(ownLog, ownPlace);
    };

    describeIdentity(withLog);
    describeAppend(() => ({ log, place }), withLog);
    describeRead(() => log, withLog);
    describeFollow(() => ({ log, place }));
    describeRetention(() => log, withLog, traits);
    it('does what a list of records would do, whatever happens in whichever order', () =>
      checkAgainstModel(makePlace, traits));
  });
}

export type WithLog = (
  options: LogPlaceOptions,
  run: (log: Log, place: LogPlace) => Promise<void>,
) => Promise<void>;

function describeIdentity(withLog: WithLog): void {
  it('has an id that stays, and another one when it is made anew', () =>
    withLog({}, async (log, place) => {
      await using again = await place.open();
      assert.equal(again.id, log.id);
      await withLog({}, async (other) => assert.notEqual(other.id, log.id));
    }));

  it('keeps its number of partitions whatever is configured later', () =>
    withLog({ config: { partitions: 5 } }, async (log, place) => {
      assert.equal(log.partitionCount, 5);
      await using again = await place.open({ config: { partitions: 2 } });
      assert.equal(again.partitionCount, 5);
      await again.append(recordsOf(100));
      for (let partition = 0; partition < 5; partition++) {
        assert.ok((await log.range(partition)).next > 0n);
      }
    }));

  it('starts every partition at offset 0', () =>
    withLog({}, async (log) => {
      for (let partition = 0; partition < log.partitionCount; partition++) {
        assert.deepEqual(await log.range(partition), { first: 0n, next: 0n });
        assert.deepEqual(await log.read(partition, 0n, EVERYTHING), []);
      }
      const ranges = await log.append([{ key: 'a', value: Buffer.from('1') }]);
      assert.deepEqual(
        ranges.map(({ first, last }) => [first, last]),
        [[0n, 0n]],
      );
    }));

  it('refuses partitions that do not exist', () =>
    withLog({}, async (log) => {
      for (const partition of [-1, 3, 0.5, Number.NaN]) {
        await rejects(log.read(partition, 0n, EVERYTHING), 'PARAMETER_INVALID');
        await rejects(log.range(partition), 'PARAMETER_INVALID');
        await rejects(log.timeOf(partition, 0n), 'PARAMETER_INVALID');
        await rejects(log.landed(partition, 0n), 'PARAMETER_INVALID');
      }
    }));

  it('refuses everything after closing, and what was under way ends', () =>
    withLog({}, async (_log, place) => {
      const closing = await place.open();
      const appending = closing.append(recordsOf(10));
      const following = Array.fromAsync(closing.follow(new AbortController().signal));
      await closing[Symbol.asyncDispose]();
      await closing[Symbol.asyncDispose]();
      assert.equal(count(await appending), 10);
      await following;
      await rejects(closing.append(recordsOf(1)), 'LOG_UNAVAILABLE');
      await rejects(closing.read(0, 0n, EVERYTHING), 'LOG_UNAVAILABLE');
      await rejects(closing.range(0), 'LOG_UNAVAILABLE');
    }));
}

function describeAppend(shared: () => { log: Log; place: LogPlace }, withLog: WithLog): void {
  it('gives a key its partition and keeps the order in it', async () => {
    const { log } = shared();
    const key = 'tokyo';
    const partitions = new Set<number>();
    const offsets: bigint[] = [];
    for (let i = 0; i < 20; i++) {
      for (const { partition, first } of await log.append([{ key, value: Buffer.from([i]) }])) {
        partitions.add(partition);
        offsets.push(first);
      }
    }
    assert.equal(partitions.size, 1);
    const [partition = -1] = partitions;
    const found = await log.read(partition, offsets[0] ?? 0n, EVERYTHING);
    assert.deepEqual(
      found.map(({ value }) => value[0]),
      [...offsets.keys()],
    );
  });

  it('says which offsets the records got, in the order in which they were given', async () => {
    const { log } = shared();
    const records = recordsOf(200);
    const ranges = await log.append(records);
    assert.equal(count(ranges), 200);
    const found: LogRecord[] = [];
    for (const range of ranges) found.push(...(await readRange(log, range)));
    const texts = (of: readonly { key: string; value: Uint8Array }[]) =>
      of.map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`);
    assert.deepEqual(texts(found).sort(), texts(records).sort());
    for (const key of new Set(records.map((record) => record.key))) {
      assert.deepEqual(
        texts(found.filter((record) => record.key === key)),
        texts(records.filter((record) => record.key === key)),
      );
    }
  });

  it('appends nothing for an empty list', async () => {
    assert.deepEqual(await shared().log.append([]), []);
  });

  it('gives every record an offset of its own when many append at once', async () => {
    const { log, place } = shared();
    await using other = await place.open();
    const appended = await Promise.all(
      Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? other : log).append(recordsOf(7))),
    );
    const taken = new Set<string>();
    for (const { partition, first, last } of appended.flat()) {
      for (let at = first; at <= last; at++) taken.add(`${partition}:${at}`);
    }
    assert.equal(taken.size, 420);
    for (const range of appended.flat()) await readRange(other, range);
  });

  it('keeps the order of one caller who does not wait', async () => {
    const { log } = shared();
    const appended = await Promise.all(
      Array.from({ length: 50 }, (_, i) => log.append([{ key: 'q', value: Buffer.from([i]) }])),
    );
    const offsets = appended.flat().map(({ first }) => first);
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => Number(a - b)),
    );
  });

  it('refuses a record that is too large before anything is written', async () => {
    const { log } = shared();
    const { records: before } = await log.size();
    const tooLarge = { key: 'a', value: new Uint8Array(RECORD_BYTES_MAX + 1) };
    await rejects(log.append([...recordsOf(3), tooLarge]), 'RECORD_TOO_LARGE');
    assert.equal((await log.size()).records, before);
    const [range] = await log.append([{ key: 'a', value: new Uint8Array(RECORD_BYTES_MAX) }]);
    assert.equal((await readRange(log, range))[0]?.value.byteLength, RECORD_BYTES_MAX);
  });

  it('is still there for whoever opens the log later', () =>
    withLog({}, async (_log, place) => {
      const first = await place.open();
      const ranges = await first.append(recordsOf(50));
      await first[Symbol.asyncDispose]();
      await using second = await place.open();
      for (const range of ranges) await readRange(second, range);
    }));
}

const codePoint = fc.nat(0x10ffff).filter((point) => point < 0xd800 || point > 0xdfff);

function describeRead(log: () => Log, withLog: WithLog): void {
  it('gives back any key and any bytes as they were', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(codePoint, { maxLength: 20 }).map((points) => String.fromCodePoint(...points)),
        fc.uint8Array({ maxLength: 300 }),
        async (key, value) => {
          const [range] = await log().append([{ key, value }]);
          const [record] = await readRange(log(), range);
          assert.equal(record?.key, key);
          assert.deepEqual(Buffer.from(record?.value ?? 'none'), Buffer.from(value));
        },
      ),
      { numRuns: 50 },
    ));

  it('keeps both limits, but gives one record at least', () =>
    withLog({ config: { partitions: 1 } }, async (own) => {
      const value = new Uint8Array(1_000);
      await own.append(Array.from({ length: 20 }, () => ({ key: 'a', value })));
      const lengthOf = async (records: number, bytes: number) =>
        (await own.read(0, 5n, { records, bytes })).length;
      assert.equal(await lengthOf(7, 1e6), 7);
      assert.equal(await lengthOf(100, 1e6), 15);
      assert.equal(await lengthOf(100, 3_500), 3);
      assert.equal(await lengthOf(100, 4_000), 4);
      assert.equal(await lengthOf(100, 0), 1);
      assert.equal(await lengthOf(0, 1e6), 0);
      assert.deepEqual(await own.read(0, 20n, EVERYTHING), []);
      assert.deepEqual(await own.read(0, 10n ** 15n, EVERYTHING), []);
      await rejects(own.read(0, -1n, EVERYTHING), 'LOG_GAP');
    }));

  it('stops when it is asked to', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(log().read(0, 0n, EVERYTHING, signal), reason);
  });

  it('lets others go on while it reads much', () =>
    withLog({ config: { partitions: 1 } }, async (own) => {
      const value = new Uint8Array(600);
      for (let i = 0; i < 20; i++) {
        await own.append(Array.from({ length: 2_000 }, () => ({ key: 'a', value })));
      }
      let turns = 0;
      const ticking = setInterval(() => turns++, 1);
      const found = await own.read(0, 0n, EVERYTHING);
      clearInterval(ticking);
      assert.equal(found.length, 40_000);
      assert.ok(turns >= 3, `only ${turns} turns`);
    }));
}

function count(ranges: readonly AppendedRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
}

/** The records of the range; fails when one of its offsets is not there. */
async function readRange(log: Log, range: AppendedRange | undefined): Promise<LogRecord[]> {
  assert.ok(range !== undefined);
  const limits = { records: Number(range.last - range.first) + 1, bytes: 2 ** 30 };
  const found = await log.read(range.partition, range.first, limits);
  assert.deepEqual(
    found.map(({ offset }) => offset),
    Array.from({ length: limits.records }, (_, i) => range.first + BigInt(i)),
  );
  return [...found];
}
