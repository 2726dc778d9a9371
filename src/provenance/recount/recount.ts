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
  /** Missing where the dataset is made from days or months of the rows. */
  add?(row: RawRow): void;
  /** The rows of the dataset, once all observations were added. A value may be an `OneOf`. */
  rows(): Iterable<Row>;
  /** Whether rounding decides if this row is there: then it may be missing on either side. */
  isUndecided?(row: Row): boolean;
  /** What of the row cannot be recounted, a sentence; null when all of it can. */
  problemOf?(row: Row): string | null;
}

/**
 * One whose rows are finished in the order of time: `rows` gives those that are finished and lets them
 * go, so that not all of a long history are held.
 */
export interface GradualRecount extends Recount {
  /** Rows that `rows` would give now. */
  readonly waiting: number;
}

/**
 * City → its name by the published city_statistics, where it is compared: the newest name of the raw
 * export is known only at its end.
 */
export type CityNames = ReadonlyMap<unknown, unknown>;
