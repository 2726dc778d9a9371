/**
 * An import: records go through the log like everything else and are landed on the way.
 *
 * What was appended is noted in a file per import after each batch, so that a killed import goes
 * on where it was; what was appended but not noted is appended again and found a duplicate.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { AppendedRange, Log, NewRecord } from '../log/log.ts';
import type { City, KnownCity } from '../model/city.ts';
import { formatRecord } from '../model/observation.ts';
import type { ImportSource } from './source.ts';

export interface ImportOptions {
  readonly source: ImportSource;
  readonly log: Pick<Log, 'append'>;
  /** Folder for the note of how far this import is. */
  readonly folder: string;
  readonly rememberCities: (cities: readonly KnownCity[]) => Promise<unknown>;
  /** Lands what waits; called every so many records and at the end. */
  readonly land: (signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress?: (records: number, about: number | null) => void;
}

export interface Imported {
  /** Records read, those of an interrupted run before included. */
  readonly read: number;
  /** Whether the same inputs were imported whole before: then nothing was done. */
  readonly wasDone: boolean;
  /** The offsets that they got. */
  readonly ranges: readonly AppendedRange[];
}

const BATCH_RECORDS = 2_000;
const LAND_EVERY_RECORDS = 400_000;
const FULL_WAIT_MS = 500;

interface Note {
  readonly read: number;
  /** The import came to its end. */
  readonly done?: boolean;
  readonly ranges: readonly { partition: number; first: string; last: string }[];
}

export async function runImport(options: ImportOptions): Promise<Imported> {
  const { source, signal, onProgress } = options;
  const note = join(options.folder, `${source.fingerprint}.json`);
  await mkdir(options.folder, { recursive: true });
  const before = await readNote(note);
  if (before.done === true) return { read: before.read, wasDone: true, ranges: [] };
  const ranges: AppendedRange[] = before.ranges.map(({ partition, first, last }) => ({
    partition,
    first: BigInt(first),
    last: BigInt(last),
  }));
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
    for (const range of await appendPatiently(options, batch)) joinRange(ranges, range);
    reachFaultPoint('import.before-progress');
    await writeNote(note, read, ranges);
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
      met.push({ ...city, source: source.name });
    }
    if (read <= before.read) continue;
    batch.push({ key: record.city_id, value: formatRecord(record) });
    if (batch.length >= BATCH_RECORDS) await flush();
  }
  await flush();
  await landing;
  await options.land(signal);
  await writeNote(note, read, ranges, true);
  return { read, wasDone: false, ranges };
}

/** A full log is waited for: landing makes room. */
async function appendPatiently(
  { log, land, signal }: ImportOptions,
  batch: readonly NewRecord[],
): Promise<readonly AppendedRange[]> {
  for (;;) {
    try {
      return await log.append(batch);
    } catch (error) {
      if (!isErrorCode(error, 'LOG_FULL')) throw error;
      await land(signal);
      await delay(FULL_WAIT_MS, undefined, { signal });
    }
  }
}

/** Neighbouring ranges of a partition become one. */
function joinRange(ranges: AppendedRange[], range: AppendedRange): void {
  const index = ranges.findLastIndex(({ partition }) => partition === range.partition);
  const last = ranges[index];
  if (last !== undefined && last.last + 1n === range.first) {
    ranges[index] = { ...last, last: range.last };
  } else ranges.push(range);
}

async function readNote(path: string): Promise<Note> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Note;
    if (Number.isSafeInteger(note.read) && Array.isArray(note.ranges)) return note;
  } catch {
    // No note, or one cut by a crash: begin anew, duplicates are harmless.
  }
  return { read: 0, ranges: [] };
}

async function writeNote(
  path: string,
  read: number,
  ranges: readonly AppendedRange[],
  done = false,
): Promise<void> {
  const note: Note = {
    read,
    done,
    ranges: ranges.map(({ partition, first, last }) => ({
      partition,
      first: String(first),
      last: String(last),
    })),
  };
  await writeFile(`${path}.new`, JSON.stringify(note));
  await rename(`${path}.new`, path);
}
