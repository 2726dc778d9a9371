/**
 * The index: the anomalies of one publication, kept so that questions about them are quick.
 *
 * It is made from publications alone and can be made again from the newest one at any time. A
 * reader sees the rows of one version as a whole: those of the version that was committed last,
 * whatever has been written since.
 */
import { IsobarError } from '../errors.ts';
import type { Facets } from '../model/anomaly-facets.ts';
import type { AnomalyKey, AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';

export interface AnomalyIndex extends AsyncDisposable {
  readonly engine: 'sqlite' | 'opensearch';

  /**
   * What is committed; null when there is nothing that this program can read: replace it. Rejects
   * with INDEX_UNAVAILABLE when the engine cannot be reached, INDEX_REFUSED when it does not let us
   * in.
   */
  state(signal?: AbortSignal): Promise<IndexState | null>;

  /**
   * Begins to write the next version, on top of the committed one (`base`) or, to replace it, on
   * nothing. One change is under way at a time: another writer's makes this one reject with
   * INDEX_BUSY, now or when it commits; then nothing of it is ever seen. Rejects as `state` does.
   */
  begin(kind: 'update' | 'replace', signal?: AbortSignal): Promise<IndexChange>;

  /**
   * Answers from the version that is committed. Rejects as `state` does, and with
   * INDEX_UNAVAILABLE while nothing is committed.
   */
  search(question: AnomalyQuestion, signal?: AbortSignal): Promise<Found>;
}

/** Disposing of one that was not committed leaves the index as it was. */
export interface IndexChange extends AsyncDisposable {
  /** What is committed underneath; null for nothing. */
  readonly base: IndexState | null;

  /**
   * From now on `rows` are all rows of this bucket. Writes only those that differ from what is
   * there; resolves with their number.
   */
  put(bucket: string, rows: readonly Anomaly[], signal?: AbortSignal): Promise<number>;

  /** Makes the change visible as a whole; survives the end of the process. */
  commit(state: CommittedState): Promise<void>;
}

export interface CommittedState {
  /** Of the publication. */
  readonly version: number;
  /** Of the publication's file: publications of the same rows have the same. */
  readonly sha256: string;
  /** Bucket → what its rows are told from others by; buckets without rows are left out. */
  readonly digests: Readonly<Record<string, string>>;
}

export interface IndexState extends CommittedState {
  readonly rows: number;
  /** ISO 8601. */
  readonly committedAt: string;
}

export interface Found {
  /** The version that answered. */
  readonly version: number;
  readonly rows: readonly Anomaly[];
  /** The key of the last row; null when no row follows. */
  readonly next: AnomalyKey | null;
  /** Null unless they were asked for. */
  readonly facets: Facets | null;
}

export function nothingIndexed(place: string): IsobarError {
  return new IsobarError('INDEX_UNAVAILABLE', `${place}: nothing is indexed yet`);
}

export function nothingToUpdate(place: string): IsobarError {
  return new IsobarError('INDEX_UNAVAILABLE', `${place}: no index to update`);
}

export function replacedMeanwhile(place: string): IsobarError {
  return new IsobarError('INDEX_BUSY', `${place}: another process replaced the index`);
}
