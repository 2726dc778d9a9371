/** What rows are sorted by: one order for every engine, total because keys are unique. */
import type {
  AnomalyKey,
  AnomalyQuestion,
  AnomalySort,
  SortOrder,
} from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import { compareTimes } from '../model/iso-time.ts';

export function keyOfRow(row: Anomaly, sort: AnomalySort): AnomalyKey {
  const { observed_at, city_id, variable, rule } = row;
  const identity = { observed_at, city_id, variable, rule };
  if (sort === 'time') return identity;
  return { number: sort === 'score' ? Math.abs(row.score) : row.value, ...identity };
}

/**
 * By the number that was asked for, then by time, newest first unless times are asked for in the
 * other order, then by city, variable and rule.
 */
export function compareRows(
  a: AnomalyKey,
  b: AnomalyKey,
  sort: AnomalySort,
  order: SortOrder,
): number {
  const direction = order === 'asc' ? 1 : -1;
  return (
    direction * ((a.number ?? 0) - (b.number ?? 0)) ||
    (sort === 'time' ? direction : -1) * compareTimes(a.observed_at, b.observed_at) ||
    compareTexts(a.city_id, b.city_id) ||
    compareTexts(a.variable, b.variable) ||
    compareTexts(a.rule, b.rule)
  );
}

export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The first `limit` of these sorted rows, and the key of the last one when more follow. */
export function pageOf(rows: readonly Anomaly[], { limit, sort }: AnomalyQuestion) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isMore = rows.length > page.length && last !== undefined;
  return { rows: page, next: isMore ? keyOfRow(last, sort) : null };
}

/** The stored field of the number that rows are sorted by; null for the time alone. */
export const NUMBER_FIELDS = { time: null, score: 'amount', value: 'value' } as const;

/** What engines choose and sort by. */
export function storedFields({ observed_at, city_id, variable, rule, value, score }: Anomaly) {
  const identity = { at_us: microsOf(observed_at), city_id, variable, rule };
  return { ...identity, month: monthOf(observed_at), value, amount: Math.abs(score) };
}

/** The same for two rows only when one replaces the other. */
export function identityOf({ observed_at, city_id, variable, rule }: Anomaly): string {
  return `${microsOf(observed_at)} ${city_id} ${variable} ${rule}`;
}

/** Microseconds since 1970: exact for the years that tables hold. */
export function microsOf(time: string): number {
  const finer = /\.\d{3}(\d{1,3})/.exec(time)?.[1] ?? '';
  return Date.parse(time) * 1_000 + Number(finer.padEnd(3, '0'));
}

/** `2024-10`, in UTC. */
export function monthOf(time: string): string {
  return time.slice(0, 7);
}
