/**
 * Daily and monthly summaries, what is usual, and records.
 *
 * A refresh writes the days of live months and nothing else, so that its cost does not grow with
 * history. With the rollup the months of the city's clock that can no longer change with what is not
 * in it, and their sums by month of the year, are written. Whoever reads merges those with the
 * days since: at most six months of them, and all only where days are asked for.
 */
import type { Storage } from '../lake/storage.ts';
import {
  ALL_ROWS,
  CLIMATE_DATASETS,
  CLIMATE_KEYS,
  CLIMATE_SCHEMAS,
  type ClimateDataset,
  type ClimateRows,
  type ClimateSelection,
} from '../model/climate-datasets.ts';
import type { CityDay, CityDaySelection } from '../model/climate-spells.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { literal } from '../sql/text.ts';
import { CALENDAR_COLUMNS, DAY_PARTIAL_COLUMNS, MONTH_COLUMNS } from './climate-parts.ts';
import { CITY_STATISTICS_COLUMNS } from './columns.ts';
import { dropDays, materializeDays } from './compute.ts';
import { countingFiles, selectCounting } from './counting-files.ts';
import {
  aggregatesOf,
  type Partial,
  type Publication,
  type PublishedFile,
  type RollupFiles,
} from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';

const NO_AGGREGATES = { partials: [], rollup: null, days_live: null, days_appended: null };
const DAY_NAMES = Object.keys(DAY_PARTIAL_COLUMNS).join(', ');
const MONTH_NAMES = Object.keys(MONTH_COLUMNS).join(', ');
const CALENDAR_NAMES = Object.keys(CALENDAR_COLUMNS).join(', ');
/** The same with month 0, which stands for the whole year. */
const WHOLE_YEAR = CALENDAR_NAMES.replace('calendar_month', '0 AS calendar_month');

/** Writes the days of the view `observed_days`. */
export function writeDays(run: Run): Promise<PublishedFile> {
  return run.write('_partials', `SELECT ${DAY_NAMES} FROM observed_days`);
}

/** Writes what the rollup of these months holds of days; its last month is not whole yet. */
export async function writeMonths(
  run: Run,
  partials: readonly Partial[],
  months: readonly string[],
): Promise<Pick<RollupFiles, 'month_rows' | 'calendar_months'>> {
  const files = countingFiles(partials, 'days', months);
  await run.view(
    'days_partials',
    await selectCounting(run.define, 'days', DAY_PARTIAL_COLUMNS, files),
  );
  await run.session.materialize('whole_days', queryText('days'), run.signal);
  const before = literal(months.at(-1) ?? '');
  await run.session.materialize(
    'month_rows',
    `SELECT ${MONTH_NAMES} FROM (${queryText('month_rows')}) AS months WHERE month < ${before}`,
    run.signal,
  );
  await run.view('calendar_months_partials', queryText('calendar_months_partial'));
  const written = {
    month_rows: await run.write('_partials', `SELECT ${MONTH_NAMES} FROM month_rows`),
    calendar_months: await run.write(
      '_partials',
      `SELECT ${CALENDAR_NAMES} FROM (${queryText('calendar_months_merge')}) AS merged`,
    ),
  };
  await run.session.drop('month_rows');
  await run.session.drop('whole_days');
  return written;
}

/** SQL texts of what the datasets are made from. */
interface Sources {
  /** `city_id`, `city` */
  readonly names: string;
  readonly days: string;
  /** The months that the others hold are before this one; null when all are made from days. */
  readonly cutoff: string | null;
  readonly months: string;
  readonly calendar: string;
}

let reads = 0;

/**
 * The selected rows in order; empty while nothing, or by an earlier version of the program, was
 * published. `session` is DuckDB's, and files are those of this machine.
 */
export async function readClimate<D extends ClimateDataset>(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  dataset: D,
  selection: ClimateSelection = ALL_ROWS,
  signal?: AbortSignal,
): Promise<ClimateRows[D][]> {
  return withSources(storage, session, publication, dataset, (sources) =>
    session.query<ClimateRows[D]>(climateSql(dataset, sources, selection), {}, signal),
  );
}

