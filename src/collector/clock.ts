import { pause } from '../waiting.ts';

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
  wait: pause,
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

/**
 * A clock that runs `speed` times as fast as the system's from now on: for a simulator whose clock
 * does, so that its observations are not in the future.
 */
export function scaledClock(speed: number, base: Clock = systemClock): Clock {
  const [wall, monotonic] = [base.now(), base.monotonic()];
  return {
    now: () => wall + (base.now() - wall) * speed,
    monotonic: () => monotonic + (base.monotonic() - monotonic) * speed,
    wait: (ms, signal) => base.wait(ms / speed, signal),
  };
}
