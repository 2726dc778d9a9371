/** A log is compared with a list of records while anything may happen to both. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isErrorCode } from '../../errors.ts';
import type { Log, LogRecord } from '../log.ts';
import type { LogPlace, LogTraits } from './contract.ts';

const RETENTION_DAYS = 3;
const DAY_MS = 86_400_000;

interface ModelRecord {
  readonly key: string;
  readonly value: string;
  readonly time: number;
}

interface ModelPartition {
  /** All records that there ever were; the offset is the index. */
  readonly records: ModelRecord[];
  first: number;
  landed: number;
}

type Step =
  | { readonly do: 'append'; readonly keys: readonly string[]; readonly bytes: number }
  | { readonly do: 'read'; readonly at: number; readonly records: number; readonly bytes: number }
  | { readonly do: 'land'; readonly part: number }
  | { readonly do: 'wait'; readonly days: number }
  | { readonly do: 'trim' }
  | { readonly do: 'reopen' };

/** A part of all offsets, up to a little beyond the end. */
const part = fc.integer({ min: 0, max: 12 }).map((tenths) => tenths / 10);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      keys: fc.array(fc.constantFrom('london', 'tokyo', 'dubai', 'Zürich', ''), {
        maxLength: 40,
        size: 'max',
      }),
      bytes: fc.nat(3_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      at: part,
      records: fc.integer({ min: 1, max: 60 }),
      bytes: fc.nat(20_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('land' as const),
      part: part,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), days: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trim' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

export async function checkAgainstModel(
  makePlace: () => Promise<LogPlace>,
  traits: LogTraits,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
      async (steps) => {
        await using place = await makePlace();
        const run = new ModelRun(place, traits.clock === 'given');
        await run.open();
        try {
          for (const one of steps) await run.take(one);
          await run.compareAll();
        } finally {
          await run.log?.[Symbol.asyncDispose]();
        }
      },
    ),
    { numRuns: traits.histories },
  );
}

class ModelRun {
  log: Log | null = null;
  private now: number;
  /** What the servers' clock says for as long as this runs, roughly; null: the given clock. */
  private readonly today: number | null;
  private readonly model: ModelPartition[] = [];
  private readonly place: LogPlace;

  constructor(place: LogPlace, isClockGiven: boolean) {
    this.place = place;
    this.now = isClockGiven ? Date.parse('2026-01-01T00:00:00Z') : Date.now();
    this.today = isClockGiven ? null : this.now;
  }

  async open(): Promise<void> {
    await this.log?.[Symbol.asyncDispose]();
    this.log = await this.place.open({
      config: { partitions: 2, retention_days: RETENTION_DAYS },
      clock: () => new Date(this.now),
    });
    while (this.model.length < this.log.partitionCount) {
      this.model.push({ records: [], first: 0, landed: 0 });
    }
  }

  async take(one: Step): Promise<void> {
    const { log } = this;
    assert.ok(log !== null);
    if (one.do === 'append') await this.append(log, one.keys, one.bytes);
    else if (one.do === 'read') await this.read(log, one);
    else if (one.do === 'land') await this.land(log, one.part);
    else if (one.do === 'trim') assert.equal(await log.trim(), this.trimModel());
    else if (one.do === 'reopen') await this.open();
    else this.now += one.days * DAY_MS;
  }

  async compareAll(): Promise<void> {
    const { log } = this;
    assert.ok(log !== null);
    for (const [partition, { records, first }] of this.model.entries()) {
      assert.deepEqual(await log.range(partition), {
        first: BigInt(first),
        next: BigInt(records.length),
      });
      const found = await log.read(partition, BigInt(first), { records: 1e6, bytes: 2 ** 30 });
      assert.deepEqual(found.map(this.format), records.slice(first));
      assert.deepEqual(
        found.map(({ offset }) => Number(offset)),
        found.map((_, i) => first + i),
      );
    }
    const kept = this.model.reduce((sum, { records, first }) => sum + records.length - first, 0);
    assert.equal((await log.size()).records, BigInt(kept));
  }

  private async append(log: Log, keys: readonly string[], bytes: number): Promise<void> {
    const values = keys.map((key, i) => `${key} ${i} `.padEnd(bytes, '.'));
    const ranges = await log.append(
      keys.map((key, i) => ({ key, value: Buffer.from(values[i] ?? '') })),
    );
    const partitionOf = new Map<string, number>();
    for (const { partition, first, last } of ranges) {
      assert.equal(Number(first), this.model[partition]?.records.length);
      for (const { key } of await log.read(partition, first, { records: 1e6, bytes: 2 ** 30 })) {
        partitionOf.set(key, partition);
      }
      assert.equal((await log.range(partition)).next, last + 1n);
    }
    for (const [i, key] of keys.entries()) {
      const partition = this.model[partitionOf.get(key) ?? -1];
      assert.ok(partition !== undefined, `nothing of ${key} was found`);
      partition.records.push({ key, value: values[i] ?? '', time: this.today ?? this.now });
    }
  }

  private async read(log: Log, { at, records, bytes }: Step & { do: 'read' }): Promise<void> {
    for (const [partition, model] of this.model.entries()) {
      const from = Math.floor(at * model.records.length);
      const reading = log.read(partition, BigInt(from), { records, bytes });
      if (from < model.first) {
        await assert.rejects(reading, (error) => isErrorCode(error, 'LOG_GAP'));
        continue;
      }
      const expected: ModelRecord[] = [];
      let sum = 0;
      for (const record of model.records.slice(from, from + records)) {
        sum += Buffer.byteLength(record.value);
        if (expected.length > 0 && sum > bytes) break;
        expected.push(record);
      }
      assert.deepEqual((await reading).map(this.format), expected);
    }
  }

  private async land(log: Log, part: number): Promise<void> {
    for (const [partition, model] of this.model.entries()) {
      const upTo = Math.floor(part * model.records.length);
      await log.landed(partition, BigInt(upTo));
      model.landed = Math.max(model.landed, Math.min(upTo, model.records.length));
    }
  }

  private trimModel(): number {
    let removed = 0;
    for (const model of this.model) {
      for (;;) {
        const record = model.records[model.first];
        if (record === undefined || model.first >= model.landed) break;
        if (record.time >= this.now - RETENTION_DAYS * DAY_MS) break;
        model.first += 1;
        removed += 1;
      }
    }
    return removed;
  }

  private readonly format = ({ key, value, time }: LogRecord): ModelRecord => ({
    key,
    value: Buffer.from(value).toString(),
    time: this.today ?? time.getTime(),
  });
}
