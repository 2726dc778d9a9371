import { setTimeout as sleep } from 'node:timers/promises';

/** Time as the collector sees it; the tests bring their own. */
export interface Clock {
  /** The wall clock, milliseconds since 1970 UTC. It may jump, in both directions. */
  now(): number;

  /**
   * Milliseconds since some moment that stays the same while the machine runs, for all of its
   * processes. It never goes back, and may stand still while the machine sleeps.
   */
  monotonic(): number;

  /** Resolves after that time or as soon as the signal aborts; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Since boot on every system that Node runs on, unlike performance.now(), which is per process.
  monotonic: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
  wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
};

/**
 * The wall clock made steady for planning: when the clock is set back, the plan goes on as if it
 * had not been, instead of waiting until the old time comes round again.
 */
export interface SteadyClock {
  /** Never less than it was before. */
  now(): number;
  /** What `now()` says when the wall clock shows `wallMs`, as long as it is not set back again. */
  fromWall(wallMs: number): number;
  /** The wall clock's time at a planned moment. */
  toWall(steadyMs: number): number;
}

export function steady(clock: Clock): SteadyClock {
  let last = clock.now();
  let offset = 0;
  return {
    now() {
      const wall = clock.now();
      if (wall < last) offset += last - wall;
      last = wall;
      return wall + offset;
    },
    fromWall: (wallMs) => wallMs + offset,
    toWall: (steadyMs) => steadyMs - offset,
  };
}

/** ISO 8601 in UTC, without the milliseconds of a whole second: `2026-11-23T16:00:00Z`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
