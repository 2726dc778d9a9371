/**
 * Quality control of the table, month by month: which months have to be checked, and the flags of one
 * as a file of the publication. A month is checked again when its rows have changed since, or when a
 * station of those that were checked is elsewhere now.
 */
import { createHash } from 'node:crypto';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { IsobarError } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import { byColumns } from '../model/order.ts';
import { DRIFT_ORDER, FLAG_ORDER, type QualityFlag, type StationDrift } from '../model/quality.ts';
import { checkObservations, type Station } from '../quality/check.ts';
import { type Place, readStations } from '../quality/read-stations.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import type { DataFile, Snapshot, Table } from '../table/table.ts';
import { QUALITY_FLAG_COLUMNS, STATION_DRIFT_COLUMNS } from './columns.ts';
import type { PublishedFile, Quality, QualityMonth } from './publication.ts';
import { lineOf, readChecked, writeLines, writeRows } from './published-files.ts';

export type PlacesById = ReadonlyMap<string, Place>;

export interface QualityControlOptions {
  readonly table: Table;
  readonly columns: Columns;
  readonly storage: Storage;
  /** Of this machine's engine, and used for nothing else. */
  readonly session: SqlSession;
  readonly scratch: string;
  /** Where the stations are. */
  readonly places: () => Promise<PlacesById>;
}

export interface QualityControl {
  /**
   * Checks what of the snapshot was not checked in `before`; null when there is nothing to check. Other
   * work goes on meanwhile.
   */
  check(snapshot: Snapshot, before: Quality | null, signal?: AbortSignal): Promise<Quality | null>;
}

export function openQualityControl(options: QualityControlOptions): QualityControl {
  return {
    async check(snapshot, before, signal) {
      const now = await options.places();
      const known = before === null ? new Map() : await readPlaces(options.storage, before.places);
      const moved = hasMoved(known, now);
      const months = monthsOf(snapshot);
      const same = moved ? [] : await unchanged(options.table, snapshot, before);
      // Earlier versions of the program did not look at drift.
      const kept = same.filter(({ drift }) => drift !== undefined);
      const settled = new Set(kept.map(({ month }) => month));
      const outdated = months.filter((month) => !settled.has(month));
      if (outdated.length === 0 && kept.length === before?.months.length) return null;
      const seen = new Map<string, Place>(moved ? [] : known);
      const checked: QualityMonth[] = [];
      for (const month of outdated) {
        const files = snapshot.files.filter((file) => (file.month ?? '') === month);
        const found = await checkFiles(options, files, now, signal);
        for (const id of found.stations) seen.set(id, placeOf(now.get(id)));
        checked.push(await writeMonth(options, { month, version: snapshot.version, found }));
      }
      const places =
        before !== null && !moved && seen.size === known.size
          ? before.places
          : await writePlaces(options.storage, seen);
      const all = [...kept, ...checked].sort((a, b) => (a.month < b.month ? -1 : 1));
      return { places, months: all };
    },
  };
}

/** Of each month of the snapshot the newer of two checks. */
export function joinQuality(
  published: Quality | null,
  checked: Quality | null,
  snapshot: Snapshot,
): Quality | null {
  if (published === null || checked === null) return checked ?? published;
  const there = new Set(monthsOf(snapshot));
  const newest = new Map<string, QualityMonth>();
  for (const month of [...published.months, ...checked.months]) {
    const known = newest.get(month.month);
    if (!there.has(month.month) || (known?.table_version ?? -1) > month.table_version) continue;
    newest.set(month.month, month);
  }
  const months = [...newest.values()].sort((a, b) => (a.month < b.month ? -1 : 1));
  return { places: checked.places, months };
}

/** Months of which other values have failed now than before. */
export function requalified(before: Quality | null, now: Quality | null): string[] {
  const failed = (quality: Quality | null) =>
    new Map(
      (quality?.months ?? [])
        .filter((month) => month.failed > 0)
        .map((month) => [month.month, month.failed_sha256]),
    );
  const [was, is] = [failed(before), failed(now)];
  return [...new Set([...was.keys(), ...is.keys()])].filter((one) => was.get(one) !== is.get(one));
}

export function monthsOf({ files }: Snapshot): string[] {
  return [...new Set(files.map(({ month }) => month ?? ''))].sort();
}

/** The months whose rows are those that were checked. */
export async function unchanged(
  table: Table,
  snapshot: Snapshot,
  before: Quality | null,
): Promise<QualityMonth[]> {
  const there = new Set(monthsOf(snapshot));
  const byVersion = Map.groupBy(before?.months ?? [], ({ table_version }) => table_version);
  const same: QualityMonth[] = [];
  for (const [version, months] of byVersion) {
    if (version > snapshot.version) continue;
    const changes = await table.changes(version, snapshot);
    if (changes === null) continue;
    const changed = new Set(changes.months);
    same.push(...months.filter(({ month }) => there.has(month) && !changed.has(month)));
  }
  return same;
}

/** Whether all rows of the snapshot are those that were checked. */
export async function isChecked(
  table: Table,
  snapshot: Snapshot,
  quality: Quality,
): Promise<boolean> {
  return (await unchanged(table, snapshot, quality)).length === monthsOf(snapshot).length;
}

