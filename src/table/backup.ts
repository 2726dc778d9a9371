/**
 * Backup: one version of the tables, copied to another storage, and brought back.
 *
 *     weather_data/backup.json          what belongs to it: path, length and sha256 of each file
 *     weather_data/table/<table>/…      data files, a checkpoint and its own commit: Delta tables
 *
 * The list of what belongs to it is written after all the rest, and what belongs to it no more is
 * removed after that: a backup into the place of an older one copies only what is new, and until
 * it is complete the older one can be brought back. `rejected` and `cities` are copied as they
 * are, being read after `observations`: rows beyond its offsets do not count.
 */
import { createHash } from 'node:crypto';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { IsobarError, isErrorCode } from '../errors.ts';
import { formatVersion, ROOT, TABLES, type TableName } from '../lake/layout.ts';
import { readJson } from '../lake/read-json.ts';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import { checkpointPath, writeCheckpoint } from './checkpoint.ts';
import type { DeltaTable } from './delta-table.ts';
import { type TableState, writeRefusal } from './snapshot.ts';
import { readStateAt } from './state-at.ts';

const FileSchema = Type.Object({
  /** Relative to the storage, the same in both. */
  path: Type.String({ pattern: `^${ROOT}/table/(${TABLES.join('|')})/` }),
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});

const KeptTable = Type.Object({
  version: Type.Integer({ minimum: 0 }),
  files: Type.Array(FileSchema),
  /** The text of `_last_checkpoint`. */
  pointer: Type.String(),
});

const BackupSchema = Type.Object({
  made_at: Type.String(),
  simulated: Type.Boolean(),
  tables: Type.Object({
    observations: Type.Optional(KeptTable),
    rejected: Type.Optional(KeptTable),
    cities: Type.Optional(KeptTable),
    imports: Type.Optional(KeptTable),
    incidents: Type.Optional(KeptTable),
    collecting: Type.Optional(KeptTable),
  }),
});

type BackupFile = Readonly<Static<typeof FileSchema>>;
export type Backup = Readonly<Static<typeof BackupSchema>>;

export interface BackupOptions {
  /** `observations` first. */
  readonly tables: readonly DeltaTable[];
  readonly from: Storage;
  readonly to: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly simulated: boolean;
  /** Of observations; the newest without it. */
  readonly version?: number | undefined;
  readonly onProgress?: (done: number, files: number) => void;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: () => Date;
}

export interface Copied {
  readonly files: number;
  readonly bytes: number;
  /** Files that were there already. */
  readonly present: number;
}

/** A million files. */
const LIST_BYTES_MAX = 512 * 1024 * 1024;
const LIST_PATH = `${ROOT}/backup.json`;
/** Each holds a whole file in memory. */
const AT_ONCE = 3;

/** What the list of a backup says; rejects with LAKE_MISSING when there is none. */
export async function readBackup(storage: Storage): Promise<Backup> {
  const value = await readJson(storage, LIST_PATH, LIST_BYTES_MAX);
  if (value === undefined) {
    throw new IsobarError('LAKE_MISSING', `${storage.location}: ${LIST_PATH} is missing`);
  }
  if (Value.Check(BackupSchema, value)) return value;
  const [problem] = Value.Errors(BackupSchema, value);
  const place = `${LIST_PATH}${problem?.instancePath ?? ''}`;
  throw new IsobarError('TABLE_CORRUPT', `${place}: ${problem?.message ?? 'unknown form'}`);
}

