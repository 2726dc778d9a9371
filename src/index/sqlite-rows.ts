/** Writing the rows of one bucket: only what differs from what is there. */
import type { DatabaseSync } from 'node:sqlite';
import type { Anomaly } from '../model/datasets.ts';
import { identityOf, monthOf, storedFields } from './row-order.ts';
import { searchedText } from './words.ts';

interface Written {
  readonly id: number;
  readonly key: string;
  readonly row: string;
  readonly words: string;
}

export interface RowWriter {
  /** Resolves with how many rows were written and removed. */
  put(
    bucket: string,
    rows: readonly Anomaly[],
  ): { readonly changed: number; readonly grown: number };
}

/** `isEmpty`: nothing is in the file that a row could replace. */
export function openRowWriter(db: DatabaseSync, isEmpty: boolean): RowWriter {
  const select = db.prepare(
    `SELECT r.id, r.at_us || ' ' || r.city_id || ' ' || r.variable || ' ' || r.rule AS key,
       t.row, t.words FROM rows r JOIN texts t ON t.id = r.id WHERE r.bucket = ?`,
  );
  const insert = db.prepare(
    `INSERT INTO rows (bucket, at_us, city_id, variable, rule, month, value, amount,
       city_no, kind_no)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const cityNo = openNumbers(db, 'cities', ['city_id']);
  const kindNo = openNumbers(db, 'kinds', ['month', 'variable', 'rule']);
  const change = db.prepare('UPDATE rows SET value = ?, amount = ? WHERE id = ?');
  const insertText = db.prepare('INSERT INTO texts VALUES (?, ?, ?)');
  const changeText = db.prepare('UPDATE texts SET row = ?, words = ? WHERE id = ?');
  const insertWords = db.prepare('INSERT INTO searched (rowid, words) VALUES (?, ?)');
  const removals = ['rows', 'texts'].map((name) => db.prepare(`DELETE FROM ${name} WHERE id = ?`));
  const removeWords = db.prepare('DELETE FROM searched WHERE rowid = ?');
  const sums = [
    ...[sumSql('city', 'city_id', '+'), sumSql('month', 'month', '+')],
    ...[sumSql('city', 'city_id', '-'), sumSql('month', 'month', '-')],
  ].map((sql) => db.prepare(sql));
  const forget = db.prepare('DELETE FROM counts WHERE bucket = ?');
  const count = db.prepare('INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?)');

  function add(bucket: string, row: Anomaly, text: string): void {
    const { at_us, city_id, variable, rule, month, value, amount } = storedFields(row);
    const { lastInsertRowid: id } = insert.run(
      ...[bucket, at_us, city_id, variable, rule, month, value, amount],
      ...[cityNo(city_id), kindNo(month, variable, rule)],
    );
    const words = searchedText(row);
    insertText.run(id, text, words);
    insertWords.run(id, words);
  }

  function update({ id, words: before }: Written, row: Anomaly, text: string): void {
    change.run(row.value, Math.abs(row.score), id);
    const words = searchedText(row);
    changeText.run(text, words, id);
    if (words === before) return;
    removeWords.run(id);
    insertWords.run(id, words);
  }

  function recount(bucket: string, rows: readonly Anomaly[]): void {
    for (const subtract of sums.slice(2)) subtract.run(bucket);
    forget.run(bucket);
    const groups = Map.groupBy(rows, ({ city_id, observed_at, variable, rule }) =>
      [city_id, monthOf(observed_at), variable, rule].join(' '),
    );
    for (const [key, { length }] of groups) {
      const [city = '', month = '', variable = '', rule = ''] = key.split(' ');
      count.run(bucket, city, month, variable, rule, length);
    }
    for (const add of sums.slice(0, 2)) add.run(bucket);
  }

  return {
    put(bucket, rows) {
      const written = isEmpty ? [] : (select.all(bucket) as unknown as Written[]);
      const left = new Map(written.map((one) => [one.key, one]));
      let changed = 0;
      for (const row of rows) {
        const key = identityOf(row);
        const text = JSON.stringify(row);
        const before = left.get(key);
        left.delete(key);
        if (before?.row === text) continue;
        changed += 1;
        if (before === undefined) add(bucket, row, text);
        else update(before, row, text);
      }
      for (const { id } of left.values()) {
        for (const removal of removals) removal.run(id);
        removeWords.run(id);
      }
      recount(bucket, rows);
      return { changed: changed + left.size, grown: rows.length - written.length };
    },
  };
}

/** Adds the counts of a bucket to their sums, or takes them away. */
function sumSql(name: string, field: string, sign: '+' | '-'): string {
  return `INSERT INTO ${name}_counts
    SELECT ${field}, variable, rule, ${sign}sum(n) FROM counts WHERE bucket = ? GROUP BY 1, 2, 3
    ON CONFLICT DO UPDATE SET n = n + excluded.n`;
}

/** Names whose numbers are remembered. */
const NUMBERS_MAX = 10_000;

/** The number of a name, given to it when it is new. */
function openNumbers(db: DatabaseSync, table: string, fields: readonly string[]) {
  const known = new Map<string, number>();
  const [first = ''] = fields;
  const give = db.prepare(
    `INSERT INTO ${table} (${fields.join(', ')}) VALUES (${fields.map(() => '?').join(', ')})
     ON CONFLICT DO UPDATE SET ${first} = excluded.${first} RETURNING no`,
  );
  return (...names: readonly string[]): number => {
    const key = names.join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    const no = Number(give.get(...names)?.no);
    if (known.size >= NUMBERS_MAX) known.clear();
    known.set(key, no);
    return no;
  };
}
