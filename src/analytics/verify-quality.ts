/** Whether the flags and events of a publication are those that its rows get. */
import type { Storage } from '../lake/storage.ts';
import { isClose } from '../model/agreement.ts';
import { EVENT_ORDER } from '../model/anomaly-events.ts';
import { DRIFT_ORDER, FLAG_ORDER } from '../model/quality.ts';
import type { Columns, Row, SqlSession } from '../sql/engine.ts';
import type { Snapshot, Table } from '../table/table.ts';
import { basisOf, judgeMonth, monthsBehind } from './anomaly-events.ts';
import { EVENT_COLUMNS, QUALITY_FLAG_COLUMNS, STATION_DRIFT_COLUMNS } from './columns.ts';
import type {
  EventsMonth,
  Publication,
  PublishedFile,
  Quality,
  QualityMonth,
} from './publication.ts';
import { checkFiles, hasMoved, type PlacesById, readPlaces, unchanged } from './quality-control.ts';

export interface VerifyQualityOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly columns: Columns;
  readonly table: Table;
  /** Where the stations are now. */
  readonly places: () => Promise<PlacesById>;
}

/**
 * Checks and judges the months again whose rows are still those that were checked; the others are checked
 * anew by the next run.
 */
export async function verifyQuality(
  options: VerifyQualityOptions,
  { version, quality, events = [] }: Publication,
  snapshot: Snapshot,
): Promise<string[]> {
  if (quality === undefined) return [];
  const same = await unchanged(options.table, snapshot, quality);
  const problems = [
    ...(await compareFlags(options, quality, same, snapshot)),
    ...(await compareEvents(options, { quality, events, same }, snapshot)),
  ];
  return problems.map((problem) => `publication ${version}: ${problem}`);
}

/** All months are checked anew when a station is elsewhere now. */
async function compareFlags(
  options: VerifyQualityOptions,
  quality: Quality,
  same: readonly QualityMonth[],
  snapshot: Snapshot,
): Promise<string[]> {
  const places = await readPlaces(options.storage, quality.places);
  if (hasMoved(places, await options.places())) return [];
  const problems: string[] = [];
  for (const month of same) {
    const problem = await compareMonth(options, month, snapshot, places);
    if (problem !== null) problems.push(`${month.month}: ${problem}`);
  }
  return problems;
}

async function compareMonth(
  options: VerifyQualityOptions,
  { month, flags, drift }: QualityMonth,
  snapshot: Snapshot,
  places: PlacesById,
): Promise<string | null> {
  const files = snapshot.files.filter((file) => (file.month ?? '') === month);
  const wanted = await checkFiles(options, files, places);
  const published = await readRows(options, flags, QUALITY_FLAG_COLUMNS, FLAG_ORDER);
  const problem = compare('quality flag', wanted.flags, published);
  if (problem !== null || drift === undefined) return problem;
  const days = await readRows(options, drift, STATION_DRIFT_COLUMNS, DRIFT_ORDER);
  return compare('day of drift', wanted.drift, days);
}

/** Months that are judged again: each takes seconds of every city. */
const JUDGED_MOST = 3;

interface JudgedMonths {
  readonly quality: Quality;
  readonly events: readonly EventsMonth[];
  /** Those whose rows are still those that were checked. */
  readonly same: readonly QualityMonth[];
}

/** The months whose events follow from the rows of the snapshot. */
export async function judgedMonths(
  table: Table,
  snapshot: Snapshot,
  { quality, events = [] }: Publication,
): Promise<readonly EventsMonth[]> {
  if (quality === undefined) return [];
  return stillJudged({ quality, events, same: await unchanged(table, snapshot, quality) });
}

function stillJudged({ quality, events, same }: JudgedMonths): readonly EventsMonth[] {
  const sameMonths = new Set(same.map(({ month }) => month));
  return events.filter(({ month, basis_sha256 }) => {
    if (basis_sha256 !== basisOf(quality, month)) return false;
    const behind = monthsBehind(month);
    return quality.months.every((one) => sameMonths.has(one.month) || !behind.has(one.month));
  });
}

/** The newest of those whose rows are still those that were judged. */
async function compareEvents(
  options: VerifyQualityOptions,
  { quality, events, same }: JudgedMonths,
  snapshot: Snapshot,
): Promise<string[]> {
  const problems: string[] = [];
  for (const month of stillJudged({ quality, events, same }).slice(-JUDGED_MOST)) {
    const wanted = await judgeMonth(options, snapshot, quality, month.month);
    const published = await readRows(options, month.events, EVENT_COLUMNS, EVENT_ORDER);
    const flags = await readRows(options, month.flags ?? null, QUALITY_FLAG_COLUMNS, FLAG_ORDER);
    const found = [
      compare('event', wanted.events, published),
      compare('climatological flag', wanted.flags, flags),
    ];
    problems.push(...found.flatMap((one) => (one === null ? [] : [`${month.month}: ${one}`])));
  }
  return problems;
}

async function readRows(
  { storage, session }: VerifyQualityOptions,
  file: PublishedFile | null,
  columns: Columns,
  order: readonly string[],
): Promise<Row[]> {
  if (file === null) return [];
  await session.define('published_rows', [await storage.localPath(file.path)], columns);
  return session.query(`SELECT * FROM published_rows ORDER BY ${order.join(', ')}`);
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
