import type { NewRecord } from '../log.ts';

/** Limits that no test reaches. */
export const EVERYTHING = { records: 1_000_000, bytes: 2 ** 30 };

export function recordsOf(length: number): NewRecord[] {
  return Array.from({ length }, (_, i) => ({
    key: `city-${i % 11}`,
    value: Buffer.from(`record ${i}`),
  }));
}