/** Rejects as both storages do; with TABLE_GAP when the version is not kept any more. */
export async function makeBackup(options: BackupOptions): Promise<Copied & { backup: Backup }> {
  const { to, simulated, signal, clock = () => new Date() } = options;
  const before = await readBackup(to).catch((error) => {
    if (isErrorCode(error, 'LAKE_MISSING')) return null;
    throw error;
  });
  if (before !== null && before.simulated !== simulated) {
    throw new IsobarError('TABLE_KIND', `${to.location}: it holds the other kind of data`);
  }
  if (before === null) {
    await assertEmpty(to, options.tables, []);
    // Says whose this place is, should we be killed on the way.
    await writeList(to, { made_at: clock().toISOString(), simulated, tables: {} });
  }
  const states = await chooseStates(options);
  const wanted = [...states].flatMap(([table, state]) => dataFiles(table, state));
  const copied = await copyFiles(options.from, to, wanted, options);
  const tables: Backup['tables'] = {};
  const sums = new Map(copied.files.map((file) => [file.path, file]));
  for (const [table, state] of states) {
    const log = await copyLog(options, table, state);
    const files = dataFiles(table, state).map(({ path }) => found(sums, path));
    const pointer = new TextDecoder().decode(await to.read(pointerPath(table)));
    tables[table.name] = { version: state.version, files: [...files, ...log], pointer };
  }
  const backup: Backup = { made_at: clock().toISOString(), simulated, tables };
  signal?.throwIfAborted();
  await writeList(to, backup);
  await removeOthers(to, backup, options.tables);
  return { ...copied.sum, backup };
}

/**
 * Brings a backup into a lake that has no table. Rejects with LAKE_EXISTS when it has one,
 * TABLE_CORRUPT when a file is not what it was, otherwise as both storages do. Killed on the way,
 * it is done again: the logs come last.
 */
export async function restoreBackup(
  options: Pick<BackupOptions, 'from' | 'to' | 'tables' | 'onProgress' | 'signal'>,
): Promise<Copied & { backup: Backup }> {
  const { from, to } = options;
  const backup = await readBackup(from);
  if (backup.tables.observations === undefined) {
    throw new IsobarError('TABLE_CORRUPT', `${from.location}: the backup was never completed`);
  }
  const all = Object.values(backup.tables).flatMap(({ files }) => files);
  const data = all.filter(({ path }) => !isLog(path));
  await assertEmpty(
    to,
    options.tables,
    all.map(({ path }) => path),
  );
  const copied = await copyFiles(from, to, data, options);
  // Observations come last: with them the lake has a table.
  for (const table of options.tables.toReversed()) {
    const kept = backup.tables[table.name];
    if (kept === undefined) continue;
    const log = kept.files.filter(({ path }) => isLog(path));
    await copyFiles(from, to, log, {});
    await to.replace(pointerPath(table), Buffer.from(kept.pointer));
  }
  return { ...copied.sum, backup };
}

async function chooseStates(options: BackupOptions): Promise<Map<DeltaTable, TableState>> {
  const states = new Map<DeltaTable, TableState>();
  for (const table of options.tables) {
    const newest = await table.refresh(options.signal);
    const { version = newest.version } = table.name === 'observations' ? options : {};
    if (version > newest.version || newest.version < 0) {
      const place = `${table.folder}: the newest version is ${newest.version}`;
      if (table.name === 'observations') throw new IsobarError('PARAMETER_INVALID', place);
      continue;
    }
    const isNewest = version === newest.version;
    const state = isNewest
      ? newest
      : await readStateAt(table, options.from, options.session, version);
    // The copy would no longer show that another program changed rows.
    const refusal = writeRefusal(state, table.folder);
    if (refusal?.code === 'TABLE_FOREIGN') throw refusal;
    states.set(table, state);
  }
  return states;
}

type Wanted = Pick<BackupFile, 'path' | 'bytes'> & { readonly sha256: string | null };

function dataFiles(table: DeltaTable, state: TableState): Wanted[] {
  return [...state.adds.values()].map(({ path, size, tags }) => ({
    path: `${table.folder}/${path}`,
    bytes: size,
    sha256: tags?.['isobar.sha256'] ?? null,
  }));
}

/** A checkpoint of this state and the commit that made it: a whole log of one version. */
async function copyLog(
  options: BackupOptions,
  table: DeltaTable,
  state: TableState,
): Promise<BackupFile[]> {
  const { from, to, session, scratch } = options;
  const { folder } = table;
  const commit = `${folder}/_delta_log/${formatVersion(state.version)}.json`;
  const checkpoint = checkpointPath(folder, state.version);
  await to.replace(commit, await from.read(commit));
  // Else a pointer to a newer version would stay.
  await to.delete(pointerPath(table));
  await writeCheckpoint(to, session, { state, folder, scratch, tombstonesFrom: Infinity });
  const files: BackupFile[] = [];
  for (const path of [commit, checkpoint]) {
    const bytes = await to.read(path);
    files.push({ path, bytes: bytes.byteLength, sha256: hashOf(bytes) });
  }
  return files;
}

