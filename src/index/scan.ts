/**
 * The plain answer: every row is looked at. What the engines answer is defined here, and it stands
 * in for them where rows are few and the index is away.
 */
import type { Facets } from '../model/anomaly-facets.ts';
import {
  type AnomalyQuestion,
  CHOSEN_FIELDS,
  FACET_FIELDS,
  FACET_VALUES_MAX,
  type FacetField,
} from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import { compareTimes } from '../model/iso-time.ts';
import type { Found } from './anomaly-index.ts';
import { compareRows, keyOfRow, monthOf, pageOf } from './row-order.ts';
import { parseWanted, searchedText, spacedWanted } from './words.ts';

export function scanRows(
  rows: readonly Anomaly[],
  version: number,
  question: AnomalyQuestion,
): Found {
  const { sort, order, after, facets } = question;
  const wanted = spacedWanted(parseWanted(question.text));
  const matching = rows.filter((row) => matches(row, question, wanted));
  const following = matching
    .map((row) => ({ row, key: keyOfRow(row, sort) }))
    .filter(({ key }) => after === null || compareRows(key, after, sort, order) > 0)
    .sort((a, b) => compareRows(a.key, b.key, sort, order));
  return {
    version,
    ...pageOf(
      following.map(({ row }) => row),
      question,
    ),
    facets: facets ? countFacets(matching) : null,
  };
}

function matches(row: Anomaly, question: AnomalyQuestion, wanted: readonly string[]): boolean {
  const { chosen, scoreMin, scoreMax, from, to } = question;
  const amount = Math.abs(row.score);
  const text = searchedText(row);
  return (
    CHOSEN_FIELDS.every((name) => chosen[name].length === 0 || chosen[name].includes(row[name])) &&
    (scoreMin === null || amount >= scoreMin) &&
    (scoreMax === null || amount <= scoreMax) &&
    (from === null || compareTimes(row.observed_at, from) >= 0) &&
    (to === null || compareTimes(row.observed_at, to) < 0) &&
    wanted.every((words) => text.includes(words))
  );
}

function countFacets(rows: readonly Anomaly[]): Facets {
  const counts = openFacetCounts();
  for (const row of rows) counts.add({ ...row, month: monthOf(row.observed_at) }, 1);
  return counts.facets();
}

/** Adds up numbers of rows by the values of each field. */
export function openFacetCounts() {
  const counts = new Map(FACET_FIELDS.map((field) => [field, new Map<string, number>()]));
  let total = 0;
  return {
    /** `fields` are those that these numbers are for; months are there once for every row. */
    add(
      values: Readonly<Record<FacetField, string>>,
      count: number,
      fields: readonly FacetField[] = FACET_FIELDS,
    ): void {
      if (fields.includes('month')) total += count;
      for (const field of fields) {
        const own = counts.get(field);
        own?.set(values[field], (own.get(values[field]) ?? 0) + count);
      }
    },
    facets(): Facets {
      const of = (field: FacetField) => sortFacet(field, [...(counts.get(field) ?? [])]);
      return {
        total,
        city_id: of('city_id'),
        variable: of('variable'),
        rule: of('rule'),
        month: of('month'),
      };
    },
  };
}

function sortFacet(field: FacetField, counted: readonly (readonly [string, number])[]) {
  const order = (a: string, b: string) => (a < b ? -1 : 1);
  return counted
    .toSorted((a, b) => (field === 'month' ? order(b[0], a[0]) : b[1] - a[1] || order(a[0], b[0])))
    .slice(0, FACET_VALUES_MAX)
    .map(([value, count]) => ({ value, count }));
}
