/** Paging through rows by the key of the last one. */
import { compareTimes } from '../model/iso-time.ts';
import { type CursorKind, type CursorValue, formatCursor, parseCursor } from './parameters.ts';

/** `key` is unique; `directions` says of each part of it: 1 ascending, −1 descending. */
export interface RowOrder<R> {
  key(row: R): readonly CursorValue[];
  readonly kinds: readonly CursorKind[];
  readonly directions: readonly (1 | -1)[];
}

export interface Page<R> {
  readonly rows: readonly R[];
  readonly nextCursor: string | null;
}

export function pageRows<R>(
  rows: readonly R[],
  order: RowOrder<R>,
  query: { readonly limit: number; readonly cursor?: string },
): Page<R> {
  const after = parseCursor(query.cursor, order.kinds);
  const sorted = rows
    .map((row) => ({ row, key: order.key(row) }))
    .filter(({ key }) => isAfter(key, after, order))
    .sort((a, b) => compareKeys(a.key, b.key, order));
  const page = cutPage(sorted, query.limit, ({ key }) => key);
  return { ...page, rows: page.rows.map(({ row }) => row) };
}

/** The first page of rows that are in order; one more than `limit` is enough to know of the next. */
export function cutPage<R>(
  found: readonly R[],
  limit: number,
  keyOf: (row: R) => readonly CursorValue[],
): Page<R> {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  const isMore = found.length > rows.length && last !== undefined;
  return { rows, nextCursor: isMore ? formatCursor(keyOf(last)) : null };
}

/** Whether a row of this key comes after the cursor. */
export function isAfter(
  key: readonly CursorValue[],
  after: readonly CursorValue[] | null,
  order: Pick<RowOrder<unknown>, 'kinds' | 'directions'>,
): boolean {
  return after === null || compareKeys(key, after, order) > 0;
}

function compareKeys(
  a: readonly CursorValue[],
  b: readonly CursorValue[],
  { kinds, directions }: Pick<RowOrder<unknown>, 'kinds' | 'directions'>,
): number {
  for (const [index, kind] of kinds.entries()) {
    const order = compareValues(kind, a[index], b[index]);
    if (order !== 0) return order * (directions[index] ?? 1);
  }
  return 0;
}

function compareValues(
  kind: CursorKind,
  a: CursorValue | undefined,
  b: CursorValue | undefined,
): number {
  if (a === undefined || b === undefined || a === b) return 0;
  if (kind === 'time') return compareTimes(String(a), String(b));
  return a < b ? -1 : 1;
}
