/**
 * Verify, deep: every published number computed again from the raw export alone, by code that shares
 * nothing with the publisher's SQL, and compared.
 *
 * The raw export follows the table, and so does the publication; each may be behind the other. They are
 * compared only where both are of the same rows.
 */
import type { Publication } from '../../analytics/publication.ts';
import { isClose } from '../../model/agreement.ts';
import type { ClimateDataset } from '../../model/climate-datasets.ts';
import type { DateRange } from '../../model/climate-spells.ts';
import { DATASETS, type Dataset } from '../../model/datasets.ts';
import { compareTimes } from '../../model/iso-time.ts';
import type { QualityFlag } from '../../model/quality.ts';
import type { Row } from '../../sql/engine.ts';
import type { ExportCursor } from '../../table/export-documents.ts';
import { AnomaliesRecount } from './anomalies.ts';
import { CityStatisticsRecount } from './city-statistics.ts';
import { ClimateComparison } from './climate.ts';
import { ClimateNormalsRecount } from './climate-normals.ts';
import { bounded, compareRecount } from './compare.ts';
import { DailySummariesRecount } from './daily-summaries.ts';
import { EventsComparison } from './events.ts';
import { HourlyTrendsRecount } from './hourly-trends.ts';
import { MonthlySummariesRecount } from './monthly-summaries.ts';
import { listHours, type RawFiles, type RawHour, readRows } from './raw-files.ts';
import type { RawRow } from './raw-row.ts';
import { RecordsRecount } from './records.ts';
import type { Recount } from './recount.ts';
import { TableSumsRecount } from './table-sums.ts';

export interface DeepOptions extends RawFiles {
  /** Null before the first. */
  publication(): Promise<Publication | null>;
  /** Whether an earlier version of this program made it, which counted otherwise. */
  isOutdated(publication: Publication): boolean;
  rows(publication: Publication, dataset: Dataset): Promise<readonly Row[]>;
  /** Days and months of a range of dates; the other datasets as a whole. */
  climateRows(
    publication: Publication,
    dataset: ClimateDataset,
    range: DateRange,
  ): Promise<readonly Row[]>;
  /** Values that failed quality control: they are in no statistics. */
  failedValues(publication: Publication): Promise<readonly FailedValue[]>;
  /** Months whose events follow from the rows and flags of the publication, `2024-10`. */
  judgedMonths(publication: Publication): Promise<readonly string[]>;
  /** The events of one of them. */
  events(publication: Publication, month: string): Promise<readonly Row[]>;
  cursor(): Promise<ExportCursor>;
  /** Hours in which rows differ between two versions of the table, in either order. */
  hoursBetween(one: number, other: number): Promise<readonly string[]>;
  /** `tableSumsSql` over the rows of a version of the table. */
  tableSums(version: number): Promise<readonly Row[]>;
  readonly onProgress?: (text: string) => void;
  /** Days or months that are held before they are compared. */
  readonly rowsHeldMost?: number;
}

export type FailedValue = Pick<QualityFlag, 'city_id' | 'observed_at' | 'variable' | 'value'>;

export interface DeepReport {
  readonly sums: Readonly<Record<string, number | string>>;
  readonly differences: readonly string[];
}

/** Another process may publish or export meanwhile; differences are then looked for again. */
const ATTEMPTS_MAX = 3;
const HOURS_NAMED_MAX = 3;

export async function verifyDeep(options: DeepOptions, signal?: AbortSignal): Promise<DeepReport> {
  for (let attempt = 1; ; attempt += 1) {
    const [publication, cursor] = [await options.publication(), await options.cursor()];
    if (publication === null) return notCompared('nothing is published yet');
    const report = await verifyAt(options, publication, cursor, signal);
    if (report.differences.length === 0 || attempt === ATTEMPTS_MAX) return report;
    const [later, moved] = [await options.publication(), await options.cursor()];
    const isSame =
      later?.version === publication.version && JSON.stringify(moved) === JSON.stringify(cursor);
    if (isSame) return report;
  }
}

async function verifyAt(
  options: DeepOptions,
  publication: Publication,
  cursor: ExportCursor,
  signal?: AbortSignal,
): Promise<DeepReport> {
  if (options.isOutdated(publication)) {
    return notCompared('an earlier version of isobar published; run `isobar analyze` first');
  }
  const hours = await listHours(options);
  const missing = await missingOf(options, publication, cursor, hours);
  if (missing !== null) return notCompared(missing);
  options.onProgress?.(`raw export, ${hours.length} hours`);
  const problems: string[] = [];
  const published = new Map<Dataset, readonly Row[]>();
  for (const dataset of DATASETS) published.set(dataset, await options.rows(publication, dataset));
  const recounts = openRecounts(published.get('city_statistics') ?? []);
  const table = new TableSumsRecount();
  const all: readonly Recount[] = [...Object.values(recounts), table];
  const climate = new ClimateComparison(
    recounts,
    (dataset, range) => options.climateRows(publication, dataset, range),
    options.rowsHeldMost,
  );
  const events = new EventsComparison({
    months: await options.judgedMonths(publication),
    read: (month) => options.events(publication, month),
  });
  // What was reported is in the table, and may be unusual, whether it failed or not.
  const reported = new Set<Recount>([table, recounts.anomalies]);
  const sound = leaveOut(await options.failedValues(publication));
  const add = (row: RawRow) => {
    const counted = sound(row);
    for (const recount of all) recount.add?.(reported.has(recount) ? row : counted);
    climate.add(counted);
    events.add(row, counted);
  };
  const reach = async (seconds: number) => {
    await climate.reach(seconds);
    await events.reach(seconds);
  };
  const { rows } = await readRows(options, hours, { add, reach }, problems, signal);
  const differences = [
    ...bounded('raw export', problems),
    ...compareRecount('observations', table, await options.tableSums(publication.table_version)),
    ...DATASETS.flatMap((dataset) =>
      compareRecount(dataset, recounts[dataset], published.get(dataset) ?? []),
    ),
    ...(await climate.end()),
    ...(await events.end()),
    ...compareSummary(publication, recounts.city_statistics),
  ];
  return {
    sums: {
      'recounted publication': publication.version,
      'recounted from': `${hours.length} hours of the raw export, by TypeScript`,
      'recounted rows': rows,
      'recounted events': events.summary,
    },
    differences,
  };
}

