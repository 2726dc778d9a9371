/**
 * What a table's log folder holds: commits, and checkpoints of each of the protocol's forms.
 *
 *     <20 digits>.json                                          a commit
 *     <20 digits>.checkpoint.parquet                            one file
 *     <20 digits>.checkpoint.<10 digits>.<10 digits>.parquet    part of several
 *     <20 digits>.checkpoint.<uuid>.{json,parquet}              version 2, with sidecar files
 */
import type { Storage } from '../lake/storage.ts';

export interface ListedCheckpoint {
  readonly version: number;
  /** Of one form; all parts of it, in order. */
  readonly paths: readonly string[];
  readonly form: 'single' | 'parts' | 'v2';
}

export interface ListedLog {
  /** Numbers of the commits, ascending. */
  readonly commits: readonly number[];
  /** Complete ones, newest first; of one version a single file comes first, version 2 last. */
  readonly checkpoints: readonly ListedCheckpoint[];
}

const COMMIT = /\/(\d{20})\.json$/;
const SINGLE = /\/(\d{20})\.checkpoint\.parquet$/;
const PART = /\/(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/;
const V2 = /\/(\d{20})\.checkpoint\.[0-9a-f-]{36}\.(?:json|parquet)$/;
const FORMS = ['single', 'parts', 'v2'] as const;

export async function listLog(storage: Storage, folder: string): Promise<ListedLog> {
  const commits: number[] = [];
  const checkpoints: ListedCheckpoint[] = [];
  const parts = new Map<string, string[]>();
  for await (const { path } of storage.list(`${folder}/_delta_log`)) {
    const commit = numberOf(COMMIT.exec(path));
    if (commit !== null) commits.push(commit);
    const single = numberOf(SINGLE.exec(path));
    if (single !== null) checkpoints.push({ version: single, paths: [path], form: 'single' });
    const v2 = numberOf(V2.exec(path));
    if (v2 !== null) checkpoints.push({ version: v2, paths: [path], form: 'v2' });
    const part = PART.exec(path);
    if (part !== null) {
      const key = `${part[1]}.${part[3]}`;
      parts.set(key, [...(parts.get(key) ?? []), path]);
    }
  }
  for (const [key, paths] of parts) {
    const [version = '', count = ''] = key.split('.');
    const isWhole = paths.length === Number(count) && Number.isSafeInteger(Number(version));
    if (isWhole) checkpoints.push({ version: Number(version), paths, form: 'parts' });
  }
  checkpoints.sort(
    (a, b) => b.version - a.version || FORMS.indexOf(a.form) - FORMS.indexOf(b.form),
  );
  return { commits, checkpoints };
}

function numberOf(match: RegExpExecArray | null): number | null {
  if (match === null) return null;
  const number = Number(match[1]);
  return Number.isSafeInteger(number) ? number : null;
}
