/**
 * What may be asked of the anomalies. Schemas are elsewhere: the index's thread has no use for them,
 * and needs half the memory without.
 */

/** `score` sorts by how far a value is out, whichever way. */
export const ANOMALY_SORTS = ['time', 'score', 'value'] as const;
export type AnomalySort = (typeof ANOMALY_SORTS)[number];
export const SORT_ORDERS = ['desc', 'asc'] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];

/** Fields by whose exact values rows are chosen. Another one is one more name here. */
export const CHOSEN_FIELDS = ['city_id', 'variable', 'rule'] as const;
export type ChosenField = (typeof CHOSEN_FIELDS)[number];
export const FACET_FIELDS = [...CHOSEN_FIELDS, 'month'] as const;
export type FacetField = (typeof FACET_FIELDS)[number];

/** Values of a facet at most: cities by their number of rows, months the newest ones. */
export const FACET_VALUES_MAX = 100;

/** The key of a row in the order that was asked for: what the next page goes on from. */
export interface AnomalyKey {
  /** The score's amount or the value; left out when times alone sort. */
  readonly number?: number;
  readonly observed_at: string;
  readonly city_id: string;
  readonly variable: string;
  readonly rule: string;
}

export interface AnomalyQuestion {
  /** Words that the name of the city or the reason must have; the last may be only begun. */
  readonly text: string;
  /** Rows with one of the values of each field; an empty list allows all. */
  readonly chosen: Readonly<Record<ChosenField, readonly string[]>>;
  /** Limits of the score's amount, inclusive; null for none. */
  readonly scoreMin: number | null;
  readonly scoreMax: number | null;
  /** ISO 8601 in UTC: `from` inclusive, `to` exclusive; null for no limit. */
  readonly from: string | null;
  readonly to: string | null;
  readonly sort: AnomalySort;
  readonly order: SortOrder;
  /** Rows after this one; null from the first. */
  readonly after: AnomalyKey | null;
  readonly limit: number;
  /** Whether the rows that match are counted by field. */
  readonly facets: boolean;
}
