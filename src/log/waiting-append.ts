/** Appends that wait at the same moment are written together. */
import type { AppendedRange, NewRecord } from './log.ts';

export interface WaitingAppend {
  readonly records: readonly NewRecord[];
  readonly resolve: (ranges: readonly AppendedRange[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes the first ones off, with so many records at most; one append alone may have more. */
export function takeGroup<W extends WaitingAppend>(waiting: W[], recordsMax: number): W[] {
  let records = 0;
  let count = 0;
  for (const { records: more } of waiting) {
    if (count > 0 && records + more.length > recordsMax) break;
    records += more.length;
    count += 1;
  }
  return waiting.splice(0, count);
}
