/** The flags of quality control and the events that a publication names, for readers: files by month. */
import type { Storage } from '../lake/storage.ts';
import type { AnomalyEvent, AnomalyEventSelection } from '../model/anomaly-events.ts';
import type {
  CheckedQuality,
  QualityFlag,
  QualityFlagSelection,
  StationDrift,
  StationDriftSelection,
} from '../model/quality.ts';
import type { AnalyticsStatus } from '../model/status.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { literal, timestamp } from '../sql/text.ts';
import { EVENT_COLUMNS, QUALITY_FLAG_COLUMNS, STATION_DRIFT_COLUMNS } from './columns.ts';
import { failedMonths } from './failed-values.ts';
import type { Publication, PublishedFile, Quality } from './publication.ts';

/** ISO 8601 in UTC; `from` is inclusive, `to` exclusive, null for no limit. */
export type Range = Pick<QualityFlagSelection, 'from' | 'to'>;

interface FileOfMonth {
  readonly month: string;
  readonly file: PublishedFile | null;
}

/** Local paths of the files with the values that failed in this time; null for any time. */
export function failedFlagPaths(
  storage: Storage,
  { quality }: Publication,
  range: Range | null,
): Promise<string[]> {
  return localPaths(storage, flagFiles(failedMonths(quality ?? null, null)), range);
}

function flagFiles(months: Quality['months']): FileOfMonth[] {
  return months.map(({ month, flags }) => ({ month, file: flags }));
}

function localPaths(
  storage: Storage,
  months: readonly FileOfMonth[],
  range: Range | null,
): Promise<string[]> {
  const { from, to } = range ?? { from: null, to: null };
  const wanted = months.filter(
    ({ month }) =>
      (from === null || month >= from.slice(0, 7)) && (to === null || month <= to.slice(0, 7)),
  );
  return Promise.all(
    wanted.flatMap(({ file }) => (file === null ? [] : [storage.localPath(file.path)])),
  );
}

/** Newest first; of one time by city, variable and test. */
export async function readFlags(
  storage: Storage,
  session: SqlSession,
  { quality, events = [] }: Publication,
  { tests, verdict, ...selection }: QualityFlagSelection,
): Promise<QualityFlag[]> {
  const unseasonal = events.map(({ month, flags = null }) => ({ month, file: flags }));
  const files = [...flagFiles(quality?.months ?? []), ...unseasonal];
  const paths = await localPaths(storage, files, selection);
  return readRows<QualityFlag>(session, paths, {
    ...{ ...selection, columns: QUALITY_FLAG_COLUMNS, time: 'observed_at' },
    key: ['city_id', 'variable', 'test'],
    among: { test: tests, verdict: verdict === null ? [] : [verdict] },
  });
}

/** Newest first; of one time by city and variable. */
export async function readEvents(
  storage: Storage,
  session: SqlSession,
  { events }: Publication,
  { classes, severities, ...selection }: AnomalyEventSelection,
): Promise<AnomalyEvent[]> {
  const files = (events ?? []).map(({ month, events: file }) => ({ month, file }));
  return readRows<AnomalyEvent>(session, await localPaths(storage, files, selection), {
    ...{ ...selection, columns: EVENT_COLUMNS, time: 'began_at' },
    key: ['city_id', 'variable'],
    among: { class: classes, severity: severities },
  });
}

/** Newest first; of one day by city and variable. */
export async function readDrift(
  storage: Storage,
  session: SqlSession,
  { quality }: Publication,
  selection: StationDriftSelection,
): Promise<StationDrift[]> {
  const files = (quality?.months ?? []).map(({ month, drift = null }) => ({ month, file: drift }));
  return readRows<StationDrift>(session, await localPaths(storage, files, selection), {
    ...{ ...selection, columns: STATION_DRIFT_COLUMNS, time: 'began_at' },
    ...{ key: ['city_id', 'variable'], among: {} },
  });
}

interface Selected extends Range {
  readonly columns: Columns;
  /** The column that is a time. */
  readonly time: string;
  /** The columns that distinguish rows of one time, in order. */
  readonly key: readonly string[];
  readonly cities: readonly string[];
  readonly variables: readonly string[];
  /** Column → its values; all when empty. */
  readonly among: Readonly<Record<string, readonly string[]>>;
  /** Only rows after this one, in their order; null for the first. */
  readonly after: Readonly<Record<string, string>> | null;
  readonly limit: number;
}

let reads = 0;

async function readRows<R>(
  session: SqlSession,
  paths: readonly string[],
  selected: Selected,
): Promise<R[]> {
  if (paths.length === 0) return [];
  // Rows are read at the same time: each reading has a view of its own.
  const view = `published_months_${reads++}`;
  await session.define(view, paths, selected.columns);
  const { time, key, limit } = selected;
  const reading = session.query<R>(
    `SELECT * FROM ${view} WHERE ${conditionsOf(selected).join(' AND ')}
     ORDER BY ${time} DESC, ${key.join(', ')} LIMIT ${limit}`,
  );
  return await reading.finally(() => session.execute(`DROP VIEW ${view}`));
}

function conditionsOf({ cities, variables, among, from, to, after, ...named }: Selected): string[] {
  const { time, key } = named;
  const lists = Object.entries({ city_id: cities, variable: variables, ...among });
  return [
    'TRUE',
    ...lists.flatMap(([name, values]) =>
      values.length === 0 ? [] : [`${name} IN (${values.map(literal).join(', ')})`],
    ),
    ...(from === null ? [] : [`${time} >= ${timestamp(from)}`]),
    ...(to === null ? [] : [`${time} < ${timestamp(to)}`]),
    ...(after === null ? [] : [isAfter(after, time, key)]),
  ];
}

function isAfter(
  after: Readonly<Record<string, string>>,
  time: string,
  key: readonly string[],
): string {
  const at = timestamp(after[time] ?? '');
  const values = key.map((name) => literal(after[name] ?? '')).join(', ');
  return `(${time} < ${at} OR (${time} = ${at} AND (${key.join(', ')}) > (${values})))`;
}

type Checks = Pick<Publication, 'quality' | 'events'>;

/** Null while values are not checked. */
export function summariseQuality({ quality, events = [] }: Checks): CheckedQuality | null {
  if (quality === undefined) return null;
  const { months } = quality;
  return {
    key: months.map(({ month, failed_sha256 }) => `${month} ${failed_sha256}`).join(),
    failed: months.reduce((sum, { failed }) => sum + failed, 0),
    suspect: [...months, ...events].reduce((sum, { suspect = 0 }) => sum + suspect, 0),
    tableVersion: Math.max(-1, ...months.map(({ table_version }) => table_version)),
  };
}

/** The same for the status. */
export function qualityStatus(checks: Checks): AnalyticsStatus['quality'] {
  const checked = summariseQuality(checks);
  if (checked === null) return null;
  const { tableVersion: table_version, failed, suspect } = checked;
  return { table_version, failed, suspect };
}
