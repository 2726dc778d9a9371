/** Rows of the datasets: those published, or computed over a range, shared by formats and pages. */

import type { DatasetRows } from '../analytics/export.ts';
import { IsobarError } from '../errors.ts';
import { openCache } from './cache.ts';
import type { Publications, RangedDataset, Selection } from './context.ts';
import { nameTimeout, notAwaited, selectFiles } from './reader.ts';
import type { Current } from './versions.ts';

export interface RowsReader {
  /**
   * The rows of a range, computed once for each version of the table and of
   * what failed in it. What waits for its turn is
   * left out once `leave` aborts for all who wanted it: it rejects with ABORTED then.
   */
  compute<D extends RangedDataset>(
    dataset: D,
    current: Current,
    selection: Selection,
    leave?: AbortSignal,
  ): Promise<readonly DatasetRows[D][]>;
  readonly computedCount: number;
}

/** What rows of a range depend on: the table, and which of its values have failed. */
export function soundVersion({ conditions, publication }: Current): unknown {
  return [conditions.snapshot.version, publication?.quality?.key ?? null];
}

const CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** Roughly what a row takes in memory. */
const ROW_BYTES = 400;
const TIMEOUT_MS = 60_000;
const WAITING_MAX = 50;

export function openRows(publications: Publications): RowsReader {
  type Rows = readonly DatasetRows[RangedDataset][];
  const cache = openCache<Rows>(CACHE_BYTES_MAX, (rows) => rows.length * ROW_BYTES);
  let computedCount = 0;
  /** Of each waiting or running computation, the signal that it was signal. */
  const waiting = new Set<AbortSignal>();
  let turn: Promise<unknown> = Promise.resolve();

  /** One after the other: a computation makes views, which the next would put its own in place of. */
  async function computeInTurn<D extends RangedDataset>(
    dataset: D,
    { conditions: { snapshot }, publication }: Current,
    selection: Selection,
    signal: AbortSignal,
  ): Promise<readonly DatasetRows[D][]> {
    if (waiting.size >= WAITING_MAX) {
      throw new IsobarError('BUSY', `${waiting.size} computations wait already`);
    }
    waiting.add(signal);
    signal.addEventListener('abort', () => waiting.delete(signal), { once: true });
    const files = selectFiles(snapshot.files, selection);
    const result = turn.then(async () => {
      if (signal.aborted) throw notAwaited();
      computedCount += 1;
      const chosen = { ...snapshot, files };
      const flags = (await publication?.failedFlagPaths(selection)) ?? [];
      return publications
        .compute(dataset, chosen, { ...selection, flags }, AbortSignal.timeout(TIMEOUT_MS))
        .catch((error: unknown) => {
          throw nameTimeout(error, TIMEOUT_MS);
        });
    });
    turn = result.catch(() => {}).finally(() => waiting.delete(signal));
    return result;
  }

  return {
    async compute(dataset, current, selection, leave) {
      const { cities, from, to } = selection;
      const key = JSON.stringify([dataset, soundVersion(current), cities, from, to]);
      const rows = await cache.get(
        key,
        (signal) => computeInTurn(dataset, current, selection, signal),
        leave,
      );
      return rows as readonly DatasetRows[typeof dataset][];
    },
    get computedCount() {
      return computedCount;
    },
  };
}
