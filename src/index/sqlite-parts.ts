/**
 * Parts: what rows have in common. A row has the part of its city, that of its kind (month, variable,
 * rule and the sentence of its reason without numbers), and one for each number of the reason. It has
 * the words of its parts. A million rows have some thousand parts, so that words, and whatever else
 * parts say, are looked for in those alone.
 *
 * A part never changes, and keeps its number as long as its file.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Anomaly } from '../model/datasets.ts';
import { monthOf } from './row-order.ts';
import { type WantedWords, wordsByOrigin } from './words.ts';

/** What a part says about its rows; empty where it says nothing. */
export interface Part {
  readonly city_id: string;
  readonly month: string;
  readonly variable: string;
  readonly rule: string;
}

export const PARTS = `
  CREATE TABLE parts (
    no INTEGER PRIMARY KEY, city_id TEXT NOT NULL, month TEXT NOT NULL, variable TEXT NOT NULL,
    rule TEXT NOT NULL, words TEXT NOT NULL,
    UNIQUE (words, city_id, month, variable, rule)
  ) STRICT;
  CREATE VIRTUAL TABLE searched USING fts5 (
    words, content = '', detail = none, tokenize = "ascii tokenchars '.'"
  );`;

/** Parts whose numbers are remembered. */
const REMEMBERED_MAX = 50_000;
const NOTHING: Part = { city_id: '', month: '', variable: '', rule: '' };

/** The numbers of a row's parts, given to them when they are new. */
export function openPartNumbers(db: DatabaseSync) {
  const known = new Map<string, number>();
  const find = db.prepare(
    `SELECT no FROM parts
     WHERE words = ? AND city_id = ? AND month = ? AND variable = ? AND rule = ?`,
  );
  const insert = db.prepare(
    'INSERT INTO parts (words, city_id, month, variable, rule) VALUES (?, ?, ?, ?, ?)',
  );
  const insertWords = db.prepare('INSERT INTO searched (rowid, words) VALUES (?, ?)');

  function numberOf(words: readonly string[], part: Partial<Part>): number {
    const { city_id, month, variable, rule } = { ...NOTHING, ...part };
    const names = [words.join(' '), city_id, month, variable, rule];
    const key = JSON.stringify(names);
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= REMEMBERED_MAX) known.clear();
    const no = Number(find.get(...names)?.no ?? give(names));
    known.set(key, no);
    return no;
  }

  function give(names: readonly string[]): number | bigint {
    const { lastInsertRowid: no } = insert.run(...names);
    insertWords.run(no, names[0] ?? '');
    return no;
  }

  return (row: Anomaly) => {
    const { city_id, variable, rule } = row;
    const { city, sentence, numbers } = wordsByOrigin(row);
    return {
      city: numberOf(city, { city_id }),
      kind: numberOf(sentence, { month: monthOf(row.observed_at), variable, rule }),
      numbers: numbers.map((word) => numberOf([word], {})),
    };
  };
}

/** All parts of the file, by number: those that were read before, and new ones. */
export function openParts(db: DatabaseSync): () => readonly (Part | undefined)[] {
  const parts: (Part | undefined)[] = [undefined];
  const select = db.prepare(
    'SELECT no, city_id, month, variable, rule FROM parts WHERE no > ? ORDER BY no',
  );
  return () => {
    for (const row of select.iterate(parts.length - 1)) {
      const { no, city_id, month, variable, rule } = row as unknown as Part & { no: number };
      parts[no] = { city_id, month, variable, rule };
    }
    return parts;
  };
}

/** Which of the wanted words each part has, a bit for each word; `all` has a bit for every one. */
export interface Marks {
  readonly all: number;
  readonly of: Int32Array;
  /** The bits of words that some numbers have. */
  readonly ofNumbers: number;
}

/** Null when no part has one of the words, so that no row has. */
export function markParts(
  db: DatabaseSync,
  { whole, begun }: WantedWords,
  parts: readonly (Part | undefined)[],
): Marks | null {
  // Words hold letters, digits and points alone, so nothing in quotes can mean anything else.
  const queries = begun === null ? [] : [...whole.map((word) => `"${word}"`), `"${begun}"*`];
  const of = new Int32Array(parts.length);
  let ofNumbers = 0;
  const select = db.prepare('SELECT rowid FROM searched WHERE searched MATCH ?');
  for (const [at, query] of queries.entries()) {
    let found = 0;
    for (const { rowid } of select.iterate(query)) {
      const no = Number(rowid);
      of[no] = (of[no] ?? 0) | (1 << at);
      if (isNumberPart(parts[no])) ofNumbers |= 1 << at;
      found += 1;
    }
    if (found === 0) return null;
  }
  return { all: (2 ** queries.length - 1) | 0, of, ofNumbers };
}

/** A city may have no id, and a number may be its name: then it is both. */
const isNumberPart = (part: Part | undefined) => part?.city_id === '' && part.month === '';
