/** Whether a data file is what the table says of it. */
import { createHash } from 'node:crypto';
import { isErrorCode } from '../errors.ts';
import type { TableName } from '../lake/layout.ts';
import { fileLiteral, literal } from '../sql/text.ts';
import { type AddFile, PARTITION_COLUMN, parseStats } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { ceilMs } from './overlap.ts';
import type { TableState } from './snapshot.ts';
import type { DataFile } from './table.ts';
import type { VerifyOptions } from './verify.ts';

/** Every file that isobar writes is called so, and has a checksum. */
const OWN_NAME = /(?:^|\/)part-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet$/;

export async function verifyFile(
  options: Pick<VerifyOptions, 'storage' | 'session'>,
  table: DeltaTable,
  state: TableState,
  file: DataFile,
  differences: string[],
): Promise<void> {
  const { storage } = options;
  const place = file.storagePath;
  const stored = await storage.stat(place);
  if (stored === null) {
    differences.push(`${place}: the file is missing`);
    return;
  }
  if (stored.bytes !== file.bytes) {
    differences.push(`${place}: ${stored.bytes} bytes, the table says ${file.bytes}`);
    return;
  }
  const add = state.adds.get(file.path);
  const recorded = add?.tags?.['isobar.sha256'];
  if (recorded !== undefined) {
    const found = createHash('sha256')
      .update(await storage.read(place))
      .digest('hex');
    if (found !== recorded) differences.push(`${place}: its content was changed (sha256)`);
  } else if (OWN_NAME.test(file.path)) {
    differences.push(`${place}: the table holds no checksum of it`);
  }
  if (add === undefined) return;
  try {
    await compareContent(options, table, add, place, differences);
  } catch (error) {
    if (!isErrorCode(error, 'QUERY_FAILED', 'QUERY_INVALID')) throw error;
    differences.push(`${place}: it is not a readable Parquet file`);
  }
}

/** Columns whose bounds the statistics hold. */
export const BOUNDED: Readonly<Record<TableName, readonly string[]>> = {
  observations: ['city_id', 'observed_at'],
  rejected: ['log_offset'],
  cities: [],
  imports: [],
  incidents: [],
  collecting: [],
};

/** Rows, month and the bounds by which readers leave a file out. */
async function compareContent(
  { storage, session }: Pick<VerifyOptions, 'storage' | 'session'>,
  table: DeltaTable,
  add: AddFile,
  place: string,
  differences: string[],
): Promise<void> {
  const names = BOUNDED[table.name];
  const month = add.partitionValues[PARTITION_COLUMN] ?? null;
  const columns = [
    'count(*) AS rows',
    ...names.flatMap((name) => [`min(${name}) AS min_${name}`, `max(${name}) AS max_${name}`]),
    ...(month === null
      ? []
      : [`count(*) FILTER (strftime(observed_at, '%Y-%m') <> ${literal(month)}) AS misplaced`]),
  ];
  const [found = {}] = await session.query<Record<string, unknown>>(
    `SELECT ${columns.join(', ')} FROM read_parquet(` +
      `${fileLiteral(await storage.localPath(place))}, hive_partitioning = false)`,
  );
  const stats = parseStats(add.stats);
  // Other programs may leave the statistics out; ours have them.
  const isOurs = OWN_NAME.test(add.path);
  if ((stats !== null || isOurs) && found.rows !== stats?.numRecords) {
    differences.push(`${place}: ${found.rows} rows, the table says ${stats?.numRecords ?? 'none'}`);
  }
  if (Number(found.misplaced ?? 0) > 0) {
    differences.push(`${place}: ${found.misplaced} rows are not of its month ${month}`);
  }
  if (table.partitionColumns.includes(PARTITION_COLUMN) && month === null) {
    differences.push(`${place}: the table does not say of which month it is`);
  }
  for (const name of names) {
    const least = stats?.minValues[name];
    const most = name === 'log_offset' ? null : stats?.maxValues[name];
    const isBelow = isBefore(found[`min_${name}`], least, name, 'min');
    const isAbove = isBefore(most, found[`max_${name}`], name, 'max');
    if (isBelow || isAbove) {
      differences.push(`${place}: ${name} goes beyond what the table says of it`);
    }
  }
}

/** Whether one value is certainly less than another; unknown ones are not. */
function isBefore(a: unknown, b: unknown, name: string, of: 'min' | 'max'): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return false;
  if (name !== 'observed_at') return (a as string) < (b as string);
  const [first, second] = [String(a), String(b)];
  // Statistics have milliseconds, rows microseconds.
  const isLess =
    of === 'min' ? ceilMs(first) < Date.parse(second) : Date.parse(first) < Date.parse(second);
  const isDamaged = Number.isNaN(Date.parse(first)) || Number.isNaN(Date.parse(second));
  return isLess || isDamaged;
}