/** The selected days by city and date, of `daily_summaries` what the rules of spells need. */
export async function readCityDays(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  { leastC, ...selection }: CityDaySelection,
  signal?: AbortSignal,
): Promise<CityDay[]> {
  const dataset = 'daily_summaries';
  return withSources(storage, session, publication, dataset, (sources) => {
    const relations = relationsOf(dataset, sources, { ...ALL_ROWS, ...selection });
    const sql = `WITH ${relations.join(',\n    ')}
      SELECT city_id, city, date, temperature_c_mean, temperature_c_max, coverage_pct
      FROM (${queryText(dataset)}) AS dataset
      WHERE ${leastC === null ? 'TRUE' : `temperature_c_max >= CAST(${leastC} AS DOUBLE)`}
      ORDER BY city_id, date`;
    return session.query<CityDay>(sql, {}, signal);
  });
}

/** Reads happen at the same time: each has views of its own, which are dropped after it. */
async function withSources<T>(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  dataset: ClimateDataset,
  read: (sources: Sources) => Promise<T>,
): Promise<T> {
  const prefix = `climate_${reads++}`;
  const views = new Set<string>();
  const define = async (name: string, files: readonly PublishedFile[], columns: Columns) => {
    const paths: string[] = [];
    for (const { path } of files) paths.push(await storage.localPath(path));
    views.add(name);
    await session.define(name, paths, columns);
  };
  try {
    return await read(await sourcesOf(define, prefix, publication, dataset));
  } finally {
    await session.execute([...views].map((name) => `DROP VIEW IF EXISTS ${name}`).join('; '));
  }
}

/** Nothing while nothing, or by an earlier version of the program, was published. */
async function sourcesOf(
  define: (name: string, files: readonly PublishedFile[], columns: Columns) => Promise<void>,
  prefix: string,
  publication: Publication | null,
  dataset: ClimateDataset,
): Promise<Sources> {
  const { partials, rollup, days_live, days_appended } = aggregatesOf(publication) ?? NO_AGGREGATES;
  const names = publication === null ? [] : [publication.datasets.city_statistics];
  await define(`${prefix}_names`, names, CITY_STATISTICS_COLUMNS);
  await define(`${prefix}_months`, rollup === null ? [] : [rollup.files.month_rows], MONTH_COLUMNS);
  const calendar = rollup === null ? [] : [rollup.files.calendar_months];
  await define(`${prefix}_calendar`, calendar, CALENDAR_COLUMNS);
  const cutoff = rollup?.months.at(-1) ?? null;
  // A day of that month may have begun in the month before it, by UTC.
  const since = dataset === 'daily_summaries' ? '' : (rollup?.months.at(-2) ?? '');
  const months = partials.flatMap((partial) => partial.months).filter((month) => month >= since);
  const files = countingFiles(partials, 'days', months);
  const live = days_live === null ? [] : [{ file: days_live, months: null }];
  const days = [...files, ...live];
  const select = [await selectCounting(define, `${prefix}_days`, DAY_PARTIAL_COLUMNS, days)];
  if (days_appended !== null) {
    await define(`${prefix}_days_appended`, [days_appended], DAY_PARTIAL_COLUMNS);
    select.push(`SELECT * FROM ${prefix}_days_appended`);
  }
  return {
    names: `SELECT city_id, city FROM ${prefix}_names`,
    days: select.join(' UNION ALL '),
    cutoff,
    months: `SELECT ${MONTH_NAMES} FROM ${prefix}_months`,
    calendar: `SELECT ${CALENDAR_NAMES} FROM ${prefix}_calendar`,
  };
}

export interface ClimateViews {
  /** Of files. */
  readonly files: Readonly<
    Record<string, { readonly paths: readonly string[]; readonly columns: Columns }>
  >;
  /** Of the datasets: texts over the views of files. */
  readonly datasets: Readonly<Record<ClimateDataset, string>>;
}

/** Views for a session of its own. */
export async function climateViews(
  storage: Storage,
  publication: Publication | null,
): Promise<ClimateViews> {
  const files: Record<string, { paths: string[]; columns: Columns }> = {};
  const texts: [ClimateDataset, string][] = [];
  for (const dataset of CLIMATE_DATASETS) {
    const define = async (name: string, of: readonly PublishedFile[], columns: Columns) => {
      files[name] = {
        paths: await Promise.all(of.map((file) => storage.localPath(file.path))),
        columns,
      };
    };
    const sources = await sourcesOf(define, `_${dataset}`, publication, dataset);
    texts.push([dataset, climateSql(dataset, sources, ALL_ROWS)]);
  }
  return { files, datasets: Object.fromEntries(texts) as ClimateViews['datasets'] };
}

