/**
 * Events of the rule seasonal, month by month. The events of a month follow from the rows and flags of
 * some months alone, whatever was judged before: the rule watches the two months before it begins to
 * flag, and what is usual comes from the weeks before and from the season of earlier years. So a month
 * is judged again only when one of those has changed. Events are cut where a month ends.
 */
import { createHash } from 'node:crypto';
import { windowsBetween } from '../anomalies/baseline.ts';
import { explainRuns, type Run } from '../anomalies/events.ts';
import { judgeCity, seasonOf } from '../anomalies/judge.ts';
import type { Storage } from '../lake/storage.ts';
import { type AnomalyEvent, EVENT_ORDER } from '../model/anomaly-events.ts';
import { byColumns } from '../model/order.ts';
import { FLAG_ORDER, type QualityFlag } from '../model/quality.ts';
import { findNeighbours, neighboursOf } from '../quality/neighbours.ts';
import { readStations } from '../quality/read-stations.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import type { Snapshot, Table } from '../table/table.ts';
import { takeTurns } from '../waiting.ts';
import { EVENT_COLUMNS, QUALITY_FLAG_COLUMNS } from './columns.ts';
import type { EventsMonth, Quality, QualityMonth } from './publication.ts';
import { writeRows } from './published-files.ts';
import { monthsOf, type PlacesById, readPlaces } from './quality-control.ts';
import { queryText } from './queries.ts';
import { type DaysOfCity, readSeasonHours } from './season-hours.ts';

export interface EventsControlOptions {
  readonly table: Table;
  readonly columns: Columns;
  readonly storage: Storage;
  /** Of this machine's engine, and used for nothing else. */
  readonly session: SqlSession;
  readonly scratch: string;
}

type Reading = Omit<EventsControlOptions, 'scratch'>;

export interface EventsControl {
  /**
   * Judges what of the snapshot's months was not judged in `before`, the newest first, at most so many;
   * `quality` is that of the snapshot. Null when there is nothing to judge.
   */
  judge(
    snapshot: Snapshot,
    quality: Quality,
    before: readonly EventsMonth[],
    monthsMost: number,
    signal?: AbortSignal,
  ): Promise<readonly EventsMonth[] | null>;
}

export function openEventsControl(options: EventsControlOptions): EventsControl {
  return {
    async judge(snapshot, quality, before, monthsMost, signal) {
      const known = new Map(before.map((month) => [month.month, month]));
      const wanted = quality.months.map(({ month }) => ({ month, basis: basisOf(quality, month) }));
      const isKnown = ({ month, basis }: { month: string; basis: string }) =>
        known.get(month)?.basis_sha256 === basis;
      const outdated = wanted.filter((month) => month.month !== '' && !isKnown(month)).reverse();
      const kept = wanted.filter(isKnown).flatMap(({ month }) => known.get(month) ?? []);
      if (outdated.length === 0 && kept.length === before.length) return null;
      const judged: EventsMonth[] = [];
      for (const { month, basis } of outdated.slice(0, monthsMost)) {
        const found = await judgeMonth(options, snapshot, quality, month, signal);
        judged.push({
          month,
          basis_sha256: basis,
          events: await writeRows(options, EVENT_COLUMNS, found.events, EVENT_ORDER),
          flags: await writeRows(options, QUALITY_FLAG_COLUMNS, found.flags, FLAG_ORDER),
          suspect: found.suspect,
          learning: found.learning,
        });
      }
      // What is outdated and not judged yet stays as it was.
      const later = outdated.slice(monthsMost).flatMap(({ month }) => known.get(month) ?? []);
      return [...kept, ...judged, ...later].sort((a, b) => (a.month < b.month ? -1 : 1));
    },
  };
}

/** Those of months that are there. */
export function joinEvents(months: readonly EventsMonth[], snapshot: Snapshot): EventsMonth[] {
  const there = new Set(monthsOf(snapshot));
  return months.filter(({ month }) => there.has(month));
}

const DAY_MS = 86_400_000;
/** Months before the one that is judged in which the rule learns. */
const WATCHED = 2;
/** Cities that are held in memory at once. */
const CITIES_MOST = 200;

export interface Span {
  /** Milliseconds since 1970: of the month, of the months that the rule watches. */
  readonly from: number;
  readonly to: number;
  readonly watchedFrom: number;
  /** Days since 1970 that what is usual follows from. */
  readonly windows: readonly (readonly [number, number])[];
}

export function spanOf(month: string): Span {
  const first = new Date(`${month}-01T00:00:00Z`);
  const at = (months: number) => Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + months);
  const [from, to, watchedFrom] = [at(0), at(1), at(-WATCHED)];
  return { from, to, watchedFrom, windows: windowsBetween(watchedFrom / DAY_MS, to / DAY_MS) };
}

/** The months that the events of this one follow from. */
export function monthsBehind(month: string): ReadonlySet<string> {
  const { watchedFrom, to, windows } = spanOf(month);
  const spans = [
    [watchedFrom, to - 1],
    ...windows.map(([a, b]) => [a * DAY_MS, (b + 1) * DAY_MS - 1]),
  ];
  const months = new Set<string>();
  for (const [a = 0, b = 0] of spans) {
    const last = monthOf(b);
    for (let at = new Date(a); monthOf(at.getTime()) <= last; ) {
      months.add(monthOf(at.getTime()));
      at = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1));
    }
  }
  return months;
}

function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7);
}

/** Changes with what a month is judged by, so that all are judged again. */
const JUDGING = 3;

