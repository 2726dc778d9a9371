/**
 * Vacuum: removes files that no version of the last `keepDays` uses, and commits and checkpoints
 * below the newest checkpoint that are as old. A file that no commit names is kept for 24 hours:
 * a landing that is under way may still commit it.
 */
import { reachFaultPoint } from '../fault.ts';
import type { Storage } from '../lake/storage.ts';
import { readPointerIfSound } from './checkpoint.ts';
import type { DeltaTable } from './delta-table.ts';

export interface Vacuumed {
  readonly dataFiles: number;
  readonly commits: number;
  readonly bytes: number;
}

export interface VacuumOptions {
  readonly table: DeltaTable;
  readonly storage: Storage;
  readonly keepDays: number;
  readonly clock?: () => Date;
}

const DAY_MS = 86_400_000;
const UNREFERENCED_MS = DAY_MS;
const LOG_FILE = /\/(\d{20})\.(json|checkpoint\.parquet)$/;

export async function vacuum(options: VacuumOptions, signal?: AbortSignal): Promise<Vacuumed> {
  const data = await vacuumData(options, signal);
  const log = await vacuumLog(options, signal);
  return { dataFiles: data.files, commits: log.files, bytes: data.bytes + log.bytes };
}

async function vacuumData(options: VacuumOptions, signal?: AbortSignal) {
  const { table, storage, keepDays, clock = () => new Date() } = options;
  const now = clock().getTime();
  const doomed: { path: string; bytes: number }[] = [];
  // What is listed first is older than the state read afterwards: a file committed in between is
  // live in that state and stays.
  const listed: { path: string; bytes: number; modifiedAt: Date }[] = [];
  for await (const file of storage.list(table.folder, signal ? { signal } : {})) {
    if (!file.path.startsWith(`${table.folder}/_delta_log/`)) listed.push(file);
  }
  const state = await table.refresh(signal);
  if (state.version < 0) return { files: 0, bytes: 0 };
  for (const file of listed) {
    const path = file.path.slice(table.folder.length + 1);
    if (state.adds.has(path)) continue;
    const removed = state.removes.get(path);
    if (removed !== undefined && removed.deletionTimestamp > now - keepDays * DAY_MS) continue;
    if (file.modifiedAt.getTime() > now - UNREFERENCED_MS) continue;
    doomed.push(file);
  }
  reachFaultPoint('vacuum.before-delete');
  return { files: doomed.length, bytes: await removeAll(storage, doomed, signal) };
}

/** Oldest first, so that a crash in between leaves a chain without a hole. */
async function vacuumLog(options: VacuumOptions, signal?: AbortSignal) {
  const { table, storage, keepDays, clock = () => new Date() } = options;
  const pointer = await readPointerIfSound(storage, table.folder);
  if (pointer === null || !pointer.isobar) return { files: 0, bytes: 0 };
  const oldest = clock().getTime() - keepDays * DAY_MS;
  const doomed: { path: string; bytes: number }[] = [];
  for await (const file of storage.list(`${table.folder}/_delta_log`)) {
    const version = LOG_FILE.exec(file.path)?.[1];
    // The checkpoint's own commit stays: Spark wants it.
    if (version === undefined || Number(version) >= pointer.version) continue;
    // A younger one ends the walk: what is above it must stay for those who follow the commits.
    if (file.modifiedAt.getTime() > oldest) break;
    doomed.push(file);
  }
  return { files: doomed.length, bytes: await removeAll(storage, doomed, signal) };
}

async function removeAll(
  storage: Storage,
  files: readonly { readonly path: string; readonly bytes: number }[],
  signal?: AbortSignal,
): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    signal?.throwIfAborted();
    if (await storage.delete(file.path)) bytes += file.bytes;
    reachFaultPoint('vacuum.between-deletes');
  }
  return bytes;
}
