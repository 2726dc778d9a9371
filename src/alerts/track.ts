/**
 * A track: how far one rule is with one subject. It is the only state of the evaluation, changes with
 * each verdict by `advance` alone, and is stored, so that a restart goes on where it was.
 *
 *     clear ──holds──► pending ──held for `for`──► open ──clear for `resolve_after`──► clear
 *                         └──any other verdict──► clear
 */

import type { VerdictState } from './judging.ts';
import type { Rule } from './rules.ts';

export interface Track {
  readonly phase: 'clear' | 'pending' | 'open';
  /** Since when it has held; milliseconds since 1970, like the others. */
  readonly since: number;
  /** While open: since when it has not held; null while it does. */
  readonly clearSince: number | null;
  /** The last verdict's time: verdicts from before are passed over. */
  readonly at: number;
}

export interface Advance {
  readonly track: Track;
  readonly change: 'opened' | 'resolved' | null;
}

export function newTrack(): Track {
  return { phase: 'clear', since: 0, clearSince: null, at: Number.NEGATIVE_INFINITY };
}

/** `isActive`: whether the rule may open incidents at that time. */
export function advance(
  track: Track,
  rule: Pick<Rule, 'forMs' | 'resolveAfterMs' | 'missing'>,
  verdict: { readonly state: VerdictState; readonly since?: number | undefined },
  at: number,
  isActive = true,
): Advance {
  if (at < track.at) return { track, change: null };
  if (track.phase === 'open') return advanceOpen(track, rule, verdict.state, at);
  if (verdict.state !== 'holds' || !isActive) {
    // Without a value nothing is known: a pending incident neither opens nor begins anew.
    if (verdict.state === 'missing' && track.phase === 'pending' && isActive) {
      return { track: { ...track, at }, change: null };
    }
    return { track: { ...newTrack(), at }, change: null };
  }
  const since = track.phase === 'pending' ? track.since : (verdict.since ?? at);
  const isDue = at - (track.phase === 'pending' ? track.since : Math.min(since, at)) >= rule.forMs;
  const phase = isDue ? 'open' : 'pending';
  return { track: { phase, since, clearSince: null, at }, change: isDue ? 'opened' : null };
}

function advanceOpen(
  track: Track,
  rule: Pick<Rule, 'resolveAfterMs' | 'missing'>,
  state: VerdictState,
  at: number,
): Advance {
  if (state === 'holds' || state === 'between') {
    return { track: { ...track, clearSince: null, at }, change: null };
  }
  if (state === 'missing' && rule.missing === 'keep') {
    return { track: { ...track, at }, change: null };
  }
  const clearSince = track.clearSince ?? at;
  if (at - clearSince < rule.resolveAfterMs) {
    return { track: { ...track, clearSince, at }, change: null };
  }
  return { track: { ...newTrack(), at }, change: 'resolved' };
}
