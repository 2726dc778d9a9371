import type { Columns } from '../sql/engine.ts';
/**
 * The partial aggregates that datasets are merged from.
 *
 *     partial  of some months, computed from rows in one go; a month's newest one counts
 *     rollup   of all months but the newest, merged into one, so that the cost of a refresh does not
 *              grow with the length of history
 *     live     months without a partial aggregate: the newest, which change with every landing. Theirs
 *              are computed anew from rows that are in the engine, and written when they stop changing
 *
 * Datasets are merged from the rollup, the partials of months that are not in it, and the live months.
 */
import { writeDays, writeMonths } from './climate.ts';
import { CITY_PARTIAL_COLUMNS, HOURLY_PARTIAL_COLUMNS } from './columns.ts';
import { dropDays, materializeDays } from './compute.ts';
import { countingFiles, selectCounting } from './counting-files.ts';
import { COVERAGE_PARTIAL_COLUMNS } from './coverage.ts';
import type {
  Aggregates,
  Partial,
  PartialFiles,
  PublishedFile,
  Rollup,
  RollupFiles,
} from './publication.ts';
import { queryText } from './queries.ts';
import { countRows, type Run } from './run.ts';

/** Months that are not merged into the rollup: the newest are the ones that change. */
const FREE_MONTHS = { least: 2, most: 4 } as const;
/**
 * Rows that are computed in one go: few enough for this machine that what is sorted need not go to
 * disk, and many for an engine elsewhere, to which each statement costs as much as a million rows.
 */
const CHUNK_ROWS = { machine: 3_000_000, lake: 30_000_000 } as const;
/** Above this the partial aggregates of a month are written whenever they change. */
const LIVE_ROWS_MAX = 500_000;
/** Rows of partial aggregates that are kept in the engine from one refresh to the next. */
const KEPT_ROWS_MAX = 200_000;

/** Those that are merged over months; days are not (climate.ts). */
const KINDS = [
  ['city_statistics', CITY_PARTIAL_COLUMNS],
  ['coverage', COVERAGE_PARTIAL_COLUMNS],
  ['hourly_trends', HOURLY_PARTIAL_COLUMNS],
] as const satisfies readonly (readonly [keyof PartialFiles & keyof RollupFiles, Columns])[];
type Kind = (typeof KINDS)[number][0];

export interface RefreshedAggregates {
  readonly partials: readonly Partial[];
  readonly rollup: Rollup | null;
  /** Whether the rollup was written anew, or given up. */
  readonly rolledUp: boolean;
  /** Months that got a partial in this run. */
  readonly written: readonly string[];
  /** Months that have none. */
  readonly live: readonly string[];
}

/**
 * `changedMonths` is null when every month is to be computed from rows. With `settles` no month stays
 * live: each gets a partial.
 */
export async function refreshAggregates(
  run: Run,
  before: Aggregates | null,
  changedMonths: readonly string[] | null,
  settles = false,
): Promise<RefreshedAggregates> {
  const months = [...new Set(run.snapshot.files.map((file) => file.month ?? ''))].sort();
  const changed = new Set(changedMonths);
  const settled = settledPartials(before, months, changed);
  const known = new Set(settled.flatMap((partial) => partial.months));
  const newest = new Set(months.slice(-FREE_MONTHS.least));
  const live = months.filter((month) => changed.has(month) && newest.has(month));
  const small = !settles && rowsOf(run, live) <= LIVE_ROWS_MAX;
  const written = months.filter((month) => !known.has(month) && !(small && live.includes(month)));
  const partials = [...settled, ...(await writePartials(run, written))];
  const aggregates = { partials, written, live: small ? live : [] };
  const rollup = before?.rollup ?? null;
  if (rollup !== null && isUsable(rollup, months, changed)) {
    return { ...aggregates, rollup, rolledUp: false };
  }
  const merged = await writeRollup(run, partials, months);
  return { ...aggregates, rollup: merged, rolledUp: rollup !== null || merged !== null };
}

/** The partials of before, without months that changed or are gone. */
function settledPartials(
  before: Aggregates | null,
  months: readonly string[],
  changed: ReadonlySet<string>,
): Partial[] {
  const there = new Set(months);
  const partials: Partial[] = [];
  for (const partial of before?.partials ?? []) {
    const kept = partial.months.filter((month) => there.has(month) && !changed.has(month));
    if (kept.length === 0) continue;
    partials.push({
      ...partial,
      months: kept,
      whole: partial.whole && kept.length === partial.months.length,
    });
  }
  return partials;
}

