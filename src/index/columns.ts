/**
 * What questions look at in the rows of one bucket: a column for each field, one after the other in
 * a run of bytes.
 *
 *     times, values, amounts      float64, one for each row
 *     ids, cities, kinds, ends    uint32, one for each row
 *     numbers                     uint32; those of a row lie before its end
 *
 * `cities`, `kinds` and `numbers` are numbers of parts (sqlite-parts.ts).
 */
import type { storedFields } from './row-order.ts';

export interface Columns {
  readonly count: number;
  readonly bytes: number;
  /** Microseconds since 1970. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** How far values are out, whichever way. */
  readonly amounts: Float64Array;
  readonly ids: Uint32Array;
  readonly cities: Uint32Array;
  readonly kinds: Uint32Array;
  readonly ends: Uint32Array;
  readonly numbers: Uint32Array;
}

export interface ColumnRow
  extends Pick<ReturnType<typeof storedFields>, 'at_us' | 'value' | 'amount'> {
  readonly id: number;
  readonly city: number;
  readonly kind: number;
  readonly numbers: readonly number[];
}

const ROW_BYTES = 3 * 8 + 4 * 4;

export function encodeColumns(rows: readonly ColumnRow[]): Uint8Array {
  const total = rows.reduce((sum, { numbers }) => sum + numbers.length, 0);
  const bytes = new Uint8Array(rows.length * ROW_BYTES + total * 4);
  const columns = viewColumns(bytes, rows.length);
  let end = 0;
  for (const [at, row] of rows.entries()) {
    columns.times[at] = row.at_us;
    columns.values[at] = row.value;
    columns.amounts[at] = row.amount;
    columns.ids[at] = row.id;
    columns.cities[at] = row.city;
    columns.kinds[at] = row.kind;
    columns.numbers.set(row.numbers, end);
    end += row.numbers.length;
    columns.ends[at] = end;
  }
  return bytes;
}

/** Null when these bytes cannot be the columns of so many rows. */
export function decodeColumns(bytes: Uint8Array, count: number): Columns | null {
  if (bytes.length < count * ROW_BYTES || bytes.length % 4 !== 0) return null;
  const columns = viewColumns(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice(), count);
  let before = 0;
  for (const end of columns.ends) {
    if (end < before) return null;
    before = end;
  }
  return before === columns.numbers.length ? columns : null;
}

function viewColumns(bytes: Uint8Array, count: number): Columns {
  let offset = bytes.byteOffset;
  const { buffer } = bytes;
  const float64 = () => {
    const column = new Float64Array(buffer, offset, count);
    offset += column.byteLength;
    return column;
  };
  const uint32 = (length = count) => {
    const column = new Uint32Array(buffer, offset, length);
    offset += column.byteLength;
    return column;
  };
  return {
    ...{ count, bytes: bytes.length, times: float64(), values: float64(), amounts: float64() },
    ...{ ids: uint32(), cities: uint32(), kinds: uint32(), ends: uint32() },
    numbers: uint32((bytes.length - count * ROW_BYTES) / 4),
  };
}
