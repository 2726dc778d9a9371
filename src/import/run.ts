/**
 * An import: records go through the log like everything else and are landed on the way.
 *
 * Each record carries the import's number, its own number within it, and the time when the import
 * began. What was appended is noted after each batch, so that a killed import goes on where it was;
 * what was appended but not noted is appended again under the same numbers and found a duplicate.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { Log, NewRecord } from '../log/log.ts';
import type { City, KnownCity } from '../model/city.ts';
import type { ImportEntry } from '../model/imports.ts';
import { formatRecord } from '../model/observation.ts';
import { pause } from '../waiting.ts';
import type { ImportSource } from './source.ts';

export interface ImportOptions {
  readonly entry: ImportEntry;
  readonly source: ImportSource;
  readonly log: Pick<Log, 'append' | 'id'>;
  /** Folder for the note of how far this import is. */
  readonly folder: string;
  readonly rememberCities: (cities: readonly KnownCity[]) => Promise<unknown>;
  /** Throws when another import may have begun; called before each append. */
  readonly assertAlone: () => void;
  /** Lands what waits; called every so many records and at the end. */
  readonly land: (signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress?: (records: number, about: number | null) => void;
}

const BATCH_RECORDS = 2_000;
const LAND_EVERY_RECORDS = 400_000;
const FULL_WAIT_MS = 500;

interface Note {
  readonly import_id: number;
  readonly log_id: string;
  /** Records that were appended. */
  readonly records: number;
}

/** Appends and lands every record; resolves with how many the source has. */
export async function runImport(options: ImportOptions): Promise<number> {
  const { entry, source, log, signal, onProgress } = options;
  const { import_id, started_at: collected_at } = entry;
  await mkdir(options.folder, { recursive: true });
  const path = join(options.folder, `import-${import_id}.json`);
  const before = await readNote(path, entry, log.id);
  const known = new Set<City>();
  let read = 0;
  let landed = 0;
  let batch: NewRecord[] = [];
  /** Cities of this batch that were not met before: one commit for all of them. */
  let met: KnownCity[] = [];
  let landing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    if (met.length > 0) await options.rememberCities(met);
    met = [];
    if (batch.length === 0) return;
    options.assertAlone();
    await appendWhenThereIsRoom(options, batch);
    reachFaultPoint('import.before-progress');
    await writeNote(path, { import_id, log_id: log.id, records: read });
    batch = [];
    onProgress?.(read, source.recordsAbout);
    if (read - landed < LAND_EVERY_RECORDS) return;
    // Landing goes on beside reading; the next one waits for it.
    await landing;
    landed = read;
    landing = options.land(signal);
    landing.catch(() => {});
  }

  for await (const { record, city } of source.read(signal)) {
    signal.throwIfAborted();
    read += 1;
    if (city !== null && !known.has(city)) {
      known.add(city);
      met.push({ ...city, source: entry.source });
    }
    if (read <= before) continue;
    const numbered = { ...record, collected_at, import_id, import_row: read };
    batch.push({ key: record.city_id, value: formatRecord(numbered) });
    if (batch.length >= BATCH_RECORDS) await flush();
  }
  await flush();
  await landing;
  await options.land(signal);
  return read;
}

/** A full log is waited for: landing makes room. */
async function appendWhenThereIsRoom(
  { log, land, signal }: ImportOptions,
  batch: readonly NewRecord[],
): Promise<void> {
  for (;;) {
    try {
      await log.append(batch);
      return;
    } catch (error) {
      if (!isErrorCode(error, 'LOG_FULL')) throw error;
      await land(signal);
      await pause(FULL_WAIT_MS, signal);
      signal.throwIfAborted();
    }
  }
}

/** Records of this import that the log has; 0 when that is not known: duplicates are harmless. */
async function readNote(path: string, { import_id }: ImportEntry, logId: string): Promise<number> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Partial<Note>;
    const isOurs = note.import_id === import_id && note.log_id === logId;
    if (isOurs && Number.isSafeInteger(note.records)) return note.records ?? 0;
  } catch {
    // There is none, or a crash cut it.
  }
  return 0;
}

async function writeNote(path: string, note: Note): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(note));
  await rename(`${path}.new`, path);
}
