/** Rows as Spark sends them (Arrow) → the port's values. */
import { type Data, DataType, RecordBatchReader, TimeUnit, type Vector } from 'apache-arrow';
import { IsobarError } from '../../errors.ts';
import { isoTime } from '../../model/iso-time.ts';
import type { Row, RowBatch } from '../engine.ts';

/** Each message of Spark is a stream of its own: schema, batches. */
export function batchesOf(message: Uint8Array): RowBatch[] {
  return [...RecordBatchReader.from(message)].map((batch) => {
    const vectors = batch.schema.fields.map((_, index) =>
      valuesOf(batch.getChildAt(index), batch.numRows),
    );
    const columns = distinctNames(batch.schema.fields.map(({ name }) => name));
    const rows = Array.from({ length: batch.numRows }, (_, index) => {
      return Object.fromEntries(
        columns.map((column, position) => [column, vectors[position]?.[index]]),
      );
    });
    return { columns, rows };
  });
}

export function rowsOf(message: Uint8Array): Row[] {
  return batchesOf(message).flatMap(({ rows }) => rows as Row[]);
}

/** `x, x` → `x, x:1`: columns of one name are kept apart. */
function distinctNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}:${times}`;
  });
}

function valuesOf(vector: Vector | null, length: number): unknown[] {
  if (vector === null) return new Array(length).fill(null);
  const values: unknown[] = [];
  for (const data of vector.data) {
    const valueAt = readerOf(data, vector);
    for (let index = 0; index < data.length; index++) {
      values.push(data.getValid(index) ? valueAt(index, values.length) : null);
    }
  }
  return values;
}

/** How a value of this type is read: `index` within the part, `position` within the column. */
function readerOf(data: Data, vector: Vector): (index: number, position: number) => unknown {
  const { type } = data;
  if (DataType.isTimestamp(type)) {
    const toMicros = MICROS_PER_UNIT[type.unit];
    if (toMicros === undefined) throw new IsobarError('QUERY_FAILED', `unknown unit of ${type}`);
    const times = data.values as BigInt64Array;
    return (index) => isoTime(((times[index] ?? 0n) * toMicros[0]) / toMicros[1]);
  }
  if (DataType.isDecimal(type)) {
    const scale = 10 ** type.scale;
    return (_, position) => decimalNumber(vector.get(position) as Uint32Array) / scale;
  }
  if (DataType.isDate(type)) {
    return (_, position) => new Date(Number(vector.get(position))).toISOString().slice(0, 10);
  }
  return (_, position) => plainValue(vector.get(position));
}

const MICROS_PER_UNIT: Readonly<Partial<Record<TimeUnit, readonly [bigint, bigint]>>> = {
  [TimeUnit.SECOND]: [1_000_000n, 1n],
  [TimeUnit.MILLISECOND]: [1_000n, 1n],
  [TimeUnit.MICROSECOND]: [1n, 1n],
};

/** 128 bits, lowest word first, two's complement. */
function decimalNumber(words: Uint32Array): number {
  let value = 0n;
  for (let index = words.length - 1; index >= 0; index--) {
    value = (value << 32n) | BigInt(words[index] ?? 0);
  }
  return Number(BigInt.asIntN(words.length * 32, value));
}

function plainValue(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  const json = (value as { toJSON?: () => unknown }).toJSON?.() ?? value;
  if (Array.isArray(json)) return json.map(plainValue);
  return Object.fromEntries(
    Object.entries(json as object).map(([key, of]) => [key, plainValue(of)]),
  );
}
