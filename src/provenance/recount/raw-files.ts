/** Reads the hour files of the raw export in the order of time, and says what is wrong with them. */
import { createHash } from 'node:crypto';
import { isErrorCode } from '../../errors.ts';
import { ROOT, rawHourPath } from '../../lake/layout.ts';
import type { Storage } from '../../lake/storage.ts';
import { compareTimes } from '../../model/iso-time.ts';
import type { DayManifest, HourEntry } from '../../table/export-documents.ts';
import { parseRawRow, type RawRow } from './raw-row.ts';

export interface RawFiles {
  readonly storage: Pick<Storage, 'read' | 'list'>;
  /** Rejects with TABLE_CORRUPT when it is damaged. */
  readonly manifest: (day: string) => Promise<DayManifest>;
}

/** One hour: what its manifest says, and whether its file is there. */
export interface RawHour {
  /** `2024-10-31T14:00:00Z` */
  readonly hour: string;
  readonly entry: HourEntry | null;
  readonly isThere: boolean;
}

/** Files that are read ahead, up to so many bytes. */
const AHEAD_MAX = 8;
const AHEAD_BYTES_MAX = 64 * 1024 * 1024;
/** Lines of one file that are reported. */
const LINES_REPORTED_MAX = 3;

/** The hours that a manifest names or that have a file, in order. */
export async function listHours({ storage, manifest }: RawFiles): Promise<RawHour[]> {
  const there = new Set<string>();
  const days = new Set<string>();
  for await (const { path } of storage.list(`${ROOT}/raw`)) {
    const day = /\/_manifest\/(\d{4}-\d\d-\d\d)\.json$/.exec(path)?.[1];
    if (day !== undefined) days.add(day);
    const parts = /year=(\d{4})\/month=(\d\d)\/day=(\d\d)\/weather_(\d\d)00\.jsonl$/.exec(path);
    if (parts === null) continue;
    const [, year, month, date, clock] = parts;
    days.add(`${year}-${month}-${date}`);
    there.add(`${year}-${month}-${date}T${clock}:00:00Z`);
  }
  const hours: RawHour[] = [];
  for (const day of [...days].sort()) {
    const { hours: entries } = await manifest(day);
    for (let clock = 0; clock < 24; clock += 1) {
      const digits = String(clock).padStart(2, '0');
      const hour = `${day}T${digits}:00:00Z`;
      const [entry, isThere] = [entries[digits] ?? null, there.has(hour)];
      if (entry !== null || isThere) hours.push({ hour, entry, isThere });
    }
  }
  return hours;
}

export interface RawCount {
  readonly rows: number;
  readonly bytes: number;
}

export interface RowsReader {
  add(row: RawRow): void;
  /** Before the rows of an hour, which begins so many seconds after 1970. */
  reach(seconds: number): Promise<void>;
}

/** Gives each row to the reader; resolves with how many there are. */
export async function readRows(
  { storage }: RawFiles,
  hours: readonly RawHour[],
  reader: RowsReader,
  differences: string[],
  signal?: AbortSignal,
): Promise<RawCount> {
  const last = new Map<string, string>();
  let [rows, bytes] = [0, 0];
  for await (const { hour, entry, content } of readAhead(storage, hours, differences, signal)) {
    const path = rawHourPath(new Date(hour));
    const say = (text: string) => differences.push(`${path}: ${text}`);
    bytes += content.length;
    await reader.reach(Date.parse(hour) / 1_000);
    if (entry === null) say('the day’s manifest does not name it');
    else if (createHash('sha256').update(content).digest('hex') !== entry.sha256) {
      say('it differs from its manifest (sha256)');
    }
    const found = readLines(content, hour, last, reader, say);
    if (entry !== null && entry.rows !== found) {
      say(`${found} rows, its manifest says ${entry.rows}`);
    }
    rows += found;
  }
  return { rows, bytes };
}

/** How many rows the file has, those that cannot be used included. */
function readLines(
  content: Uint8Array,
  hour: string,
  last: Map<string, string>,
  reader: RowsReader,
  say: (text: string) => void,
): number {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  let [number, problems] = [0, 0];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const to = end === -1 ? bytes.length : end;
    number += 1;
    const row = parseRawRow(bytes.toString('utf8', from, to));
    from = to + 1;
    const problem = typeof row === 'string' ? row : placeProblem(row, hour, last);
    if (problem !== null) {
      problems += 1;
      if (problems <= LINES_REPORTED_MAX) say(`line ${number}: ${problem}`);
    }
    if (typeof row === 'string') continue;
    last.set(row.city_id, row.observed_at);
    reader.add(row);
  }
  if (problems > LINES_REPORTED_MAX) say(`${problems} lines in all`);
  return number;
}

function placeProblem(
  { city_id, observed_at }: RawRow,
  hour: string,
  last: ReadonlyMap<string, string>,
): string | null {
  if (observed_at.slice(0, 13) !== hour.slice(0, 13)) {
    return `${city_id} at ${observed_at} does not belong to this hour`;
  }
  const before = last.get(city_id);
  if (before === undefined || compareTimes(before, observed_at) < 0) return null;
  return `${city_id} at ${observed_at} comes after ${before}`;
}

interface HourContent extends RawHour {
  readonly content: Uint8Array;
}

/** The files that are there, in order, while some that follow are being read. */
async function* readAhead(
  storage: RawFiles['storage'],
  hours: readonly RawHour[],
  differences: string[],
  signal?: AbortSignal,
): AsyncGenerator<HourContent> {
  const reading: { readonly of: RawHour; readonly content: Promise<Uint8Array | null> }[] = [];
  let next = 0;
  let ahead = 0;
  const read = (of: RawHour) => {
    const content = storage.read(rawHourPath(new Date(of.hour)), signal).catch((error: unknown) => {
      if (isErrorCode(error, 'LAKE_MISSING', 'FILE_NOT_REGULAR', 'FILE_TOO_LARGE')) return null;
      throw error;
    });
    // It is awaited later, or not any more.
    content.catch(() => {});
    reading.push({ of, content });
    ahead += of.entry?.bytes ?? 0;
  };
  for (;;) {
    while (reading.length < AHEAD_MAX && (ahead < AHEAD_BYTES_MAX || reading.length === 0)) {
      const hour = hours[next];
      if (hour === undefined) break;
      next += 1;
      read(hour);
    }
    const first = reading.shift();
    if (first === undefined) return;
    ahead -= first.of.entry?.bytes ?? 0;
    const content = await first.content;
    if (content === null) {
      const path = rawHourPath(new Date(first.of.hour));
      differences.push(`${path}: the file is missing or cannot be read`);
    } else yield { ...first.of, content };
  }
}
