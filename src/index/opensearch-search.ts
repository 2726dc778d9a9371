/** Questions in OpenSearch's own language, and its answers. */
import Type, { type Static } from 'typebox';
import type { Facets } from '../model/anomaly-facets.ts';
import {
  type AnomalyQuestion,
  CHOSEN_FIELDS,
  FACET_VALUES_MAX,
  type FacetField,
} from '../model/anomaly-search.ts';
import { microsOf, NUMBER_FIELDS } from './row-order.ts';
import { openFacetCounts } from './scan.ts';
import { parseWanted } from './words.ts';

/** Which of the documents are rows of one version: see opensearch.ts. */
export interface Visible {
  readonly generation: number;
  readonly abandoned: readonly number[];
}

/** A number above all generations: the row counts until something replaces it. */
export const FOREVER = Number.MAX_SAFE_INTEGER;

export const SearchAnswer = Type.Object({
  timed_out: Type.Literal(false),
  _shards: Type.Object({ failed: Type.Literal(0) }),
  hits: Type.Object({
    hits: Type.Array(
      Type.Object({
        _id: Type.String(),
        _source: Type.Object({ row: Type.String() }),
        sort: Type.Array(Type.Union([Type.String(), Type.Number()])),
      }),
    ),
  }),
});
export type SearchAnswer = Static<typeof SearchAnswer>;

const Values = Type.Object({
  /** Rows of values that are not in the list. */
  sum_other_doc_count: Type.Integer(),
  buckets: Type.Array(Type.Object({ key: Type.String(), doc_count: Type.Integer() })),
});
export const CountAnswer = Type.Object({
  ...{ timed_out: Type.Literal(false), _shards: Type.Object({ failed: Type.Literal(0) }) },
  hits: Type.Object({ total: Type.Object({ value: Type.Integer() }) }),
  aggregations: Type.Object({
    city_id: Values,
    /** Either these together, or each for itself. */
    kind: Type.Optional(Values),
    month: Type.Optional(Values),
    variable: Type.Optional(Values),
    rule: Type.Optional(Values),
  }),
});
export type CountAnswer = Static<typeof CountAnswer>;

/** Month, variable and rule as one value: counted once rather than three times. */
export function kindOf(row: Readonly<Record<(typeof KIND_FIELDS)[number], string>>): string {
  return JSON.stringify(KIND_FIELDS.map((field) => row[field]));
}

const KIND_FIELDS = ['month', 'variable', 'rule'] as const satisfies FacetField[];
/** Values that are asked for: with more of them, each field is counted for itself. */
const KINDS_MAX = 10_000;

export function visibleFilter({ generation, abandoned }: Visible): object[] {
  return [
    { range: { since: { lte: generation } } },
    {
      bool: {
        should: [{ range: { until: { gt: generation } } }, { terms: { until: abandoned } }],
        minimum_should_match: 1,
        must_not: [{ terms: { since: abandoned } }],
      },
    },
  ];
}

/** `after` are the sort values of the last hit of the part before. */
export function searchBody(
  question: AnomalyQuestion,
  visible: Visible,
  size: number,
  after: readonly (string | number)[] | null,
): object {
  const from = after ?? keyOf(question);
  return {
    size,
    query: { bool: { filter: [...visibleFilter(visible), ...conditions(question)] } },
    sort: sortOf(question),
    ...(from === null ? {} : { search_after: from }),
    _source: ['row'],
    // Rows that cannot be on the page need not be looked at: facets are counted apart.
    track_total_hits: false,
  };
}

/** All rows that match are counted, whichever page is asked for. */
export function countBody(
  question: AnomalyQuestion,
  visible: Visible,
  fields: readonly string[],
): object {
  return {
    size: 0,
    query: { bool: { filter: [...visibleFilter(visible), ...conditions(question)] } },
    track_total_hits: true,
    aggs: Object.fromEntries(
      fields.map((field) => {
        const size = field === 'kind' ? KINDS_MAX : FACET_VALUES_MAX;
        const order = field === 'month' ? { _key: 'desc' } : [{ _count: 'desc' }, { _key: 'asc' }];
        return [field, { terms: { field, size, order } }];
      }),
    ),
  };
}

function sortOf({ sort, order }: AnomalyQuestion): object[] {
  const number = NUMBER_FIELDS[sort];
  const identity = [{ city_id: 'asc' }, { variable: 'asc' }, { rule: 'asc' }];
  if (number === null) return [{ at_us: order }, ...identity];
  return [{ [number]: order }, { at_us: 'desc' }, ...identity];
}

function keyOf({ after, sort }: AnomalyQuestion): (string | number)[] | null {
  if (after === null) return null;
  const { observed_at, city_id, variable, rule, number = 0 } = after;
  const identity = [microsOf(observed_at), city_id, variable, rule];
  return sort === 'time' ? identity : [number, ...identity];
}

function conditions(question: AnomalyQuestion): object[] {
  const { chosen, scoreMin, scoreMax, from, to } = question;
  const { whole, begun } = parseWanted(question.text);
  return [
    ...CHOSEN_FIELDS.filter((name) => chosen[name].length > 0).map((name) => ({
      terms: { [name]: chosen[name] },
    })),
    ...(scoreMin === null ? [] : [{ range: { amount: { gte: scoreMin } } }]),
    ...(scoreMax === null ? [] : [{ range: { amount: { lte: scoreMax } } }]),
    ...(from === null ? [] : [{ range: { at_us: { gte: microsOf(from) } } }]),
    ...(to === null ? [] : [{ range: { at_us: { lt: microsOf(to) } } }]),
    // Words as they are stored: nothing of them is read as a language of queries.
    ...whole.map((word) => ({ term: { words: word } })),
    ...(begun === null ? [] : [{ prefix: { words: begun } }]),
  ];
}

/** Null when there are more kinds than were asked for. */
export function facetsOf({ hits, aggregations }: CountAnswer): Facets | null {
  const { city_id, kind, month, variable, rule } = aggregations;
  const of = (values: Static<typeof Values> | undefined) =>
    values?.buckets.map(({ key, doc_count }) => ({ value: key, count: doc_count })) ?? [];
  const counted = { total: hits.total.value, city_id: of(city_id) };
  if (kind === undefined) {
    return { ...counted, variable: of(variable), rule: of(rule), month: of(month) };
  }
  if (kind.sum_other_doc_count > 0) return null;
  const kinds = openFacetCounts();
  for (const { value, count } of of(kind)) {
    const [own = '', name = '', by = ''] = JSON.parse(value) as string[];
    kinds.add({ city_id: '', month: own, variable: name, rule: by }, count, KIND_FIELDS);
  }
  return { ...kinds.facets(), ...counted };
}