interface CopyResult {
  readonly files: readonly BackupFile[];
  readonly sum: Copied;
}

async function copyFiles(
  from: Storage,
  to: Storage,
  wanted: readonly Wanted[],
  options: Pick<BackupOptions, 'onProgress' | 'signal'>,
): Promise<CopyResult> {
  const { onProgress, signal } = options;
  const files: BackupFile[] = [];
  const waiting = wanted.values();
  let [bytes, present] = [0, 0];
  const work = async () => {
    for (const file of waiting) {
      signal?.throwIfAborted();
      const copied = await copyFile(from, to, file, signal);
      files.push(copied.file);
      bytes += copied.file.bytes;
      if (copied.wasPresent) present += 1;
      onProgress?.(files.length, wanted.length);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return { files, sum: { files: files.length, bytes, present } };
}

/** Never writes what is not, byte for byte, what it should be; looks at what is there already. */
async function copyFile(from: Storage, to: Storage, wanted: Wanted, signal?: AbortSignal) {
  const { path, bytes } = wanted;
  const there = await to.stat(path);
  if (there !== null && there.bytes === bytes) {
    const sha256 = hashOf(await to.read(path, signal));
    const expected = wanted.sha256 ?? hashOf(await from.read(path, signal));
    if (sha256 === expected) return { file: { path, bytes, sha256 }, wasPresent: true };
  }
  const content = await from.read(path, signal);
  const sha256 = hashOf(content);
  if (content.byteLength !== bytes || (wanted.sha256 !== null && sha256 !== wanted.sha256)) {
    throw new IsobarError('TABLE_CORRUPT', `${from.location}: ${path} is not what it was`);
  }
  await to.replace(path, content);
  const put = await to.stat(path);
  if (put?.bytes !== bytes) {
    throw new IsobarError('LAKE_UNAVAILABLE', `${to.location}: ${path} was not kept whole`);
  }
  return { file: { path, bytes, sha256 }, wasPresent: false };
}

/** Files of the tables' folders that do not belong to the backup. */
async function removeOthers(
  to: Storage,
  backup: Backup,
  tables: readonly DeltaTable[],
): Promise<void> {
  for (const table of tables) {
    const { folder, name } = table;
    const kept = new Set(backup.tables[name]?.files.map(({ path }) => path));
    kept.add(pointerPath(table));
    for await (const { path } of to.list(folder)) if (!kept.has(path)) await to.delete(path);
  }
}

/** `known` may be there: it was brought by a restore that was killed. */
async function assertEmpty(
  storage: Storage,
  tables: readonly DeltaTable[],
  known: readonly string[],
): Promise<void> {
  const expected = new Set([...known, ...(known.length > 0 ? tables.map(pointerPath) : [])]);
  for (const { folder } of tables) {
    for await (const { path } of storage.list(`${folder}/_delta_log`)) {
      if (expected.has(path)) continue;
      throw new IsobarError('LAKE_EXISTS', `${storage.location}: there is a table: ${path}`);
    }
  }
}

function writeList(to: Storage, backup: Backup): Promise<void> {
  return to.replace(LIST_PATH, Buffer.from(`${JSON.stringify(backup)}\n`));
}

function pointerPath({ folder }: DeltaTable): string {
  return `${folder}/_delta_log/_last_checkpoint`;
}

function isLog(path: string): boolean {
  return path.includes('/_delta_log/');
}

function found(files: ReadonlyMap<string, BackupFile>, path: string): BackupFile {
  const file = files.get(path);
  if (file === undefined) throw new IsobarError('INTERNAL', `${path} was not copied`);
  return file;
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** For people: `observations 17, rejected 9`. */
export function versionsOf(backup: Backup): Partial<Record<TableName, number>> {
  const pairs = Object.entries(backup.tables).map(([name, { version }]) => [name, version]);
  return Object.fromEntries(pairs);
}
