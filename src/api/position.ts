/**
 * Where a viewer of the events stands. Every server of the same log understands it:
 *
 *     9f2c1ab04d37 . 12-0-7 . 34 . 5
 *     log's id       next     table's and analytics' version (empty: none yet)
 *     (hashed)       offsets
 */
import { createHash } from 'node:crypto';

export interface Position {
  /** First twelve digits of the SHA-256 of the log's id; empty without a log. */
  readonly log: string;
  /** Offset of the next record, for each partition. */
  readonly next: readonly bigint[];
  readonly tableVersion: number | null;
  readonly analyticsVersion: number | null;
}

export function digestLogId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 12);
}

export function formatPosition(position: Position): string {
  const { log, next, tableVersion, analyticsVersion } = position;
  return `${log}.${next.join('-')}.${tableVersion ?? ''}.${analyticsVersion ?? ''}`;
}

const POSITION = /^([0-9a-f]{12}|)\.(\d{1,18}(?:-\d{1,18}){0,1023}|)\.(\d{0,15})\.(\d{0,15})$/;

/** Null for a text that is not a position. */
export function parsePosition(text: string): Position | null {
  const match = POSITION.exec(text);
  if (match === null) return null;
  const [, log = '', next = '', table = '', analytics = ''] = match;
  return {
    log,
    next: next === '' ? [] : next.split('-').map(BigInt),
    tableVersion: table === '' ? null : Number(table),
    analyticsVersion: analytics === '' ? null : Number(analytics),
  };
}
