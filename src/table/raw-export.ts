/**
 * The raw export: the hourly JSON-lines files that people and other programs read.
 *
 * One exporter follows the table's commits with a cursor. An hour in which rows changed is written
 * anew as a whole, by atomic replacement, with a higher revision; so `raw/**\/*.jsonl` holds each
 * observation exactly once. A manifest a day names revision, rows and sha256 of each hour; it is
 * written after the files, the cursor after the manifests: a crash anywhere repeats work only.
 */

import { IsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { RAW_CURSOR_PATH, rawHourPath, rawManifestPath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { ProcessName } from '../lake/this-process.ts';
import type { SqlSession } from '../sql/engine.ts';
import { changedHours } from './changed-hours.ts';
import { SCHEMA_VERSION } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { type ExportCursor, type HourEntry, readCursor, readManifest } from './export-documents.ts';
import { type ExportNote, notePath, readNotes, writeNote } from './export-notes.ts';
import { openInFlight } from './in-flight.ts';
import { type HourFile, sha256, writeHours } from './raw-hours.ts';
import type { TableState } from './snapshot.ts';

import type { DataFile } from './table.ts';

export interface RawExportOptions {
  readonly observations: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  /** Makes this the exporter while it runs; rejects with DATA_IN_USE while there is another. */
  readonly lease: () => Promise<ExportLease>;
  /** Seconds between two exports of an hour that is not over. */
  readonly openHourSeconds: number;
  /** Rows up to which an hour that is not over is exported at all. */
  readonly openHourRowsMax: number;
  readonly clock?: () => Date;
}

export interface ExportLease extends AsyncDisposable {
  /** Never used again. */
  readonly name: string;
  /** False from some time before another may have it. */
  readonly isHeld: boolean;
  readonly process: ProcessName;
  /** Whether that process can write nothing more; false when this cannot be determined here. */
  hasEnded(process: ProcessName): boolean;
}

export interface RawExporter {
  /**
   * Brings the files up to the newest version of the table; resolves with the hours written. When
   * the signal aborts it ends after a day's hours, without an error; the rest stays pending.
   * `closing` exports the hours that are not over as well.
   */
  run(options?: { readonly closing?: boolean; readonly signal?: AbortSignal }): Promise<number>;
  /** The cursor as it stands. */
  cursor(): Promise<ExportCursor>;
}

const HOUR_MS = 3_600_000;
/** Days of a long export after which the cursor is written: a kill repeats no more than that. */
const DAYS_A_CURSOR = 100;

export function openRawExporter(options: RawExportOptions): RawExporter {
  return new TableExporter(options);
}

class TableExporter implements RawExporter {
  readonly #options: RawExportOptions;
  readonly #clock: () => Date;
  /** When the hours of a note were last written again. */
  readonly #redone = new Map<string, number>();

  constructor(options: RawExportOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
  }

  cursor(): Promise<ExportCursor> {
    return readCursor(this.#options.storage);
  }

  async run({
    closing = false,
    signal,
  }: {
    closing?: boolean;
    signal?: AbortSignal;
  } = {}): Promise<number> {
    await using lease = await this.#options.lease();
    const state = await this.#options.observations.refresh(signal);
    const cursor = await readCursor(this.#options.storage);
    if (state.version < 0) return 0;
    const hours = new Map<string, string | null>(Object.entries(cursor.pending));
    for (const hour of await changedHours(this.#options, cursor.table_version, state)) {
      if (!hours.has(hour)) hours.set(hour, null);
    }
    const now = this.#clock();
    const notes = await this.#dueNotes(lease, now);
    const again = new Set(notes.flatMap(({ hours }) => hours.map((hour) => hour.slice(0, 10))));
    const due = closing ? [...hours.keys()] : await this.#dueHours(hours, state);
    due.push(...[...again].flatMap(hoursOfDay));
    let exported = 0;
    let days = 0;
    for (const [day, dayHours] of byDay(due)) {
      // What is left stays pending: a long way is gone in several runs.
      if (signal?.aborted) break;
      await this.#exportDay(state, day, dayHours, { lease, always: again.delete(day) });
      exported += dayHours.length;
      for (const hour of dayHours) {
        // An hour that is not over stays in sight: its next change waits for its turn.
        if (isOpen(hour, now)) hours.set(hour, now.toISOString());
        else hours.delete(hour);
      }
      days += 1;
      if (days % DAYS_A_CURSOR === 0) await this.#writeCursor(lease, cursor, state.version, hours);
    }
    await this.#writeCursor(lease, cursor, state.version, hours);
    for (const { path, done, hours } of notes) {
      if (done && !hours.some((hour) => again.has(hour.slice(0, 10))))
        await this.#options.storage.delete(path);
    }
    return exported;
  }

  /** Those that are done, and others again and again until they are. */
  async #dueNotes(lease: ExportLease, now: Date): Promise<ExportNote[]> {
    const due: ExportNote[] = [];
    for (const note of await readNotes(this.#options.storage, lease.name, now)) {
      const done = note.done || lease.hasEnded(note.process);
      const age = now.getTime() - (this.#redone.get(note.path) ?? Number.NEGATIVE_INFINITY);
      if (!done && age < this.#options.openHourSeconds * 1_000) continue;
      this.#redone.set(note.path, now.getTime());
      due.push({ ...note, done });
    }
    return due;
  }

  async #writeCursor(
    lease: ExportLease,
    before: ExportCursor,
    version: number,
    hours: ReadonlyMap<string, string | null>,
  ): Promise<void> {
    const next: ExportCursor = { table_version: version, pending: Object.fromEntries(hours) };
    if (JSON.stringify(next) === JSON.stringify(before)) return;
    reachFaultPoint('export.before-cursor');
    assertHeld(lease);
    await this.#options.storage.replace(RAW_CURSOR_PATH, Buffer.from(JSON.stringify(next)));
  }

  /** Hours that are over, and open ones whose turn has come and that are not too large. */
  async #dueHours(hours: ReadonlyMap<string, string | null>, state: TableState): Promise<string[]> {
    const now = this.#clock();
    const due: string[] = [];
    for (const [hour, exportedAt] of hours) {
      if (isOpen(hour, now)) {
        const age = exportedAt === null ? Infinity : now.getTime() - Date.parse(exportedAt);
        if (age < this.#options.openHourSeconds * 1_000) continue;
        const rows = filesOfHour(state, hour).reduce((sum, file) => sum + file.rows, 0);
        if (rows > this.#options.openHourRowsMax) continue;
      }
      due.push(hour);
    }
    return due;
  }

  async #exportDay(
    state: TableState,
    day: string,
    hours: readonly string[],
    { lease, always }: { readonly lease: ExportLease; readonly always: boolean },
  ): Promise<void> {
    assertHeld(lease);
    const note = { path: notePath(lease.name), hours, process: lease.process };
    const at = this.#clock().toISOString();
    await writeNote(this.#options.storage, { ...note, done: false, at });
    try {
      await this.#writeDay(state, day, hours, { lease, always });
    } finally {
      if (lease.isHeld) await this.#options.storage.delete(note.path);
      else await writeNote(this.#options.storage, { ...note, done: true, at });
    }
  }

  async #writeDay(
    state: TableState,
    day: string,
    hours: readonly string[],
    { lease, always }: { readonly lease: ExportLease; readonly always: boolean },
  ): Promise<void> {
    const manifest = await readManifest(this.#options.storage, day);
    const files = [...new Set(hours.flatMap((hour) => filesOfHour(state, hour)))];
    const paths = await this.#options.observations.localPaths(files);
    const entries: Record<string, HourEntry> = { ...manifest.hours };
    const written = new Set<string>();
    const flight = openInFlight();
    const put = async (file: HourFile, isSame: boolean) => {
      const path = rawHourPath(new Date(file.hour));
      if (always || !isSame || (await this.#options.storage.stat(path))?.bytes !== file.bytes) {
        assertHeld(lease);
        await this.#putHour(path, file);
      }
      reachFaultPoint('export.after-hour');
    };
    try {
      const { session, scratch } = this.#options;
      for await (const file of writeHours({ session, scratch, paths, hours })) {
        reachFaultPoint('export.before-hour');
        const clockHour = file.hour.slice(11, 13);
        const before = entries[clockHour];
        const isSame = before?.sha256 === file.sha256;
        entries[clockHour] = {
          revision: isSame ? before.revision : (before?.revision ?? 0) + 1,
          rows: file.rows,
          bytes: file.bytes,
          sha256: file.sha256,
          table_version: state.version,
          schema: SCHEMA_VERSION,
        };
        written.add(file.hour);
        await flight.add(file.bytes, () => put(file, isSame));
      }
    } finally {
      await flight.settle();
    }
    for (const hour of hours) {
      // An import that was undone may leave an hour without a row.
      if (written.has(hour) || entries[hour.slice(11, 13)] === undefined) continue;
      assertHeld(lease);
      await this.#options.storage.delete(rawHourPath(new Date(hour)));
      delete entries[hour.slice(11, 13)];
    }
    reachFaultPoint('export.before-manifest');
    assertHeld(lease);
    const text = JSON.stringify({ day, hours: sortKeys(entries) }, null, 1);
    await this.#options.storage.replace(rawManifestPath(day), Buffer.from(`${text}\n`));
  }

  async #putHour(path: string, file: HourFile): Promise<void> {
    for (let tries = 0; tries < 3; tries++) {
      await this.#options.storage.replace(path, file.content);
      // What was written is read again: what the manifest says must be what is there.
      if (sha256(await this.#options.storage.read(path)) === file.sha256) return;
    }
    throw new IsobarError('LAKE_UNAVAILABLE', `${path}: what was written reads differently`);
  }
}

export function filesOfHour(state: TableState, hour: string): DataFile[] {
  const [from, to] = [Date.parse(hour), Date.parse(hour) + HOUR_MS];
  return state.files.filter((file) => {
    if (file.month !== hour.slice(0, 7)) return false;
    if (file.observedAtMin !== null && Date.parse(file.observedAtMin) >= to) return false;
    return file.observedAtMax === null || Date.parse(file.observedAtMax) >= from;
  });
}

function assertHeld(lease: ExportLease): void {
  if (lease.isHeld) return;
  throw new IsobarError('ABORTED', `exporting raw files: the lease ${lease.name} is lost`);
}

function hoursOfDay(day: string): string[] {
  return Array.from({ length: 24 }, (_, hour) => `${day}T${String(hour).padStart(2, '0')}:00:00Z`);
}

function byDay(hours: readonly string[]): Map<string, string[]> {
  const days = new Map<string, string[]>();
  for (const hour of [...new Set(hours)].sort()) {
    const day = hour.slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), hour]);
  }
  return days;
}

function isOpen(hour: string, now: Date): boolean {
  return Date.parse(hour) + HOUR_MS > now.getTime();
}

function sortKeys<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
