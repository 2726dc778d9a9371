/** What an explanation is made from; the composing room brings it together. Nothing is written. */
import type { Aggregates, Publication } from '../analytics/publication.ts';
import type { Log } from '../log/log.ts';
import type { Dataset } from '../model/datasets.ts';
import type { ImportEntry } from '../model/imports.ts';
import type { Explanation } from '../model/provenance.ts';
import type { Columns, Row, SqlSession } from '../sql/engine.ts';
import type { Action } from '../table/delta.ts';
import type { DayManifest, ExportCursor } from '../table/export-documents.ts';
import type { Version } from '../table/history.ts';
import type { TableState } from '../table/snapshot.ts';
import type { DataFile, Table } from '../table/table.ts';

export interface Sources {
  /** Of this explanation alone: its views would be those of others. */
  readonly session: SqlSession;
  /** Of `observations`. */
  readonly columns: Columns;
  readonly observations: Pick<Table, 'changes' | 'localPaths'> & {
    refresh(signal?: AbortSignal): Promise<TableState>;
    readCommit(version: number): Promise<readonly Action[] | null>;
  };
  /** Of `rejected`. */
  readonly rejectedColumns: Columns;
  readonly rejected: {
    refresh(signal?: AbortSignal): Promise<Pick<TableState, 'files'>>;
    localPaths(files: readonly DataFile[]): Promise<string[]>;
  };
  /** Null before the first. */
  publication(): Promise<Publication | null>;
  /** What the publication was merged from; null when this program cannot read it. */
  aggregates(publication: Publication): Aggregates | null;
  /** Rejects with TABLE_CORRUPT when the file does not hold what was published. */
  rows(publication: Publication, dataset: Dataset): Promise<readonly Row[]>;
  /** Rejects with TABLE_GAP when that version is not kept any more. */
  stateAt(version: number): Promise<TableState>;
  /** The versions of an observation, the one that counts first. */
  versions(cityId: string, observedAt: string): Promise<readonly Version[]>;
  imports(): Promise<readonly ImportEntry[]>;
  /** Ids of the cities that are known otherwise than by their observations. */
  cityIds(): Promise<readonly string[]>;
  /** Null where no log was made, or where it cannot be reached. */
  log(): Promise<Pick<Log, 'id' | 'partitionCount' | 'read' | 'range' | 'timeOf'> | null>;
  /** The offset that lands next. */
  nextOffset(state: TableState, logId: string, partition: number): bigint;
  /** What the record of the log says; null for one that makes no observation. */
  parseRecord(value: Uint8Array): WaitingRecord | null;
  cursor(): Promise<ExportCursor>;
  manifest(day: string): Promise<DayManifest>;
}

export type WaitingRecord = Pick<
  Explanation['waiting'][number],
  'collected_at' | 'source' | 'trace_id' | 'values'
> & { readonly city_id: string; readonly observed_at: string };
