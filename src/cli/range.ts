/** Ranges of time on the command line. */
import { IsobarError } from '../errors.ts';
import { formatTime } from '../model/time-zone.ts';

export interface TimeRange {
  /** ISO 8601 in UTC; `from` is inclusive, `to` exclusive. */
  readonly from: string;
  readonly to: string;
}

const DAYS_BY_DEFAULT = 30;
const DAY_MS = 86_400_000;

/** The range that options name; by default the 30 days before `newest`, which is included. */
export function parseRange(
  { from, to }: { readonly from?: string; readonly to?: string },
  newest: string,
): TimeRange {
  const end = to === undefined ? Date.parse(newest) + 1_000 : timeOf('--to', to);
  const start = from === undefined ? end - DAYS_BY_DEFAULT * DAY_MS : timeOf('--from', from);
  if (start < end) return { from: formatTime(new Date(start)), to: formatTime(new Date(end)) };
  const ends = formatTime(new Date(end));
  throw new IsobarError('USAGE', `--from: expected a time before ${ends}, got ${from}`);
}

function timeOf(option: string, text: string): number {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const time = isTime ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new IsobarError(
    'USAGE',
    `${option}: expected a date or an ISO 8601 time with an offset, for example ` +
      `2024-10-31T14:00:00Z; got ${JSON.stringify(text)}`,
  );
}

/** The range cut at the ends of months, UTC. */
export function monthsBetween(from: string, to: string): TimeRange[] {
  const months: TimeRange[] = [];
  const end = Date.parse(to);
  for (let start = Date.parse(from); start < end; ) {
    const at = new Date(start);
    const next = Math.min(end, Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1));
    months.push({ from: formatTime(at), to: formatTime(new Date(next)) });
    start = next;
  }
  return months;
}
