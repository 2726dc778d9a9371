/**
 * Compaction: small files of a month become files of about the wanted size that are disjoint in
 * time. It changes no row (`dataChange: false`), and gives up when a file that it read is no
 * longer live because another process changed the month first.
 */

import { reachFaultPoint } from '../fault.ts';
import { filesLiteral } from '../sql/text.ts';
import type { Action } from './delta.ts';
import { PARTITION_COLUMN } from './delta.ts';
import { type FileWriting, writeDataFile } from './landing-files.ts';
import { assertWritable } from './snapshot.ts';
import type { DataFile } from './table.ts';

export interface Compacted {
  readonly month: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly rows: number;
  /** Another process changed the month meanwhile; nothing was committed. */
  readonly overtaken: boolean;
}

export type CompactionOptions = Omit<FileWriting, 'log'> & { readonly simulated: boolean };

/** Files of one compaction at most: its work stays small, the rest follows in the next round. */
const FILES_MAX = 2_000;
const MANY_FILES = 30;
/** Vacuum removes files without a commit after a day; a compaction never takes that long. */
const COMPACTION_MS_MAX = 3_600_000;

/** Compacts every month (of these, when given) that has several files which fit together. */
export async function compact(
  options: CompactionOptions,
  signal?: AbortSignal,
  only: readonly string[] | null = null,
): Promise<readonly Compacted[]> {
  const state = await options.observations.refresh(signal);
  assertWritable(state, options.observations.folder, options.simulated);
  const months = new Map<string, DataFile[]>();
  for (const file of state.files) {
    const month = file.month ?? '';
    if (only !== null && !only.includes(month)) continue;
    months.set(month, [...(months.get(month) ?? []), file]);
  }
  const done: Compacted[] = [];
  for (const [month, files] of months) {
    signal?.throwIfAborted();
    for (const group of groups(files, options.fileBytesMax)) {
      done.push(await compactGroup(options, month, group));
    }
  }
  return done;
}

/**
 * Merges the small files of each month that has more than so many of them: landings leave them, and
 * every reader opens each. Larger ones are left alone, so that the work follows what landed.
 */
export async function compactSmall(
  options: CompactionOptions,
  filesMax: number,
  signal?: AbortSignal,
): Promise<readonly Compacted[]> {
  const state = await options.observations.refresh(signal);
  const done: Compacted[] = [];
  for (const [month, files] of Map.groupBy(state.files, (file) => file.month ?? '')) {
    const small = smallFiles(files, options.fileBytesMax);
    if (small.length <= filesMax) continue;
    assertWritable(state, options.observations.folder, options.simulated);
    signal?.throwIfAborted();
    done.push(await compactGroup(options, month, small));
  }
  return done;
}

/**
 * The smallest files, each at most four times as large as all smaller ones together. So a file is
 * written again only when it has grown by a quarter: a few times until it has the wanted size.
 */
export function smallFiles(files: readonly DataFile[], bytesMax: number): DataFile[] {
  const bySize = [...files].sort((a, b) => a.bytes - b.bytes);
  let bytes = 0;
  const end = bySize.findIndex((file, index) => {
    const isLarge = index > 0 && file.bytes > 4 * bytes;
    bytes += file.bytes;
    return isLarge || bytes > bytesMax || index >= FILES_MAX;
  });
  return end === -1 ? bySize : bySize.slice(0, end);
}

/**
 * Which files of a month become one: neighbours in time until the wanted size is reached. A file
 * that overlaps no other and is big enough stays as it is.
 */
function groups(files: readonly DataFile[], bytesMax: number): DataFile[][] {
  const byTime = [...files].sort((a, b) => {
    const [first, second] = [a.observedAtMin ?? '', b.observedAtMin ?? ''];
    if (first !== second) return first < second ? -1 : 1;
    return a.path < b.path ? -1 : 1;
  });
  const made: DataFile[][] = [];
  let group: DataFile[] = [];
  let bytes = 0;
  let end = '';
  for (const file of byTime) {
    const overlaps = group.length > 0 && (file.observedAtMin ?? '') <= end;
    const full = bytes + file.bytes > bytesMax || group.length >= FILES_MAX;
    if (group.length > 0 && full && (!overlaps || bytes >= bytesMax)) {
      made.push(group);
      group = [];
      bytes = 0;
      end = '';
    }
    group.push(file);
    bytes += file.bytes;
    if ((file.observedAtMax ?? '9') > end) end = file.observedAtMax ?? '9';
  }
  made.push(group);
  return made.filter(isWorthwhile);
}

/** A large file is rewritten only when what joins it is a quarter of it, or are many files. */
function isWorthwhile(group: readonly DataFile[]): boolean {
  if (group.length < 2) return false;
  if (group.length >= MANY_FILES) return true;
  const sizes = group.map((file) => file.bytes).sort((a, b) => b - a);
  const [largest = 0, ...others] = sizes;
  return others.reduce((sum, bytes) => sum + bytes, 0) * 4 >= largest;
}

async function compactGroup(
  options: CompactionOptions,
  month: string,
  group: readonly DataFile[],
): Promise<Compacted> {
  const { observations, clock = () => new Date() } = options;
  const startedAt = clock().getTime();
  const rows = group.reduce((sum, file) => sum + file.rows, 0);
  const paths = await observations.localPaths(group);
  const source = `read_parquet(${filesLiteral(paths)}, hive_partitioning = false, union_by_name = true)`;
  const adds: Action[] = [];
  for (const condition of await timePieces(options, group, source)) {
    const add = await writeDataFile(
      options,
      `SELECT * FROM ${source} WHERE ${condition} ORDER BY city_id, observed_at`,
      month,
    );
    if (add !== null) adds.push({ add: { ...add, dataChange: false } });
  }
  const removes: Action[] = group.map((file) => ({
    remove: {
      path: file.path,
      deletionTimestamp: clock().getTime(),
      dataChange: false,
      partitionValues: { [PARTITION_COLUMN]: file.month },
      size: file.bytes,
    },
  }));
  let overtaken = false;
  await observations.commit('OPTIMIZE', async (state) => {
    const late = clock().getTime() - startedAt > COMPACTION_MS_MAX;
    overtaken = late || group.some((file) => !state.adds.has(file.path));
    reachFaultPoint('compaction.before-commit');
    return overtaken ? null : [...removes, ...adds];
  });
  reachFaultPoint('compaction.after-commit');
  return { month, filesBefore: group.length, filesAfter: adds.length, rows, overtaken };
}

/** Conditions that cut the group's rows into files of the wanted size, disjoint in time. */
async function timePieces(
  options: CompactionOptions,
  group: readonly DataFile[],
  source: string,
): Promise<string[]> {
  const bytes = group.reduce((sum, file) => sum + file.bytes, 0);
  const count = Math.ceil(bytes / options.fileBytesMax);
  if (count <= 1) return ['true'];
  const shares = Array.from({ length: count - 1 }, (_, index) => (index + 1) / count);
  const [cuts] = await options.session.query<{ at: string[] }>(
    `SELECT quantile_disc(observed_at, [${shares.join(', ')}]) AS at FROM ${source}`,
  );
  const edges = [...new Set(cuts?.at ?? [])].map((at) => `TIMESTAMPTZ '${at}'`);
  return [null, ...edges].map((edge, index) => {
    const next = edges[index];
    const from = edge === null ? 'true' : `observed_at >= ${edge}`;
    return next === undefined ? from : `${from} AND observed_at < ${next}`;
  });
}
