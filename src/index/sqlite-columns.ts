/** Reading the columns of all buckets: kept in memory as long as they are in the file. */
import type { DatabaseSync } from 'node:sqlite';
import { IsobarError } from '../errors.ts';
import { type Columns, decodeColumns } from './columns.ts';

/** Of columns in memory, some four million rows; more are read from the file for each question. */
const KEPT_BYTES_MAX = 256 * 1024 * 1024;

/** The columns of each bucket as this transaction sees them. */
export function openColumns(db: DatabaseSync, keptBytesMax = KEPT_BYTES_MAX) {
  const kept = new Map<number, Columns>();
  let bytes = 0;
  const list = db.prepare('SELECT no FROM columns ORDER BY no');
  const select = db.prepare('SELECT bucket, count, bytes FROM columns WHERE no = ?');

  function read(no: number): Columns {
    const { bucket, count, bytes: own } = select.get(no) ?? {};
    const columns = own instanceof Uint8Array ? decodeColumns(own, Number(count)) : null;
    if (columns !== null) return columns;
    throw new IsobarError('INDEX_UNAVAILABLE', `bucket ${bucket} of the index is damaged`, {
      details: { damaged: true },
    });
  }

  return function* (): Generator<Columns> {
    const numbers = list.all().map(({ no }) => Number(no));
    const present = new Set(numbers);
    for (const [no, columns] of kept) {
      if (present.has(no)) continue;
      kept.delete(no);
      bytes -= columns.bytes;
    }
    for (const no of numbers) {
      const before = kept.get(no);
      const columns = before ?? read(no);
      if (before === undefined && bytes + columns.bytes <= keptBytesMax) {
        kept.set(no, columns);
        bytes += columns.bytes;
      }
      yield columns;
    }
  };
}
