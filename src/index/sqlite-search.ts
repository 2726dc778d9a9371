/**
 * Questions as SQL. Rows are found in one of two ways: gathered by the condition that leaves the
 * fewest, and sorted; or, where every condition leaves many, walked in the order that was asked for
 * until there are enough.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Facets } from '../model/anomaly-facets.ts';
import {
  type AnomalyKey,
  type AnomalyQuestion,
  CHOSEN_FIELDS,
  FACET_FIELDS,
  type FacetField,
} from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { Found } from './anomaly-index.ts';
import { microsOf, NUMBER_FIELDS, pageOf } from './row-order.ts';
import { openFacetCounts } from './scan.ts';
import { tally } from './sqlite-tally.ts';
import { parseWanted, type WantedWords } from './words.ts';

/** Rows that are gathered and sorted rather than walked to. */
const GATHERED_MAX = 20_000;

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** Where rows come from: `rows` as `r`, with the conditions that its index answers. */
interface Source {
  readonly from: string;
  readonly conditions: readonly Condition[];
}

export function searchFile(db: DatabaseSync, version: number, question: AnomalyQuestion): Found {
  const wanted = parseWanted(question.text);
  const narrow = narrowestSource(db, question, wanted);
  const found = selectPage(db, question, wanted, narrow);
  const select = db.prepare('SELECT row FROM texts WHERE id = ?');
  const rows = found.map(({ id }) => JSON.parse(String(select.get(id ?? 0)?.row)) as Anomaly);
  return {
    version,
    ...pageOf(rows, question),
    facets: question.facets ? countFacets(db, question, wanted, narrow) : null,
  };
}

function selectPage(
  db: DatabaseSync,
  question: AnomalyQuestion,
  wanted: WantedWords,
  narrow: Source | null,
) {
  const { sort, order, after, limit } = question;
  const column = NUMBER_FIELDS[sort];
  const source = narrow ?? { from: `rows r INDEXED BY rows_${column ?? 'time'}`, conditions: [] };
  const conditions = [...source.conditions, ...chosen(question), ...limits(question)];
  if (!isByWords(source)) conditions.push(...wordConditions(wanted));
  if (after !== null) conditions.push(following(after, question));
  const direction = order === 'asc' ? 'ASC' : 'DESC';
  const first = column === null ? '' : `r.${column} ${direction}, `;
  const times = `r.at_us ${column === null ? direction : 'DESC'}`;
  const sql = `SELECT r.id ${fromWhere(source.from, conditions)}
    ORDER BY ${first}${times}, r.city_id, r.variable, r.rule LIMIT ${limit + 1}`;
  return db.prepare(sql).all(...valuesOf(conditions));
}

/** Rows that come after this key. */
function following(after: AnomalyKey, { sort, order }: AnomalyQuestion): Condition {
  const column = NUMBER_FIELDS[sort];
  const beyond = order === 'asc' ? '>' : '<';
  const at = microsOf(after.observed_at);
  const names = '(r.city_id, r.variable, r.rule) > (?, ?, ?)';
  const identity = [after.city_id, after.variable, after.rule];
  if (column === null) {
    const sql = `r.at_us ${beyond}= ? AND (r.at_us ${beyond} ? OR ${names})`;
    return { sql, values: [at, at, ...identity] };
  }
  const number = after.number ?? 0;
  return {
    sql: `r.${column} ${beyond}= ? AND (r.${column} ${beyond} ? OR r.at_us < ?
      OR (r.at_us = ? AND ${names}))`,
    values: [number, number, at, at, ...identity],
  };
}

function chosen({ chosen: lists }: AnomalyQuestion): Condition[] {
  return CHOSEN_FIELDS.filter((name) => lists[name].length > 0).map((name) => ({
    sql: `r.${name} IN (${lists[name].map(() => '?').join(', ')})`,
    values: lists[name],
  }));
}

function limits(question: AnomalyQuestion): Condition[] {
  return [...scores(question), ...times(question)];
}

function scores({ scoreMin, scoreMax }: AnomalyQuestion): Condition[] {
  return [
    ...(scoreMin === null ? [] : [{ sql: 'r.amount >= ?', values: [scoreMin] }]),
    ...(scoreMax === null ? [] : [{ sql: 'r.amount <= ?', values: [scoreMax] }]),
  ];
}

function times({ from, to }: AnomalyQuestion): Condition[] {
  return [
    ...(from === null ? [] : [{ sql: 'r.at_us >= ?', values: [microsOf(from)] }]),
    ...(to === null ? [] : [{ sql: 'r.at_us < ?', values: [microsOf(to)] }]),
  ];
}

/** Looked for in the words of each row that is walked to. */
function wordConditions({ whole, begun }: WantedWords): Condition[] {
  if (begun === null) return [];
  const parts = [...whole.map((word) => ` ${word} `), ` ${begun}`];
  const sql = parts.map(() => 'instr(words, ?) > 0').join(' AND ');
  return [{ sql: `(SELECT ${sql} FROM texts WHERE id = r.id)`, values: parts }];
}

