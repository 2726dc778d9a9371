/** Questions in OpenSearch's own language, and its answers. */
import Type, { type Static } from 'typebox';
import type { Facets } from '../model/anomaly-facets.ts';
import {
  type AnomalyQuestion,
  CHOSEN_FIELDS,
  FACET_FIELDS,
  FACET_VALUES_MAX,
} from '../model/anomaly-search.ts';
import { microsOf, NUMBER_FIELDS } from './row-order.ts';
import { parseWanted } from './words.ts';

/** Which of the documents are rows of one version: see opensearch.ts. */
export interface Visible {
  readonly generation: number;
  readonly abandoned: readonly number[];
}

/** A number above all generations: the row counts until something replaces it. */
export const FOREVER = Number.MAX_SAFE_INTEGER;

const Bucket = Type.Object({ key: Type.String(), doc_count: Type.Integer() });
export const SearchAnswer = Type.Object({
  timed_out: Type.Literal(false),
  _shards: Type.Object({ failed: Type.Literal(0) }),
  hits: Type.Object({
    total: Type.Optional(Type.Object({ value: Type.Integer() })),
    hits: Type.Array(
      Type.Object({
        _id: Type.String(),
        _source: Type.Object({ row: Type.String() }),
        sort: Type.Array(Type.Union([Type.String(), Type.Number()])),
      }),
    ),
  }),
  aggregations: Type.Optional(
    Type.Object({
      city_id: Type.Object({ buckets: Type.Array(Bucket) }),
      variable: Type.Object({ buckets: Type.Array(Bucket) }),
      rule: Type.Object({ buckets: Type.Array(Bucket) }),
      month: Type.Object({ buckets: Type.Array(Bucket) }),
    }),
  ),
});
export type SearchAnswer = Static<typeof SearchAnswer>;

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
    // All rows that match are counted, whichever page is asked for.
    ...(question.facets && after === null
      ? { track_total_hits: true, aggs: AGGREGATIONS }
      : { track_total_hits: false }),
  };
}

const AGGREGATIONS = Object.fromEntries(
  FACET_FIELDS.map((field) => [
    field,
    {
      terms: {
        field,
        size: FACET_VALUES_MAX,
        order: field === 'month' ? { _key: 'desc' } : [{ _count: 'desc' }, { _key: 'asc' }],
      },
    },
  ]),
);

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

/** Null when they were not asked for. */
export function facetsOf({ hits, aggregations }: SearchAnswer): Facets | null {
  if (aggregations === undefined) return null;
  const of = ({ buckets }: { readonly buckets: readonly Static<typeof Bucket>[] }) =>
    buckets.map(({ key, doc_count }) => ({ value: key, count: doc_count }));
  return {
    total: hits.total?.value ?? 0,
    city_id: of(aggregations.city_id),
    variable: of(aggregations.variable),
    rule: of(aggregations.rule),
    month: of(aggregations.month),
  };
}