async function writePartials(run: Run, months: readonly string[]): Promise<Partial[]> {
  const partials: Partial[] = [];
  for (const chunk of chunksOf(run, months)) {
    await run.observe(chunk);
    await materializeDays(run.session, run.signal, run.view);
    partials.push({
      months: chunk,
      whole: true,
      engine: run.engineName,
      files: {
        city_statistics: await run.write('_partials', queryText('city_statistics_partial')),
        coverage: await run.write('_partials', queryText('coverage_partial')),
        hourly_trends: await run.write('_partials', queryText('hourly_trends_partial')),
        days: await writeDays(run),
      },
    });
  }
  // Those of a chunk are many.
  if (partials.length > 0) await dropDays(run.session);
  return partials;
}

function chunksOf(run: Run, months: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let rows = 0;
  for (const month of months) {
    const more = rowsOf(run, [month]);
    const last = chunks.at(-1);
    if (last === undefined || rows + more > CHUNK_ROWS[run.reach]) {
      chunks.push([month]);
      rows = more;
    } else {
      last.push(month);
      rows += more;
    }
  }
  return chunks;
}

function rowsOf(run: Run, months: readonly string[]): number {
  return countRows(run.filesOf(months));
}

/** The rollup stays while its months are unchanged and the others are newer and not too many. */
function isUsable(
  rollup: Rollup,
  months: readonly string[],
  changed: ReadonlySet<string>,
): boolean {
  const merged = new Set(rollup.months);
  if (rollup.months.some((month) => changed.has(month))) return false;
  if (!months.slice(0, merged.size).every((month) => merged.has(month))) return false;
  return months.length - merged.size <= FREE_MONTHS.most;
}

async function writeRollup(
  run: Run,
  partials: readonly Partial[],
  months: readonly string[],
): Promise<Rollup | null> {
  const merged = months.slice(0, Math.max(0, months.length - FREE_MONTHS.least));
  if (merged.length < 2) return null;
  const written: [string, PublishedFile][] = [];
  for (const [kind, columns] of KINDS) {
    const sql = await selectPartials(run, kind, columns, partials, merged, null);
    await run.view(`${kind}_partials`, sql);
    written.push([kind, await run.write('_partials', queryText(`${kind}_merge`))]);
  }
  const files = Object.fromEntries(written) as Pick<RollupFiles, Kind>;
  return { months: merged, files: { ...files, ...(await writeMonths(run, partials, merged)) } };
}

/**
 * Makes the views of partial aggregates hold what the datasets are merged from, and `observed_days` the
 * days of live months.
 */
export async function defineAggregates(run: Run, aggregates: RefreshedAggregates): Promise<void> {
  const { partials, rollup, live } = aggregates;
  const merged = new Set(rollup?.months);
  const free = partials.filter((partial) => partial.months.some((month) => !merged.has(month)));
  const months = free.flatMap((partial) => partial.months).filter((month) => !merged.has(month));
  if (live.length > 0) {
    await run.observe(live);
    await materializeDays(run.session, run.signal, run.view);
  }
  for (const [kind, columns] of KINDS) {
    const files = [...(rollup === null ? [] : [rollup]), ...free].map(
      (partial) => partial.files[kind],
    );
    const select = () => selectPartials(run, kind, columns, free, months, rollup);
    let settled: string;
    if (files.reduce((sum, file) => sum + file.rows, 0) <= KEPT_ROWS_MAX) {
      const key = [...files.map((file) => file.path), ...months].join();
      await run.once(`${kind}_settled`, key, select);
      settled = `SELECT * FROM ${kind}_settled`;
    } else {
      settled = await select();
    }
    if (live.length > 0) {
      const names = Object.keys(columns).join(', ');
      await run.session.materialize(
        `${kind}_live`,
        `SELECT ${names} FROM (${queryText(`${kind}_partial`)}) AS partial`,
        run.signal,
      );
      settled += ` UNION ALL SELECT * FROM ${kind}_live`;
    }
    await run.view(`${kind}_partials`, settled);
  }
}

/** A text that selects the partial aggregates of these months, after those of the rollup. */
function selectPartials(
  run: Run,
  kind: Kind,
  columns: Columns,
  partials: readonly Partial[],
  months: readonly string[],
  rollup: Rollup | null,
): Promise<string> {
  const merged = rollup === null ? [] : [{ file: rollup.files[kind], months: null }];
  const files = [...merged, ...countingFiles(partials, kind, months)];
  return selectCounting(run.define, kind, columns, files);
}
