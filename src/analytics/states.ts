import type { Columns } from '../sql/engine.ts';
import { literal } from '../sql/text.ts';
/**
 * The states that datasets are merged from.
 *
 *     layer    states of some months, computed from rows in one go; a month's newest layer counts
 *     base     the states of all months but the newest, merged into one, so that the cost of a
 *              refresh does not grow with the length of history
 *     live     months without a layer: the newest, which change with every landing. Their states
 *              are computed anew from rows that are at hand, and written when they stop changing
 *
 * Datasets are merged from the base, the layers of months that are not in it, and the live months.
 */
import { CITY_STATE_COLUMNS, HOURLY_STATE_COLUMNS } from './columns.ts';
import { COVERAGE_STATE_COLUMNS } from './coverage.ts';
import type { Base, Layer, PublishedFile, StateFiles, States } from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';

/** Months that are not merged into the base: the newest are the ones that change. */
const FREE_MONTHS = { least: 2, most: 4 } as const;
/** Rows that are computed in one go, so that what is sorted need not go to disk. */
const CHUNK_ROWS = 3_000_000;
/** Above this the states of a month are written whenever they change. */
const LIVE_ROWS_MAX = 500_000;
/** Rows of states that are kept in the engine from one refresh to the next. */
const KEPT_ROWS_MAX = 200_000;

const KINDS = [
  ['city_statistics', CITY_STATE_COLUMNS],
  ['coverage', COVERAGE_STATE_COLUMNS],
  ['hourly_trends', HOURLY_STATE_COLUMNS],
] as const satisfies readonly (readonly [keyof StateFiles, Columns])[];

export interface RefreshedStates {
  readonly layers: readonly Layer[];
  readonly base: Base | null;
  /** Whether the base was made anew, or given up. */
  readonly rebased: boolean;
  /** Months that got a layer in this run. */
  readonly written: readonly string[];
  /** Months that have none. */
  readonly live: readonly string[];
}

/** `changedMonths` is null when every month is to be computed from rows. */
export async function refreshStates(
  run: Run,
  before: States | null,
  changedMonths: readonly string[] | null,
): Promise<RefreshedStates> {
  const months = [...new Set(run.snapshot.files.map((file) => file.month ?? ''))].sort();
  const changed = new Set(changedMonths);
  const settled = settledLayers(before, months, changed);
  const known = new Set(settled.flatMap((layer) => layer.months));
  const newest = new Set(months.slice(-FREE_MONTHS.least));
  const live = months.filter((month) => changed.has(month) && newest.has(month));
  const small = rowsOf(run, live) <= LIVE_ROWS_MAX;
  const written = months.filter((month) => !known.has(month) && !(small && live.includes(month)));
  const layers = [...settled, ...(await writeLayers(run, written))];
  const states = { layers, written, live: small ? live : [] };
  const base = before?.base ?? null;
  if (base !== null && isUsable(base, months, changed)) {
    return { ...states, base, rebased: false };
  }
  const merged = await mergeBase(run, layers, months);
  return { ...states, base: merged, rebased: base !== null || merged !== null };
}

/** The layers of before, without months that changed or are gone. */
function settledLayers(
  before: States | null,
  months: readonly string[],
  changed: ReadonlySet<string>,
): Layer[] {
  const there = new Set(months);
  const layers: Layer[] = [];
  for (const layer of before?.layers ?? []) {
    const kept = layer.months.filter((month) => there.has(month) && !changed.has(month));
    if (kept.length === 0) continue;
    layers.push({
      ...layer,
      months: kept,
      whole: layer.whole && kept.length === layer.months.length,
    });
  }
  return layers;
}

async function writeLayers(run: Run, months: readonly string[]): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (const chunk of chunksOf(run, months)) {
    await run.observe(chunk);
    layers.push({
      months: chunk,
      whole: true,
      files: {
        city_statistics: await run.write('_state', queryText('city_statistics_state')),
        coverage: await run.write('_state', queryText('coverage_state')),
        hourly_trends: await run.write('_state', queryText('hourly_trends_state')),
      },
    });
  }
  return layers;
}

function chunksOf(run: Run, months: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let rows = 0;
  for (const month of months) {
    const more = rowsOf(run, [month]);
    const last = chunks.at(-1);
    if (last === undefined || rows + more > CHUNK_ROWS) {
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
  return run.filesOf(months).reduce((sum, file) => sum + file.rows, 0);
}

/** The base stays while its months are unchanged and the others are newer and not too many. */
function isUsable(base: Base, months: readonly string[], changed: ReadonlySet<string>): boolean {
  const merged = new Set(base.months);
  if (base.months.some((month) => changed.has(month))) return false;
  if (!months.slice(0, merged.size).every((month) => merged.has(month))) return false;
  return months.length - merged.size <= FREE_MONTHS.most;
}

async function mergeBase(
  run: Run,
  layers: readonly Layer[],
  months: readonly string[],
): Promise<Base | null> {
  const merged = months.slice(0, Math.max(0, months.length - FREE_MONTHS.least));
  if (merged.length < 2) return null;
  const written: [string, PublishedFile][] = [];
  for (const [kind, columns] of KINDS) {
    const sql = await selectLayers(run, kind, columns, layers, merged, null);
    await run.view(`${kind}_states`, sql);
    written.push([kind, await run.write('_state', queryText(`${kind}_merge`))]);
  }
  return { months: merged, files: Object.fromEntries(written) as StateFiles };
}

/** Makes the views of states hold what the datasets are merged from. */
export async function defineStates(run: Run, states: RefreshedStates): Promise<void> {
  const { layers, base, live } = states;
  const merged = new Set(base?.months);
  const free = layers.filter((layer) => layer.months.some((month) => !merged.has(month)));
  const months = free.flatMap((layer) => layer.months).filter((month) => !merged.has(month));
  if (live.length > 0) await run.observe(live);
  for (const [kind, columns] of KINDS) {
    const files = [...(base === null ? [] : [base]), ...free].map((layer) => layer.files[kind]);
    const select = () => selectLayers(run, kind, columns, free, months, base);
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
        `SELECT ${names} FROM (${queryText(`${kind}_state`)}) AS state`,
        run.signal,
      );
      settled += ` UNION ALL SELECT * FROM ${kind}_live`;
    }
    await run.view(`${kind}_states`, settled);
  }
}

/** A text that selects the states of these months, after those of the base. */
async function selectLayers(
  run: Run,
  kind: keyof StateFiles,
  columns: Columns,
  layers: readonly Layer[],
  months: readonly string[],
  base: Base | null,
): Promise<string> {
  const wanted = new Set(months);
  /** Files of which every row counts. */
  const whole = base === null ? [] : [base.files[kind]];
  const selects: string[] = [];
  for (const layer of layers) {
    const counting = layer.months.filter((month) => wanted.has(month));
    if (counting.length === 0) continue;
    const file = layer.files[kind];
    if (layer.whole && counting.length === layer.months.length) {
      whole.push(file);
      continue;
    }
    const name = `${kind}_layer_${selects.length}`;
    await run.define(name, [file], columns);
    selects.push(`SELECT * FROM ${name} WHERE month IN (${monthList(counting)})`);
  }
  await run.define(`${kind}_whole`, whole, columns);
  selects.push(`SELECT * FROM ${kind}_whole`);
  return selects.join(' UNION ALL ');
}

/** `'2024-09', '2024-10'`; a month that never is when there is none, since SQL has no empty list. */
export function monthList(months: readonly string[]): string {
  return months.map(literal).join(', ') || "'none'";
}