/** A dataset that is published has to be here: without a line for it this does not compile. */
function openRecounts(statistics: readonly Row[]) {
  const city_statistics = new CityStatisticsRecount();
  const names = new Map(statistics.map(({ city_id, city }) => [city_id, city]));
  return {
    city_statistics,
    hourly_trends: new HourlyTrendsRecount(),
    anomalies: new AnomaliesRecount(city_statistics, statistics),
    daily_summaries: new DailySummariesRecount(names),
    monthly_summaries: new MonthlySummariesRecount(names),
    climate_normals: new ClimateNormalsRecount(names),
    records: new RecordsRecount(names),
  } satisfies Record<Dataset | ClimateDataset, Recount>;
}

/** What a row has without the values that failed, as long as they are what was checked. */
function leaveOut(failed: readonly FailedValue[]): (row: RawRow) => RawRow {
  const byCity = new Map<string, Map<number, FailedValue[]>>();
  for (const [city, ofCity] of Map.groupBy(failed, ({ city_id }) => city_id)) {
    const secondOf = ({ observed_at }: FailedValue) => Math.floor(Date.parse(observed_at) / 1_000);
    byCity.set(city, Map.groupBy(ofCity, secondOf));
  }
  return (row) => {
    const near = byCity.get(row.city_id)?.get(row.seconds);
    if (near === undefined) return row;
    const values = { ...row.values };
    for (const { variable, value, observed_at } of near) {
      const isSame = compareTimes(observed_at, row.observed_at) === 0;
      if (isSame && values[variable] === value) values[variable] = null;
    }
    return { ...row, values };
  };
}

function notCompared(why: string): DeepReport {
  return {
    sums: { 'recounted publication': 'not compared' },
    differences: [`the published numbers were not recomputed: ${why}`],
  };
}

/** Why the raw export does not hold the rows that the publication was made from; null when it does. */
async function missingOf(
  options: DeepOptions,
  { version, table_version }: Publication,
  cursor: ExportCursor,
  hours: readonly RawHour[],
): Promise<string | null> {
  const advice = 'run `isobar maintain export` and `isobar analyze`, and repeat this';
  if (cursor.table_version < 0) return `nothing was exported yet; ${advice}`;
  const differing = new Set(await options.hoursBetween(cursor.table_version, table_version));
  const entries = new Map(hours.map(({ hour, entry }) => [hour, entry]));
  // An hour that waits is as it was when it was written last; one that never was is missing.
  const since = new Map<number, string[]>();
  for (const hour of Object.keys(cursor.pending)) {
    const entry = entries.get(hour) ?? null;
    if (entry === null) differing.add(hour);
    else since.set(entry.table_version, [...(since.get(entry.table_version) ?? []), hour]);
  }
  for (const [written, pending] of since) {
    const changed = new Set(await options.hoursBetween(written, table_version));
    for (const hour of pending) if (changed.has(hour)) differing.add(hour);
  }
  if (differing.size === 0) return null;
  const named = [...differing].sort();
  const more = named.length - HOURS_NAMED_MAX;
  const list = named.slice(0, HOURS_NAMED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return (
    `publication ${version} is of version ${table_version} of the table, the raw export of version ` +
    `${cursor.table_version}, and these hours differ: ${list}; ${advice}`
  );
}

/** What the publication says of all cities. */
function compareSummary(publication: Publication, { tallies }: CityStatisticsRecount): string[] {
  const all = [...tallies.entries()];
  const sumOf = (add: (tally: (typeof all)[number][1]) => number) =>
    all.reduce((sum, [, tally]) => sum + add(tally), 0);
  const expected = sumOf(({ coverage }) => coverage.expectedSeconds);
  const held = sumOf(({ coverage }) => coverage.heldSeconds('value'));
  const firsts = all.map(([, { first }]) => first).sort(byTime);
  const lasts = all.map(([, { last }]) => last).sort(byTime);
  const few = all.filter(([, { temperature }]) => temperature.count < 11).map(([id]) => id);
  const recounted = {
    coverage_pct: all.length === 0 ? null : (100 * held) / expected,
    observed_from: firsts[0] ?? null,
    observed_to: lasts.at(-1) ?? null,
    not_enough_values: few.sort(),
  };
  return Object.entries(recounted).flatMap(([name, value]) => {
    const other = publication[name as keyof typeof recounted];
    if (isClose(value, other) || JSON.stringify(value) === JSON.stringify(other)) return [];
    const [said, found] = [JSON.stringify(other), JSON.stringify(value)];
    return [
      `publication ${publication.version} ${name}: ${said} published, ${found} from the raw export`,
    ];
  });
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}
