/**
 * The states that datasets are merged from.
 *
 *     layer    states of some months, computed from rows in one go; a month's newest layer counts
 *     base     the states of all months but the newest, merged into one, so that the cost of a
 *              refresh does not grow with the length of history
 *
 * A refresh computes the changed months as a new layer and merges base and newest months.
 */
import { CITY_STATE_COLUMNS, HOURLY_STATE_COLUMNS } from './columns.ts';
import { literal, view } from './compute.ts';
import type { Columns } from './engine.ts';
import type { Base, Layer, StateFiles, States } from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';

/** Months that are not merged into the base: the newest are the ones that change. */
const FREE_MONTHS = { least: 2, most: 4 } as const;
/** Rows that are computed in one go, so that distinct slots need not go to disk. */
const CHUNK_ROWS = 3_000_000;

export interface RefreshedStates {
  readonly layers: readonly Layer[];
  readonly base: Base | null;
  /** Whether the base was made anew. */
  readonly rebased: boolean;
}

/** `changedMonths` is null when every month is to be computed from rows. */
export async function refreshStates(
  run: Run,
  before: States | null,
  changedMonths: readonly string[] | null,
): Promise<RefreshedStates> {
  const months = [...new Set(run.snapshot.files.map((file) => file.month ?? ''))].sort();
  const layers = await refreshLayers(run, before, months, changedMonths);
  const base = before?.base ?? null;
  if (base !== null && changedMonths !== null && isUsable(base, months, changedMonths)) {
    return { layers, base, rebased: false };
  }
  const merged = await mergeBase(run, layers, months);
  return { layers, base: merged, rebased: base !== null || merged !== null };
}

/**
 * Makes the views of states hold what the datasets are merged from; resolves with the rows of the
 * larger kind at most.
 */
export async function defineStates(run: Run, { layers, base }: RefreshedStates): Promise<number> {
  const merged = new Set(base?.months);
  const free = layers.flatMap((layer) => layer.months).filter((month) => !merged.has(month));
  await defineLayers(run, layers, free, base?.files ?? null);
  const read = layers.filter((layer) => layer.months.some((month) => !merged.has(month)));
  return [...read, ...(base === null ? [] : [base])].reduce(
    (sum, { files }) => sum + files.hourly_trends.rows,
    0,
  );
}

async function refreshLayers(
  run: Run,
  before: States | null,
  months: readonly string[],
  changedMonths: readonly string[] | null,
): Promise<Layer[]> {
  const changed = new Set(changedMonths ?? months);
  const there = new Set(months);
  const layers: Layer[] = [];
  for (const layer of before?.layers ?? []) {
    const live = layer.months.filter((month) => there.has(month) && !changed.has(month));
    if (live.length === 0) continue;
    const whole = layer.whole && live.length === layer.months.length;
    layers.push({ ...layer, months: live, whole });
  }
  const known = new Set(layers.flatMap((layer) => layer.months));
  const missing = months.filter((month) => !known.has(month));
  for (const chunk of chunksOf(run, missing)) {
    await run.observe(chunk);
    layers.push({
      months: chunk,
      whole: true,
      files: {
        city_statistics: await run.write('_state', queryText('city_statistics_state')),
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
    const more = run.filesOf([month]).reduce((sum, file) => sum + file.rows, 0);
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

/** The base stays while none of its months changed and all others are newer, and not too many. */
function isUsable(
  base: Base,
  months: readonly string[],
  changedMonths: readonly string[],
): boolean {
  const merged = new Set(base.months);
  if (changedMonths.some((month) => merged.has(month))) return false;
  const oldest = months.slice(0, base.months.length);
  if (!oldest.every((month) => merged.has(month))) return false;
  return months.length - base.months.length <= FREE_MONTHS.most;
}

async function mergeBase(
  run: Run,
  layers: readonly Layer[],
  months: readonly string[],
): Promise<Base | null> {
  const merged = months.slice(0, Math.max(0, months.length - FREE_MONTHS.least));
  if (merged.length < 2) return null;
  await defineLayers(run, layers, merged, null);
  return {
    months: merged,
    files: {
      city_statistics: await run.write('_state', queryText('city_statistics_merge')),
      hourly_trends: await run.write('_state', queryText('hourly_trends_merge')),
    },
  };
}

async function defineLayers(
  run: Run,
  layers: readonly Layer[],
  months: readonly string[],
  base: StateFiles | null,
): Promise<void> {
  await defineKind(run, layers, months, base, 'city_statistics', CITY_STATE_COLUMNS);
  await defineKind(run, layers, months, base, 'hourly_trends', HOURLY_STATE_COLUMNS);
}

async function defineKind(
  run: Run,
  layers: readonly Layer[],
  months: readonly string[],
  base: StateFiles | null,
  kind: keyof StateFiles,
  columns: Columns,
): Promise<void> {
  const wanted = new Set(months);
  /** Files of which every row counts. */
  const whole = base === null ? [] : [base[kind]];
  const selects: string[] = [];
  for (const layer of layers) {
    const live = layer.months.filter((month) => wanted.has(month));
    if (live.length === 0) continue;
    const file = layer.files[kind];
    if (layer.whole && live.length === layer.months.length) {
      whole.push(file);
      continue;
    }
    const name = `${kind}_layer_${selects.length}`;
    await run.define(name, [file], columns);
    selects.push(`SELECT * FROM ${name} WHERE month IN (${monthList(live)})`);
  }
  if (selects.length === 0) return run.define(`${kind}_states`, whole, columns);
  await run.define(`${kind}_whole`, whole, columns);
  selects.push(`SELECT * FROM ${kind}_whole`);
  await view(run.session, `${kind}_states`, selects.join(' UNION ALL '));
}

/** `'2024-09', '2024-10'` */
export function monthList(months: readonly string[]): string {
  return months.map(literal).join(', ');
}