/** What the events of a month follow from, as it was checked. */
export function basisOf({ months, places }: Quality, month: string): string {
  if (month === '') return '';
  const behind = monthsBehind(month);
  const basis = months
    .filter((one) => behind.has(one.month))
    .map((one) => [one.month, one.table_version, one.failed_sha256, one.flags?.sha256 ?? null]);
  return createHash('sha256')
    .update(JSON.stringify([JUDGING, basis, places.sha256]))
    .digest('hex');
}

export interface JudgedMonth {
  readonly events: readonly AnomalyEvent[];
  /** Of the climatological test. */
  readonly flags: readonly QualityFlag[];
  /** Values that have no other flag. */
  readonly suspect: number;
  /** City → days that are known of it, the fewest of its variables. */
  readonly learning: Readonly<Record<string, number>>;
}

export async function judgeMonth(
  options: Reading,
  snapshot: Snapshot,
  quality: Quality,
  month: string,
  signal?: AbortSignal,
): Promise<JudgedMonth> {
  const { session } = options;
  const behind = monthsBehind(month);
  await defineRows(options, snapshot, quality, behind);
  const { from, to, watchedFrom, windows } = spanOf(month);
  const range = [watchedFrom, to].map((at) => new Date(at).toISOString()) as [string, string];
  const ids = await citiesOf(session, new Date(from).toISOString(), range[1]);
  const runs: Run[] = [];
  const unseasonal: QualityFlag[] = [];
  const learning: Record<string, number> = {};
  const days = new Map<string, DaysOfCity>();
  const turn = takeTurns(signal);
  for (let at = 0; at < ids.length; at += CITIES_MOST) {
    const chosen = ids.slice(at, at + CITIES_MOST);
    const hours = await readSeasonHours(session, windows, chosen, signal);
    const [start, end] = range;
    const between = { from: start, to: end, cities: chosen };
    for (const station of await readStations(session, new Map(), between, signal)) {
      const known = hours.get(station.city_id) ?? {};
      const judged = judgeCity({ ...station, days: known }, from);
      runs.push(...judged.runs);
      unseasonal.push(...judged.flags);
      const fewest = Math.min(...Object.values(judged.learning));
      if (Number.isFinite(fewest)) learning[station.city_id] = fewest;
      if (judged.runs.length > 0) days.set(station.city_id, known);
      await turn();
    }
  }
  const flags = await flagsOf(options, quality, month);
  const events = explainRuns(runs, {
    flags,
    neighbours: neighboursAmong(await readPlaces(options.storage, quality.places), runs),
    season: (run) => seasonOf(days.get(run.city_id)?.[run.variable] ?? new Map(), run),
  });
  const flagged = new Set(flags.map(keyOf));
  return {
    events,
    flags: unseasonal.sort(byColumns(FLAG_ORDER)),
    suspect: unseasonal.filter((flag) => !flagged.has(keyOf(flag))).length,
    learning,
  };
}

/** Names a value. */
function keyOf({ city_id, observed_at, variable }: QualityFlag): string {
  return `${city_id} ${observed_at} ${variable}`;
}

/** Makes the views `observations` and `failed_values` hold those of the months. */
async function defineRows(
  { session, table, storage, columns }: Reading,
  snapshot: Snapshot,
  quality: Quality,
  months: ReadonlySet<string>,
): Promise<void> {
  const files = snapshot.files.filter((file) => months.has(file.month ?? ''));
  await session.define('observations', await table.localPaths(files), columns);
  const failing = quality.months.filter((one) => months.has(one.month) && one.failed > 0);
  await session.define('quality_flags', await flagPaths(storage, failing), QUALITY_FLAG_COLUMNS);
  await session.materialize('failed_values', queryText('failed_values'));
}

function flagPaths(storage: Storage, months: readonly QualityMonth[]): Promise<string[]> {
  return Promise.all(
    months.flatMap(({ flags }) => (flags === null ? [] : [storage.localPath(flags.path)])),
  );
}

async function citiesOf(session: SqlSession, from: string, to: string): Promise<string[]> {
  const rows = await session.query<{ city_id: string }>(
    'SELECT DISTINCT city_id FROM observations ' +
      'WHERE observed_at >= CAST($from AS TIMESTAMPTZ) AND observed_at < CAST($to AS TIMESTAMPTZ) ' +
      'ORDER BY city_id',
    { from, to },
  );
  return rows.map(({ city_id }) => city_id);
}

async function flagsOf(
  { session, storage }: Reading,
  quality: Quality,
  month: string,
): Promise<QualityFlag[]> {
  const paths = await flagPaths(
    storage,
    quality.months.filter((one) => one.month === month),
  );
  if (paths.length === 0) return [];
  await session.define('quality_flags_of_month', paths, QUALITY_FLAG_COLUMNS);
  return session.query<QualityFlag>('SELECT * FROM quality_flags_of_month');
}

const NEIGHBOURS_KM = 300;
const NEIGHBOURS_MOST = 24;

/** Of the cities that have an event. */
function neighboursAmong(
  places: PlacesById,
  runs: readonly Run[],
): ReadonlyMap<string, readonly string[]> {
  const ids = [...new Set(runs.map(({ city_id }) => city_id))].sort();
  const all = [...places.keys()].sort();
  const coordinate = (name: 'latitude' | 'longitude') =>
    Float64Array.from(all, (id) => places.get(id)?.[name] ?? Number.NaN);
  const found = findNeighbours(
    {
      latitude: coordinate('latitude'),
      longitude: coordinate('longitude'),
      elevation: new Float64Array(all.length).fill(Number.NaN),
    },
    NEIGHBOURS_KM,
    NEIGHBOURS_MOST,
  );
  const at = new Map(all.map((id, index) => [id, index]));
  return new Map(
    ids.map((id) => {
      const index = at.get(id);
      const near = index === undefined ? [] : [...neighboursOf(found, index)];
      return [id, near.map((one) => all[one] ?? '')];
    }),
  );
}
