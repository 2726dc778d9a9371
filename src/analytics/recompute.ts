/**
 * Recomputing: what one engine has published, a second engine computes from the same rows. Two
 * programs that share no line have to give the same numbers.
 */
import type { Storage } from '../lake/storage.ts';
import { ALL_ROWS, CLIMATE_DATASETS } from '../model/climate-datasets.ts';
import { DATASETS } from '../model/datasets.ts';
import type { Row, SqlSession } from '../sql/engine.ts';
import type { Snapshot } from '../table/table.ts';
import { readClimate } from './climate.ts';
import { compareRows } from './compare-rows.ts';
import type { Computer } from './computer.ts';
import { readDataset } from './export.ts';
import { type Aggregates, aggregatesOf, type Publication } from './publication.ts';
import { type Computed, computeDatasets } from './publish.ts';
import { monthsOf } from './quality-control.ts';

export interface Recomputed {
  /** The publication that was compared. */
  readonly version: number;
  readonly engine: string;
  /** Months whose rows were read. */
  readonly months: readonly string[];
  /** A sentence for each of the first differences; empty when the numbers are the same. */
  readonly differences: readonly string[];
}

export interface RecomputeOptions {
  readonly publication: Publication;
  /** What the publication was made from. */
  readonly snapshot: Snapshot;
  readonly large: Computer;
  readonly storage: Storage;
  /** Reads datasets to compare. */
  readonly session: SqlSession;
}

/** Null when all months of the publication are of the large engine. */
export async function recomputeDatasets(
  { publication, snapshot, large, storage, session }: RecomputeOptions,
  signal?: AbortSignal,
): Promise<{ readonly recomputed: Recomputed; readonly computed: Computed } | null> {
  const before = aggregatesOf(publication);
  if (before === null) return null;
  const months = monthsOfOthers(snapshot, before, large.engineName);
  if (months.length === 0) return null;
  const options = { before, changedMonths: months, settles: true };
  const of = { snapshot, quality: publication.quality ?? null };
  const computed = await large.compute(of, signal, (run) => computeDatasets(run, options));
  const differences: string[] = [];
  const again = { ...publication, ...computed };
  for (const dataset of DATASETS) {
    const wanted = await readDataset(storage, session, again, dataset);
    const published = await readDataset(storage, session, publication, dataset);
    compareRows(dataset, wanted as unknown as Row[], published as unknown as Row[], differences);
  }
  const selection = { ...ALL_ROWS, from: dayBefore(months[0] ?? '') };
  for (const dataset of CLIMATE_DATASETS) {
    const wanted = await readClimate(storage, session, again, dataset, selection);
    const published = await readClimate(storage, session, publication, dataset, selection);
    compareRows(dataset, wanted as unknown as Row[], published as unknown as Row[], differences);
  }
  const { version } = publication;
  return { computed, recomputed: { version, engine: large.engineName, months, differences } };
}

/** Where days begin that a month of UTC holds something of; null when it has no name. */
function dayBefore(month: string): string | null {
  const first = Date.parse(`${month}-01`);
  return Number.isNaN(first) ? null : new Date(first - 86_400_000).toISOString().slice(0, 10);
}

/** Months without a partial aggregate of this engine; those of 0.1.0 do not name theirs and count. */
function monthsOfOthers(snapshot: Snapshot, { partials }: Aggregates, engine: string): string[] {
  const own = new Set(
    partials
      .filter((partial) => (partial.engine ?? engine) === engine)
      .flatMap((partial) => partial.months),
  );
  return monthsOf(snapshot).filter((month) => !own.has(month));
}
