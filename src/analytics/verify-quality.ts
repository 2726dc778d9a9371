/** Whether the flags and events of a publication are those that its rows get. */
import type { Storage } from '../lake/storage.ts';
import { isClose } from '../model/agreement.ts';
import type { Columns, Row, SqlSession } from '../sql/engine.ts';
import type { Snapshot, Table } from '../table/table.ts';
import { basisOf, EVENT_ORDER, judgeMonth, monthsBehind } from './anomaly-events.ts';
import { EVENT_COLUMNS, QUALITY_FLAG_COLUMNS } from './columns.ts';
import type { EventsMonth, Publication, PublishedFile, QualityMonth } from './publication.ts';
import {
  checkFiles,
  FLAG_ORDER,
  hasMoved,
  type PlacesById,
  readPlaces,
  unchanged,
} from './quality-control.ts';

export interface VerifyQualityOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly columns: Columns;
  readonly table: Table;
  /** Where the stations are now. */
  readonly places: () => Promise<PlacesById>;
}

/**
 * Checks the months again whose rows are still those that were checked; the others are checked anew by
 * the next run. All are when a station is elsewhere now.
 */
export async function verifyQuality(
  options: VerifyQualityOptions,
  { version, quality }: Publication,
  snapshot: Snapshot,
): Promise<string[]> {
  if (quality === undefined) return [];
  const places = await readPlaces(options.storage, quality.places);
  if (hasMoved(places, await options.places())) return [];
  const differences: string[] = [];
  for (const month of await unchanged(options.table, snapshot, quality)) {
    const problem = await compareMonth(options, month, snapshot, places);
    if (problem !== null) differences.push(`publication ${version}: ${month.month}: ${problem}`);
  }
  return differences;
}

async function compareMonth(
  options: VerifyQualityOptions,
  { month, flags }: QualityMonth,
  snapshot: Snapshot,
  places: PlacesById,
): Promise<string | null> {
  const files = snapshot.files.filter((file) => (file.month ?? '') === month);
  const wanted = (await checkFiles(options, files, places)).flags;
  const published = await readRows(options, flags, QUALITY_FLAG_COLUMNS, FLAG_ORDER);
  return compare('quality flag', wanted, published);
}

/** Months that are judged again: each takes seconds of every city. */
const JUDGED_MOST = 3;

/** Judges the newest months again whose rows are still those that were judged. */
export async function verifyEvents(
  options: VerifyQualityOptions,
  { version, quality, events = [] }: Publication,
  snapshot: Snapshot,
): Promise<string[]> {
  if (quality === undefined) return [];
  const same = new Set(
    (await unchanged(options.table, snapshot, quality)).map(({ month }) => month),
  );
  const isSame = ({ month, basis_sha256 }: EventsMonth) =>
    basis_sha256 === basisOf(quality, month) &&
    quality.months.every((one) => same.has(one.month) || !monthsBehind(month).has(one.month));
  const differences: string[] = [];
  for (const month of events.filter(isSame).slice(-JUDGED_MOST)) {
    const wanted = (await judgeMonth(options, snapshot, quality, month.month)).events;
    const published = await readRows(options, month.events, EVENT_COLUMNS, EVENT_ORDER);
    const problem = compare('event', wanted, published);
    if (problem !== null) differences.push(`publication ${version}: ${month.month}: ${problem}`);
  }
  return differences;
}

async function readRows(
  { storage, session }: VerifyQualityOptions,
  file: PublishedFile | null,
  columns: Columns,
  order: string,
): Promise<Row[]> {
  if (file === null) return [];
  await session.define('published_rows', [await storage.localPath(file.path)], columns);
  return session.query(`SELECT * FROM published_rows ORDER BY ${order}`);
}

function compare(
  what: string,
  wanted: readonly object[],
  published: readonly Row[],
): string | null {
  if (published.length !== wanted.length) {
    return `${published.length} ${what}s published, ${wanted.length} found`;
  }
  for (const [index, row] of wanted.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const other = published[index]?.[name];
      if (isClose(value, other)) continue;
      return `${name} of ${what} ${index + 1}: ${other} published, ${value} found`;
    }
  }
  return null;
}
