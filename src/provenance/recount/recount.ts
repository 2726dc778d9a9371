/**
 * Recounting: a dataset computed from the raw export by its definition in the documents, in plain
 * TypeScript that shares nothing with the SQL of the publisher. Rows come in the order of time; what is
 * held is bounded for each city.
 */
import type { Row } from '../../sql/engine.ts';
import type { RawRow } from './raw-row.ts';

export interface Recount {
  /** Columns that name a row of the dataset. */
  readonly key: readonly string[];
  /** Columns that are texts for people, and circles where 0 follows 360. */
  readonly ignored?: readonly string[];
  readonly circular?: readonly string[];
  add(row: RawRow): void;
  /** The rows of the dataset, once all observations were added. */
  rows(): Iterable<Row>;
  /** Whether rounding decides if this row is there: then it may be missing on either side. */
  isUndecided?(row: Row): boolean;
  /** What of the row cannot be recounted, a sentence; null when all of it can. */
  problemOf?(row: Row): string | null;
}
