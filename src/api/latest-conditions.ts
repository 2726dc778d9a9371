/** The latest conditions: what one version of the table has of every city, kept up with the commits. */

import { compareTimes } from '../model/iso-time.ts';
import { traceIdOf } from '../model/trace.ts';
import { type Versioned, versionKey } from '../model/versions.ts';
import type { DataFile, Snapshot, Table } from '../table/table.ts';
import { loadQuery, type Reader } from './reader.ts';
import type { LatestObservation } from './schemas.ts';

/** A city's newest observation, as the table or the log has it. */
export type Newest = Omit<LatestObservation, 'age_s' | 'landed'> & {
  readonly city_id: string;
  readonly city: string;
  readonly country: string | null;
};

/** Never changes once it is made. */
export interface Conditions {
  readonly snapshot: Snapshot;
  readonly newest: ReadonlyMap<string, Newest>;
  /** city_id → time of its oldest observation. */
  readonly oldest: ReadonlyMap<string, string>;
  /** city_id → sources of its observations, in order. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  /** Times of the oldest and the newest observation; null without any. */
  readonly observedFrom: string | null;
  readonly observedTo: string | null;
}

const LATEST_SQL = loadQuery('latest');

/**
 * The conditions of a snapshot. With the one before it only the files that came since are read: rows
 * are added or replaced under their identity, so what is newest only moves on. After an import was
 * undone all is read anew.
 */
export async function readConditions(
  reader: Reader,
  table: Pick<Table, 'changes'>,
  snapshot: Snapshot,
  before: Conditions | null,
): Promise<Conditions> {
  const files = await changedFiles(table, snapshot, before);
  const newest = new Map(files === null ? [] : before?.newest);
  const oldest = new Map(files === null ? [] : before?.oldest);
  const sources = new Map(files === null ? [] : before?.sources);
  const changed = files ?? snapshot.files;
  if (changed.length > 0) {
    type LatestRow = Omit<Newest, 'version' | 'trace_id'> &
      Versioned & { readonly sources: readonly string[]; readonly first_observed_at: string };
    for (const row of await reader.query<LatestRow>(changed, LATEST_SQL, {})) {
      const {
        sources: found,
        first_observed_at: first,
        import_id: _,
        import_row: __,
        rejected_fields: ___,
        ...columns
      } = row;
      const latest = { ...columns, version: versionKey(row), trace_id: traceIdOf(row) };
      const known = newest.get(row.city_id);
      if (known === undefined || compareTimes(row.observed_at, known.observed_at) >= 0) {
        newest.set(row.city_id, latest);
      }
      const earliest = oldest.get(row.city_id);
      if (earliest === undefined || compareTimes(first, earliest) < 0) {
        oldest.set(row.city_id, first);
      }
      const had = sources.get(row.city_id) ?? [];
      if (found.some((source) => !had.includes(source))) {
        sources.set(row.city_id, [...new Set([...had, ...found])].sort());
      }
    }
  }
  const [observedFrom, observedTo] = timeSpan(snapshot.files);
  return { snapshot, newest, oldest, sources, observedFrom, observedTo };
}

/** The live files that hold everything that is new; null when all have to be read. */
async function changedFiles(
  table: Pick<Table, 'changes'>,
  snapshot: Snapshot,
  before: Conditions | null,
): Promise<readonly DataFile[] | null> {
  if (before === null || before.snapshot.version > snapshot.version) return null;
  const changes = await table.changes(before.snapshot.version, snapshot);
  if (changes === null || changes.rowsRemoved) return null;
  if (changes.onlyAdded) return changes.added;
  // What has landed may lie in another file by now: rewritten, or compacted.
  const months = new Set(changes.months);
  return snapshot.files.filter((file) => months.has(file.month ?? ''));
}

function timeSpan(files: readonly DataFile[]): [string | null, string | null] {
  let from: string | null = null;
  let to: string | null = null;
  for (const { observedAtMin, observedAtMax } of files) {
    if (observedAtMin !== null && (from === null || compareTimes(observedAtMin, from) < 0)) {
      from = observedAtMin;
    }
    if (observedAtMax !== null && (to === null || compareTimes(observedAtMax, to) > 0)) {
      to = observedAtMax;
    }
  }
  return [shorten(from), shorten(to)];
}

/** As the engine writes it: without milliseconds when there are none. */
function shorten(time: string | null): string | null {
  return time?.replace(/\.0+Z$/, 'Z') ?? null;
}
