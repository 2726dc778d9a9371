/** Writing the rows of one bucket: only what differs from what is there, and their columns. */
import type { DatabaseSync } from 'node:sqlite';
import type { Anomaly } from '../model/datasets.ts';
import { type ColumnRow, encodeColumns } from './columns.ts';
import { identityOf, storedFields } from './row-order.ts';
import { openPartNumbers } from './sqlite-parts.ts';

interface Written {
  readonly id: number;
  readonly row: string;
}

export interface RowWriter {
  /** How many rows were written and removed, and how many more there are. */
  put(
    bucket: string,
    rows: readonly Anomaly[],
  ): { readonly changed: number; readonly grown: number };
}

export function openRowWriter(db: DatabaseSync): RowWriter {
  const select = db.prepare('SELECT id, row FROM rows WHERE bucket = ?');
  const insert = db.prepare('INSERT INTO rows (bucket, row) VALUES (?, ?)');
  const update = db.prepare('UPDATE rows SET row = ? WHERE id = ?');
  const remove = db.prepare('DELETE FROM rows WHERE id = ?');
  const removeColumns = db.prepare('DELETE FROM columns WHERE bucket = ?');
  const insertColumns = db.prepare('INSERT INTO columns (bucket, count, bytes) VALUES (?, ?, ?)');
  const partsOf = openPartNumbers(db);

  return {
    put(bucket, rows) {
      const written = select.all(bucket) as unknown as Written[];
      const left = new Map(written.map((one) => [identityOf(JSON.parse(one.row) as Anomaly), one]));
      let changed = 0;
      const write = (row: Anomaly): number => {
        const identity = identityOf(row);
        const text = JSON.stringify(row);
        const before = left.get(identity);
        left.delete(identity);
        if (before?.row === text) return before.id;
        changed += 1;
        if (before === undefined) return Number(insert.run(bucket, text).lastInsertRowid);
        update.run(text, before.id);
        return before.id;
      };
      const ids = rows.map(write);
      for (const { id } of left.values()) remove.run(id);
      changed += left.size;
      if (changed > 0) removeColumns.run(bucket);
      if (changed > 0 && rows.length > 0) {
        const columns = rows.map(
          (row, at): ColumnRow => ({ id: ids[at] ?? 0, ...storedFields(row), ...partsOf(row) }),
        );
        insertColumns.run(bucket, rows.length, encodeColumns(columns));
      }
      return { changed, grown: rows.length - written.length };
    },
  };
}
