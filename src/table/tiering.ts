/**
 * Tiering: months that are old go to other disks, or are kept in fewer copies. What is so already
 * is left alone, so a round that finds nothing new costs a look a month.
 */
import type { Storage, Tier } from '../lake/storage.ts';
import { PARTITION_COLUMN } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';

export interface TieringOptions {
  readonly observations: DeltaTable;
  readonly storage: Storage;
  readonly tier: Tier;
  /** Months after the end of a month from which it is old; 0 means never. */
  readonly afterMonths: number;
  readonly clock?: () => Date;
}

/** Resolves with how much was changed: folders and files; 0 where the lake knows no tiers. */
export async function tierOldMonths(
  options: TieringOptions,
  signal?: AbortSignal,
): Promise<number> {
  const { observations, storage, tier, afterMonths, clock = () => new Date() } = options;
  if (storage.tier === undefined || afterMonths === 0) return 0;
  const state = await observations.refresh(signal);
  const limit = monthBefore(clock(), afterMonths);
  const months = new Set(state.files.map(({ month }) => month ?? '9'));
  let changed = 0;
  for (const month of [...months].sort()) {
    if (month >= limit) break;
    signal?.throwIfAborted();
    const folder = `${observations.folder}/${PARTITION_COLUMN}=${month}`;
    changed += await storage.tier(folder, tier, signal);
  }
  return changed;
}

/** `2024-10`, so many months before this time (UTC). */
export function monthBefore(now: Date, months: number): string {
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1));
  return first.toISOString().slice(0, 7);
}
