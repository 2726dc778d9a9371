/** Whether the hourly files equal the table, up to the exporter's cursor. */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { RAW_NOTES_FOLDER, ROOT, rawHourPath } from '../lake/layout.ts';
import { changedHours } from './changed-hours.ts';
import { type DayManifest, readCursor, readManifest, readNoteText } from './export-documents.ts';
import { openInFlight } from './in-flight.ts';
import { filesOfHour } from './raw-export.ts';
import { sha256, writeHours } from './raw-hours.ts';
import type { TableState } from './snapshot.ts';
import { columnsOfSchema, OBSERVATION_COLUMNS } from './table.ts';
import type { Findings, VerifyOptions } from './verify.ts';

const DAMAGED = ['TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR'] as const;

export async function verifyExports(
  options: VerifyOptions,
  state: TableState,
  { sums, differences }: Findings,
): Promise<void> {
  const { storage, session, observations } = options;
  const cursor = await readCursor(storage);
  if (cursor.table_version < 0) {
    sums['raw export'] = 'none';
    return;
  }
  if (cursor.table_version > state.version) {
    differences.push(
      `raw export: it knows version ${cursor.table_version} of the table, whose newest is ` +
        `${state.version}: the last commits are missing`,
    );
    return;
  }
  const open = new Set(Object.keys(cursor.pending));
  for (const hour of await changedHours(options, cursor.table_version, state)) open.add(hour);
  await session.define(
    'v_observations',
    await observations.localPaths(state.files),
    OBSERVATION_COLUMNS,
  );
  const rows = await session.query<{ hour: string }>(
    "SELECT DISTINCT date_trunc('hour', observed_at) AS hour FROM v_observations ORDER BY hour",
  );
  const days = new Map<string, string[]>();
  for (const { hour } of rows) {
    if (open.has(hour)) continue;
    days.set(hour.slice(0, 10), [...(days.get(hour.slice(0, 10)) ?? []), hour]);
  }
  const stored = await storedHours(options);
  await verifyManifests(options, state, { stored, open }, differences);
  let compared = 0;
  for (const [day, hours] of days) {
    compared += await verifyDay(options, state, day, hours, stored, differences);
  }
  for (const hour of stored) {
    if (!open.has(hour)) differences.push(`raw export: ${hour} has a file, but no observation`);
  }
  await verifyNotes(options, differences);
  sums['raw export version'] = cursor.table_version;
  sums['raw export hours'] = compared;
  sums['raw export pending hours'] = open.size;
}

/** Compares a day's hours and takes them out of `stored`. */
async function verifyDay(
  options: VerifyOptions,
  state: TableState,
  day: string,
  hours: readonly string[],
  stored: Set<string>,
  differences: string[],
): Promise<number> {
  const { storage, session, scratch } = options;
  const manifest = await readManifest(storage, day).catch((): DayManifest => ({ day, hours: {} }));
  const files = [...new Set(hours.flatMap((hour) => filesOfHour(state, hour)))];
  const paths = await options.observations.localPaths(files);
  const found: string[][] = [];
  const flight = openInFlight();
  const schemaOf = (hour: string) => manifest.hours[hour.slice(11, 13)]?.schema ?? 1;
  const bySchema = Map.groupBy(hours, schemaOf);
  async function* expected() {
    for (const [schema, some] of bySchema) {
      const columns = columnsOfSchema(schema, OBSERVATION_COLUMNS);
      yield* writeHours({ session, scratch, paths, hours: some, columns });
    }
  }
  try {
    for await (const file of expected()) {
      const own: string[] = [];
      found.push(own);
      const path = rawHourPath(new Date(file.hour));
      const entry = manifest.hours[file.hour.slice(11, 13)];
      if (entry !== undefined && entry.rows !== file.rows) {
        own.push(`${path}: ${file.rows} rows, its manifest says ${entry.rows}`);
      }
      if (!stored.delete(file.hour)) {
        own.push(`${path}: the file is missing`);
        continue;
      }
      await flight.add(file.bytes, async () => {
        const found = sha256(await storage.read(path));
        if (entry === undefined) own.push(`${path}: the day's manifest does not name it`);
        else if (found !== entry.sha256) own.push(`${path}: it differs from its manifest`);
        if (found !== file.sha256) own.push(`${path}: it differs from the table`);
      });
    }
  } finally {
    await flight.settle();
  }
  differences.push(...found.flat());
  return found.length;
}

/** Every manifest can be read and names files that are there, with their lengths. */
async function verifyManifests(
  { storage }: VerifyOptions,
  state: TableState,
  { stored, open }: { readonly stored: ReadonlySet<string>; readonly open: ReadonlySet<string> },
  differences: string[],
): Promise<void> {
  for await (const { path } of storage.list(`${ROOT}/raw/_manifest`)) {
    const day = /_manifest\/(\d{4}-\d{2}-\d{2})\.json$/.exec(path)?.[1];
    if (day === undefined) continue;
    try {
      const { hours } = await readManifest(storage, day);
      for (const [clock, entry] of Object.entries(hours)) {
        const hour = `${day}T${clock}:00:00Z`;
        const file = rawHourPath(new Date(hour));
        const bytes = stored.has(hour) ? (await storage.stat(file))?.bytes : null;
        // An exporter that died may have written an hour that is due, and not the manifest.
        if (!open.has(hour) && bytes !== entry.bytes) {
          differences.push(`${path}: ${clock}: ${entry.bytes} bytes, the file has ${bytes}`);
        }
        if (entry.table_version > state.version) {
          const of = `${entry.table_version}, the newest is ${state.version}`;
          differences.push(`${path}: ${clock}: table_version is ${of}`);
        }
      }
    } catch (error) {
      if (!isErrorCode(error, ...DAMAGED)) throw error;
      differences.push(asIsobarError(error).message);
    }
  }
}

async function verifyNotes({ storage }: VerifyOptions, differences: string[]): Promise<void> {
  for await (const { path } of storage.list(RAW_NOTES_FOLDER)) {
    try {
      await readNoteText(storage, path);
    } catch (error) {
      if (!isErrorCode(error, ...DAMAGED)) throw error;
      differences.push(asIsobarError(error).message);
    }
  }
}

/** Hours that have a file. */
async function storedHours({ storage }: VerifyOptions): Promise<Set<string>> {
  const hours = new Set<string>();
  for await (const { path } of storage.list(`${ROOT}/raw`)) {
    const parts = /year=(\d{4})\/month=(\d\d)\/day=(\d\d)\/weather_(\d\d)00\.jsonl$/.exec(path);
    if (parts === null) continue;
    const [, year, month, day, clock] = parts;
    hours.add(`${year}-${month}-${day}T${clock}:00:00Z`);
  }
  return hours;
}