const BY_WORDS = 'searched CROSS JOIN rows r ON r.id = searched.rowid';
const isByWords = ({ from }: Source) => from === BY_WORDS;

/** The source that leaves the fewest rows; null when each leaves too many to be gathered. */
function narrowestSource(
  db: DatabaseSync,
  question: AnomalyQuestion,
  wanted: WantedWords,
): Source | null {
  const { city_id: cities } = question.chosen;
  const ranged = times(question);
  const byCity = chosen(question).slice(0, cities.length > 0 ? 1 : 0);
  const candidates: Source[] = [
    {
      from: 'rows r INDEXED BY rows_city',
      conditions: byCity.length > 0 ? [...byCity, ...ranged] : [],
    },
    { from: 'rows r INDEXED BY rows_time', conditions: byCity.length > 0 ? [] : ranged },
    { from: 'rows r INDEXED BY rows_amount', conditions: scores(question) },
    { from: BY_WORDS, conditions: matching(wanted) },
  ];
  let least = GATHERED_MAX + 1;
  let narrowest: Source | null = null;
  for (const source of candidates) {
    if (source.conditions.length === 0) continue;
    const from = isByWords(source) ? 'searched' : source.from;
    const sql = `SELECT count(*) AS n FROM (SELECT 1 ${fromWhere(from, source.conditions)} LIMIT ${least})`;
    const count = Number(db.prepare(sql).get(...valuesOf(source.conditions))?.n);
    if (count >= least) continue;
    least = count;
    narrowest = source;
  }
  return narrowest;
}

/** Words hold letters, digits and points alone, so nothing in quotes can mean anything else. */
function matching({ whole, begun }: WantedWords): Condition[] {
  if (begun === null) return [];
  const query = [...whole.map((word) => `"${word}"`), `"${begun}"*`].join(' ');
  return [{ sql: 'searched MATCH ?', values: [query] }];
}

function countFacets(
  db: DatabaseSync,
  question: AnomalyQuestion,
  wanted: WantedWords,
  narrow: Source | null,
): Facets {
  const counts = openFacetCounts();
  const kept = keptCounts(question, wanted);
  for (const { sql, values, fields } of kept ?? []) {
    for (const row of db.prepare(sql).iterate(...values)) {
      counts.add(row as Readonly<Record<FacetField, string>>, Number(row.n), fields);
    }
  }
  if (kept !== null) return counts.facets();
  const [from, conditions] = matchingRows(question, wanted, narrow);
  for (const one of tally(db, fromWhere(from, conditions), valuesOf(conditions))) {
    counts.add(one.values, one.count, one.fields);
  }
  return counts.facets();
}

interface Counting extends Condition {
  readonly fields: readonly FacetField[];
}

const MONTH_START = /^(\d{4}-\d{2})-01T00:00:00Z$/;

/** Where kept counts say it all, how they are read; null where rows have to be counted. */
function keptCounts(question: AnomalyQuestion, wanted: WantedWords): Counting[] | null {
  const months = wholeMonths(question);
  if (months === null || wanted.begun !== null || scores(question).length > 0) return null;
  const conditions = [...chosen(question), ...months];
  if (question.chosen.city_id.length > 0 || months.length > 0) {
    return [countingOf(FACET_FIELDS, 'counts r', conditions)];
  }
  return [
    countingOf(['city_id'], 'city_counts r', conditions),
    countingOf(['month', 'variable', 'rule'], 'month_counts r', conditions),
  ];
}

function countingOf(
  fields: readonly FacetField[],
  from: string,
  conditions: readonly Condition[],
): Counting {
  const names = fields.map((field) => `r.${field}`).join(', ');
  const sql = `SELECT ${names}, sum(r.n) AS n ${fromWhere(from, conditions)}
    GROUP BY ${names} HAVING sum(r.n) > 0`;
  return { sql, values: valuesOf(conditions), fields };
}

function matchingRows(
  question: AnomalyQuestion,
  wanted: WantedWords,
  narrow: Source | null,
): [string, Condition[]] {
  const all: Source =
    wanted.begun === null
      ? { from: 'rows r', conditions: [] }
      : { from: BY_WORDS, conditions: matching(wanted) };
  const source = narrow ?? all;
  const conditions = [...source.conditions, ...chosen(question), ...limits(question)];
  if (!isByWords(source)) conditions.push(...wordConditions(wanted));
  return [source.from, conditions];
}

/** The range as months; null when it begins or ends within one. */
function wholeMonths({ from, to }: AnomalyQuestion): Condition[] | null {
  const conditions: Condition[] = [];
  for (const [time, sql] of [
    [from, 'r.month >= ?'],
    [to, 'r.month < ?'],
  ] as const) {
    if (time === null) continue;
    const month = MONTH_START.exec(time)?.[1];
    if (month === undefined) return null;
    conditions.push({ sql, values: [month] });
  }
  return conditions;
}

function fromWhere(from: string, conditions: readonly Condition[]): string {
  if (conditions.length === 0) return `FROM ${from}`;
  return `FROM ${from} WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`;
}

function valuesOf(conditions: readonly Condition[]): SQLInputValue[] {
  return conditions.flatMap(({ values }) => values);
}