/** The datasets of the rows in the view `observations`, from days alone; for comparisons. */
export async function computeClimate<D extends ClimateDataset>(
  session: SqlSession,
  dataset: D,
  selection: ClimateSelection = ALL_ROWS,
): Promise<ClimateRows[D][]> {
  const names = 'SELECT city_id, max_by(city, month) AS city FROM observed_names GROUP BY city_id';
  const nothing = (columns: Columns) =>
    Object.entries(columns).map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`);
  await materializeDays(session);
  try {
    const sources = {
      ...{ names, cutoff: null },
      days: `SELECT ${DAY_NAMES} FROM observed_days`,
      months: `SELECT ${nothing(MONTH_COLUMNS).join(', ')} WHERE FALSE`,
      calendar: `SELECT ${nothing(CALENDAR_COLUMNS).join(', ')} WHERE FALSE`,
    };
    return await session.query<ClimateRows[D]>(climateSql(dataset, sources, selection));
  } finally {
    await dropDays(session);
  }
}

function climateSql(
  dataset: ClimateDataset,
  sources: Sources,
  selection: ClimateSelection,
): string {
  const limit = selection.limit === null ? '' : ` LIMIT ${selection.limit}`;
  return `WITH ${relationsOf(dataset, sources, selection).join(',\n    ')}
    SELECT ${Object.keys(CLIMATE_SCHEMAS[dataset].properties).join(', ')}
    FROM (${queryText(dataset)}) AS dataset
    WHERE ${rowConditions(dataset, selection).join(' AND ')}
    ORDER BY ${CLIMATE_KEYS[dataset].join(', ')}${limit}`;
}

/** What the dataset's text is over, by the names that it has there. */
function relationsOf(
  dataset: ClimateDataset,
  { names, days, cutoff, months, calendar }: Sources,
  selection: ClimateSelection,
): string[] {
  const ofCities = citiesCondition(selection);
  const relations = [`city_names AS (${names})`];
  if (dataset === 'daily_summaries') {
    const [from, to] = [dayOf(selection.from), dayOf(selection.to)];
    const conditions = [
      ofCities,
      ...(from === null ? [] : [`day >= ${from}`]),
      ...(to === null ? [] : [`day < ${to}`]),
    ].join(' AND ');
    return [
      ...relations,
      `days_partials AS (SELECT * FROM (${days}) AS selected WHERE ${conditions})`,
    ];
  }
  const since = cutoff === null ? '' : ` WHERE month >= ${literal(cutoff)}`;
  const recent = `SELECT ${MONTH_NAMES} FROM (${queryText('month_rows')}) AS recent${since}`;
  relations.push(`days_partials AS (SELECT * FROM (${days}) AS selected WHERE ${ofCities})`);
  relations.push(`whole_days AS (${queryText('days')})`);
  if (dataset === 'monthly_summaries') {
    const older = `SELECT * FROM (${months}) AS older WHERE ${ofCities}`;
    return [...relations, `month_rows AS (${older} UNION ALL ${recent})`];
  }
  const merged = `SELECT * FROM (${calendar}) AS older WHERE ${ofCities}`;
  const more = `SELECT ${CALENDAR_NAMES} FROM (${queryText('calendar_months_partial')}) AS recent`;
  return [
    ...relations,
    `month_rows AS (${recent})`,
    `calendar_months AS (${merged} UNION ALL ${more})`,
    `calendar_months_partials AS (
      SELECT ${CALENDAR_NAMES} FROM calendar_months
      UNION ALL SELECT ${WHOLE_YEAR} FROM calendar_months
    )`,
  ];
}

function citiesCondition({ cities, after }: ClimateSelection): string {
  const from = after === null ? [] : [`city_id >= ${keyText(after[0] ?? '')}`];
  const among = cities.length === 0 ? [] : [`city_id IN (${cities.map(literal).join(', ')})`];
  return [...from, ...among].join(' AND ') || 'TRUE';
}

function rowConditions(
  dataset: ClimateDataset,
  { from, to, after }: ClimateSelection,
): readonly string[] {
  const keys = CLIMATE_KEYS[dataset];
  const conditions = ['TRUE'];
  if (after !== null) {
    conditions.push(`(${keys.join(', ')}) > (${after.map(keyText).join(', ')})`);
  }
  if (dataset !== 'monthly_summaries') return conditions;
  const first = "(month || '-01')";
  if (from !== null) conditions.push(`${first} >= ${literal(from)}`);
  if (to !== null) conditions.push(`${first} < ${literal(to)}`);
  return conditions;
}

function keyText(value: string | number): string {
  return typeof value === 'number' ? String(value) : literal(value);
}

/** Days since 1970-01-01. */
function dayOf(date: string | null): number | null {
  return date === null ? null : Math.floor(Date.parse(date) / 86_400_000);
}
