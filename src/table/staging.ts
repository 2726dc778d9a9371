/**
 * Staging: what waits in a log partition becomes one file that DuckDB reads.
 *
 *     staged = lines of: offset TAB kind TAB length TAB sha256 TAB value
 *     kind   = 0  value is the record as it is
 *              1  hexadecimal of a record with control characters (pretty-printed JSON, say)
 *              2  hexadecimal of the first 64 KiB of a record that is not UTF-8
 *              3  hexadecimal of the first 64 KiB of a record longer than 1 MiB
 *
 * sha256 is empty but for the kinds 2 and 3, whose bytes are cut.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { translateFileError } from '../errors.ts';
import type { Log, LogRecord } from '../log/log.ts';

export interface Staged {
  readonly file: string;
  readonly from: bigint;
  /** The last offset; below `from` when nothing waited. */
  readonly last: bigint;
  readonly records: number;
  readonly bytes: number;
}

export type StagedRecord = Pick<LogRecord, 'offset' | 'value'>;

export interface StagingLimits {
  readonly records: number;
  readonly bytes: number;
}

const SLICE = { records: 4_000, bytes: 4 * 1024 * 1024 } as const;
const RECORD_STAGED_BYTES_MAX = 1024 * 1024;
const KEPT_BYTES_MAX = 64 * 1024;
const TAB = 0x09;
const LINE_END = 0x0a;

/** Reads from `from` up to the limits and writes the staged file. */
export async function stageRecords(
  log: Log,
  partition: number,
  from: bigint,
  limits: StagingLimits,
  file: string,
  signal?: AbortSignal,
): Promise<Staged> {
  let next = from;
  let records = 0;
  let bytes = 0;
  await using handle = await open(file, 'w');
  while (records < limits.records && bytes < limits.bytes) {
    const slice = await log.read(
      partition,
      next,
      {
        records: Math.min(SLICE.records, limits.records - records),
        bytes: Math.min(SLICE.bytes, limits.bytes - bytes),
      },
      signal,
    );
    const newest = slice.at(-1);
    if (newest === undefined) break;
    const lines = formatStaged(slice);
    try {
      // Not `write`: on a full disk that writes a part and says so only by its count.
      await handle.appendFile(lines);
    } catch (error) {
      throw translateFileError(error, file, 'DATA_UNWRITABLE');
    }
    next = newest.offset + 1n;
    records += slice.length;
    bytes += lines.length;
  }
  return { file, from, last: next - 1n, records, bytes };
}

/** The lines of these records. */
export function formatStaged(slice: readonly StagedRecord[]): Buffer {
  const parts: Uint8Array[] = [];
  const values = Buffer.concat(slice.map((record) => record.value));
  const plain =
    isPlain(values) && slice.every((record) => record.value.length <= RECORD_STAGED_BYTES_MAX);
  for (const record of slice) {
    if (plain) {
      parts.push(Buffer.from(`${record.offset}\t0\t${record.value.length}\t\t`), record.value);
    } else {
      parts.push(formatOdd(record));
    }
    parts.push(lineEnd);
  }
  return Buffer.concat(parts);
}

const lineEnd = Uint8Array.of(LINE_END);

function formatOdd({ offset, value }: StagedRecord): Buffer {
  const head = (kind: number, sha256: string) =>
    Buffer.from(`${offset}\t${kind}\t${value.length}\t${sha256}\t`);
  const hex = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString('hex'));
  if (value.length > RECORD_STAGED_BYTES_MAX || !isUtf8(value)) {
    const kind = isUtf8(value) ? 3 : 2;
    const sha256 = createHash('sha256').update(value).digest('hex');
    return Buffer.concat([head(kind, sha256), hex(value.subarray(0, KEPT_BYTES_MAX))]);
  }
  const buffer = Buffer.from(value);
  if (isPlain(buffer)) return Buffer.concat([head(0, ''), value]);
  return Buffer.concat([head(1, ''), hex(value)]);
}

/** Whether the bytes can stand in a line of the staged file as they are. */
function isPlain(bytes: Buffer): boolean {
  return (
    isUtf8(bytes) &&
    !bytes.includes(LINE_END) &&
    !bytes.includes(TAB) &&
    !bytes.includes(0x0d) &&
    !bytes.includes(0x00)
  );
}
