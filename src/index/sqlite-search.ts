/**
 * Questions to the SQLite index. What they ask of cities, kinds and words is looked up in the parts;
 * then every row is looked at, in columns: a million take some milliseconds, whatever is asked.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Facets } from '../model/anomaly-facets.ts';
import {
  type AnomalyQuestion,
  CHOSEN_FIELDS,
  type ChosenField,
  FACET_FIELDS,
} from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { Found } from './anomaly-index.ts';
import type { Columns } from './columns.ts';
import { microsOf, pageOf } from './row-order.ts';
import { openFacetCounts } from './scan.ts';
import { openColumns } from './sqlite-columns.ts';
import { type Marks, markParts, openParts, type Part } from './sqlite-parts.ts';
import { openTopRows, type TopRows } from './top-rows.ts';
import { parseWanted } from './words.ts';

type Parts = readonly (Part | undefined)[];

export type FileSearch = (version: number, question: AnomalyQuestion) => Found;

/** Answers from the transaction that is open on `db`; keeps so many bytes of columns in memory. */
export function openFileSearch(db: DatabaseSync, keptBytesMax?: number): FileSearch {
  const readParts = openParts(db);
  const readColumns = openColumns(db, keptBytesMax);
  const selectRow = db.prepare('SELECT row FROM rows WHERE id = ?');
  return (version, question) => {
    const parts = readParts();
    const marks = markParts(db, parseWanted(question.text), parts);
    const counts = question.facets ? new Uint32Array(parts.length) : null;
    const top = openTopRows(question, parts);
    if (marks !== null) {
      const wanted = { marks, allowed: allowedParts(question, parts), ...limitsOf(question) };
      for (const columns of readColumns()) lookThrough(columns, wanted, counts, top);
    }
    const rows = top.ids().map((id) => JSON.parse(String(selectRow.get(id)?.row)) as Anomaly);
    const facets = counts === null ? null : facetsOf(counts, parts);
    return { version, ...pageOf(rows, question), facets };
  };
}

interface Wanted extends ReturnType<typeof limitsOf> {
  readonly marks: Marks;
  /** 1 for each part whose rows have one of the values that were chosen. */
  readonly allowed: Uint8Array;
}

function limitsOf({ scoreMin, scoreMax, from, to }: AnomalyQuestion) {
  return {
    isScored: scoreMin !== null || scoreMax !== null,
    least: scoreMin ?? Number.NEGATIVE_INFINITY,
    most: scoreMax ?? Number.POSITIVE_INFINITY,
    isTimed: from !== null || to !== null,
    begin: from === null ? Number.NEGATIVE_INFINITY : microsOf(from),
    end: to === null ? Number.POSITIVE_INFINITY : microsOf(to),
  };
}

/**
 * Counts the rows that are wanted by part, and offers them for the page. Without counts only rows
 * that may still be among the first are looked at. One loop over local variables: calls for each
 * row, and fields of objects, take several times as long.
 */
function lookThrough(
  columns: Columns,
  { allowed, marks, isScored, least, most, isTimed, begin, end }: Wanted,
  counts: Uint32Array | null,
  top: TopRows,
): void {
  const { all, of, ofNumbers } = marks;
  const { count, times, amounts, cities, kinds, ends, numbers } = columns;
  const { sign } = top;
  const first = columns[top.column];
  let bound = top.bound();
  for (let at = 0; at < count; at += 1) {
    const isAmong = sign * (first[at] as number) <= bound;
    if (!isAmong && counts === null) continue;
    const city = cities[at] as number;
    const kind = kinds[at] as number;
    if (allowed[city] !== 1 || allowed[kind] !== 1) continue;
    let mark = (of[city] as number) | (of[kind] as number);
    if ((mark | ofNumbers) !== all) continue;
    if (isScored) {
      const amount = amounts[at] as number;
      if (amount < least || amount > most) continue;
    }
    if (isTimed) {
      const time = times[at] as number;
      if (time < begin || time >= end) continue;
    }
    if (mark !== all) {
      const last = ends[at] as number;
      for (let no = at === 0 ? 0 : (ends[at - 1] as number); no < last; no += 1) {
        mark |= of[numbers[no] as number] as number;
      }
      if (mark !== all) continue;
    }
    if (counts !== null) {
      counts[city] = (counts[city] as number) + 1;
      counts[kind] = (counts[kind] as number) + 1;
    }
    if (isAmong) {
      top.add(columns, at);
      bound = top.bound();
    }
  }
}

function allowedParts({ chosen }: AnomalyQuestion, parts: Parts): Uint8Array {
  const asked = CHOSEN_FIELDS.filter((field) => chosen[field].length > 0);
  const allowed = new Uint8Array(parts.length).fill(1);
  if (asked.length === 0) return allowed;
  for (const [no, part] of parts.entries()) {
    if (part === undefined) continue;
    const isWanted = (field: ChosenField) =>
      isKind(part) === (field === 'city_id') || chosen[field].includes(part[field]);
    allowed[no] = asked.every(isWanted) ? 1 : 0;
  }
  return allowed;
}

/** Cities have no month: what a kind says, they leave open, and the other way round. */
const isKind = ({ month }: Part) => month !== '';
const CITY_FIELDS = ['city_id'] as const;
const KIND_FIELDS = FACET_FIELDS.filter((field) => field !== 'city_id');

function facetsOf(counts: Uint32Array, parts: Parts): Facets {
  const sums = openFacetCounts();
  for (const [no, part] of parts.entries()) {
    const count = counts[no] ?? 0;
    if (part === undefined || count === 0) continue;
    sums.add(part, count, isKind(part) ? KIND_FIELDS : CITY_FIELDS);
  }
  return sums.facets();
}