/** Whether a station that was checked is elsewhere now. */
export function hasMoved(checked: PlacesById, now: PlacesById): boolean {
  for (const [id, place] of checked) {
    const [before, after] = [placeOf(place), placeOf(now.get(id))];
    if (JSON.stringify(before) !== JSON.stringify(after)) return true;
  }
  return false;
}

function placeOf(place: Place | undefined): Place {
  const { latitude = Number.NaN, longitude = Number.NaN, elevation_m = null } = place ?? {};
  return { latitude, longitude, elevation_m };
}

export interface CheckedFiles {
  readonly stations: readonly string[];
  readonly flags: readonly QualityFlag[];
  /** In order of city, day and variable. */
  readonly drift: readonly StationDrift[];
}

/** Rows that are held in memory at once; of a month with more, each part begins anew. */
const ROWS_MAX = 4_000_000;
const MONTH_DAYS = 31;

/** The flags of one month, in order of city, time, variable and test. */
export async function checkFiles(
  { table, session, columns }: Pick<QualityControlOptions, 'table' | 'session' | 'columns'>,
  files: readonly DataFile[],
  places: PlacesById,
  signal?: AbortSignal,
): Promise<CheckedFiles> {
  await session.define('observations', await table.localPaths(files), columns);
  const stations = new Set<string>();
  const flags: QualityFlag[] = [];
  const drift: StationDrift[] = [];
  for (const range of partsOf(files)) {
    const read: Station[] = await readStations(session, places, range, signal);
    for (const { city_id } of read) stations.add(city_id);
    const found = await checkObservations(read, signal);
    for (const flag of found.flags) flags.push(flag);
    for (const day of found.drift) drift.push(day);
  }
  return {
    stations: [...stations],
    flags: flags.sort(byColumns(FLAG_ORDER)),
    drift: drift.sort(byColumns(DRIFT_ORDER)),
  };
}

/** Ranges of so many whole days that each should have few enough rows; null for all of them. */
function partsOf(files: readonly DataFile[]) {
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const month = files[0]?.month ?? null;
  if (rows <= ROWS_MAX || month === null || month === '') return [null];
  const days = Math.max(1, Math.floor((MONTH_DAYS * ROWS_MAX) / rows));
  const first = Date.parse(`${month}-01T00:00:00Z`);
  const parts: { readonly from: string; readonly to: string }[] = [];
  for (let day = 0; day < MONTH_DAYS; day += days) {
    const at = (after: number) => new Date(first + after * 86_400_000).toISOString();
    parts.push({ from: at(day), to: at(day + days) });
  }
  return parts;
}

interface FoundMonth {
  readonly month: string;
  readonly version: number;
  readonly found: CheckedFiles;
}

async function writeMonth(
  options: QualityControlOptions,
  { month, version, found: { flags, drift } }: FoundMonth,
): Promise<QualityMonth> {
  const verdicts = { fail: new Set<string>(), suspect: new Set<string>() };
  const failed = createHash('sha256');
  for (const { city_id, observed_at, variable, verdict, value } of flags) {
    const key = `${city_id} ${observed_at} ${variable} ${value}\n`;
    if (verdict === 'fail' && !verdicts.fail.has(key)) failed.update(key);
    verdicts[verdict].add(key);
  }
  return {
    month,
    table_version: version,
    failed: verdicts.fail.size,
    suspect: [...verdicts.suspect].filter((key) => !verdicts.fail.has(key)).length,
    failed_sha256: failed.digest('hex'),
    flags: await writeRows(options, QUALITY_FLAG_COLUMNS, flags, FLAG_ORDER),
    drift: await writeRows(options, STATION_DRIFT_COLUMNS, drift, DRIFT_ORDER),
  };
}

const PlaceLine = Type.Object({
  city_id: Type.String(),
  latitude: Type.Union([Type.Number(), Type.Null()]),
  longitude: Type.Union([Type.Number(), Type.Null()]),
  elevation_m: Type.Union([Type.Number(), Type.Null()]),
});

function writePlaces(storage: Storage, places: PlacesById): Promise<PublishedFile> {
  const ids = [...places.keys()].sort();
  const lines = ids.map((id) => lineOf({ city_id: id, ...places.get(id) }));
  return writeLines(storage, lines.join(''), lines.length);
}

/** Where the stations were that a publication has checked; rejects with TABLE_CORRUPT. */
export async function readPlaces(storage: Storage, file: PublishedFile): Promise<PlacesById> {
  const text = new TextDecoder().decode(await readChecked(storage, file));
  const places = new Map<string, Place>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const { city_id, latitude, longitude, elevation_m } = parsePlace(
      line,
      `${file.path}:${index + 1}`,
    );
    places.set(city_id, {
      latitude: latitude ?? Number.NaN,
      longitude: longitude ?? Number.NaN,
      elevation_m,
    });
  }
  return places;
}

function parsePlace(line: string, at: string): Static<typeof PlaceLine> {
  try {
    const value: unknown = JSON.parse(line);
    if (Value.Check(PlaceLine, value)) return value;
  } catch (error) {
    throw new IsobarError('TABLE_CORRUPT', `${at}: it is not JSON`, { cause: error });
  }
  throw new IsobarError('TABLE_CORRUPT', `${at}: it is not a place of a station`);
}
