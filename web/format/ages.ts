import { lateAfter } from '../../src/model/lateness.ts';
import { words } from '../words/words.ts';
import { formatCount } from './numbers.ts';

/** How long ago, in at most two units: "38 s", "6 min", "2 h 10 min", "3 d 4 h", "412 d". */
export function formatAge(seconds: number): string {
  const { second, minute, hour, day } = words.value.units;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} ${second}`;
  if (s < 3_600) return `${Math.floor(s / 60)} ${minute}`;
  if (s < 86_400) return two(Math.floor(s / 3_600), hour, Math.floor((s % 3_600) / 60), minute);
  if (s < 10 * 86_400)
    return two(Math.floor(s / 86_400), day, Math.floor((s % 86_400) / 3_600), hour);
  return `${formatCount(Math.floor(s / 86_400))} ${day}`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Whether all of these sources are imports. */
export function isHistory(sources: readonly string[]): boolean {
  return sources.length > 0 && sources.every((source) => source.startsWith('import:'));
}

export type Timeliness = 'fresh' | 'late' | 'history';

/** An import brings history and is not late; everything else is expected to go on. */
export function timeliness(
  observation: { readonly source: string; readonly interval_s: number | null },
  ageSeconds: number,
): Timeliness {
  if (ageSeconds <= lateAfter(observation.interval_s)) return 'fresh';
  return isHistory([observation.source]) ? 'history' : 'late';
}

/** Time of the newest observation of each source, ms since 1970; the newest source first. */
export function newestBySource(
  observations: Iterable<{ readonly source: string; readonly observed_at: string }>,
): readonly (readonly [source: string, at: number])[] {
  const newest = new Map<string, number>();
  for (const { source, observed_at } of observations) {
    newest.set(source, Math.max(newest.get(source) ?? 0, Date.parse(observed_at)));
  }
  return [...newest].sort(([, a], [, b]) => b - a);
}
