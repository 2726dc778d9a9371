/** Reading the SQLite log, in slices so short that the process can do its other work between. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IsobarError } from '../errors.ts';
import type { Log, LogRecord } from './log.ts';
import { type LogFile, PARTITION_SPAN } from './sqlite-database.ts';
import { retryBusy } from './sqlite-errors.ts';

const SLICE_MS = 10;
const RECORDS_PER_LOOK_AT_THE_CLOCK = 32;

export function openReader(file: LogFile): Pick<Log, 'read'> {
  const select = file.db.prepare(
    'SELECT id, time, key, value FROM records WHERE id >= ? AND id < ? ORDER BY id',
  );
  select.setReturnArrays(true);

  const read: Log['read'] = async (partition, fromOffset, limits, signal) => {
    const base = file.base(partition);
    const found: LogRecord[] = [];
    let bytes = 0;
    let missed = 0;

    /** Reads on for a while; true when there is nothing more to read. */
    function readSlice(): boolean {
      file.assertOpen();
      const end = performance.now() + SLICE_MS;
      let expected = Number(fromOffset) + found.length;
      for (const row of select.iterate(base + Math.max(0, expected), base + PARTITION_SPAN)) {
        const [id, time, key, value] = row as unknown as [number, number, string, Uint8Array];
        // Retention may have come between two slices: what is there now is after a gap.
        if (id !== base + expected) break;
        bytes += value.byteLength;
        if (found.length > 0 && bytes > limits.bytes) return true;
        found.push({ offset: BigInt(expected), key, time: new Date(time), value });
        expected += 1;
        if (found.length >= limits.records) return true;
        if (found.length % RECORDS_PER_LOOK_AT_THE_CLOCK === 0 && performance.now() >= end) {
          return false;
        }
      }
      return found.length > 0 || isAtEnd();
    }

    /** Finds out why the record at `fromOffset` is missing. */
    function isAtEnd(): boolean {
      const { first, next } = file.offsets(partition);
      if (fromOffset < first) {
        const text = `partition ${partition}: offset ${fromOffset} is gone, the first is ${first}`;
        throw new IsobarError('LOG_GAP', text, { details: { partition, first, next } });
      }
      if (fromOffset >= next) return true;
      // It was appended between the two looks; if it is still not there, the file has lost it.
      missed += 1;
      if (missed < 3) return false;
      const text = `${file.path}: partition ${partition} has lost offset ${fromOffset}`;
      throw new IsobarError('LOG_CORRUPT', text, { details: { path: file.path } });
    }

    for (;;) {
      signal?.throwIfAborted();
      if (limits.records <= 0 || (await retryBusy(file.path, readSlice))) return found;
      await nextTurn();
    }
  };

  return { read };
}
