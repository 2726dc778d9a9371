/** A clock for tests: time passes only through `advance`, and then in an instant. */
import { setImmediate as immediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { openSchedule } from '../schedule.ts';

export interface TestClock extends Clock {
  /** Sets the wall clock forward or back; waits are not affected. */
  jump(ms: number): void;
  /** Restarts the machine: the monotonic clock begins anew. */
  reboot(uptimeMs: number): void;
  /** Lets time pass, waking in order whoever waits. */
  advance(ms: number): Promise<void>;
  /** Lets time pass until the condition holds; fails after `limitMs`. */
  until(condition: () => boolean, limitMs: number): Promise<void>;
}

export function openTestClock(wallMs: number): TestClock {
  let monotonic = 1_000_000;
  let offset = wallMs - monotonic;
  const sleepers = openSchedule<{ wake: (() => void) | null }>();

  /** Everything that can go on without time passing does. */
  const settle = () => immediate();

  async function advanceUntil(end: number, condition: () => boolean): Promise<boolean> {
    await settle();
    while (!condition()) {
      const next = sleepers.nextDue();
      if (next === null || next > end) {
        monotonic = end;
        return false;
      }
      monotonic = Math.max(monotonic, next);
      const sleeper = sleepers.take();
      if (!sleeper?.wake) continue;
      sleeper.wake();
      await settle();
    }
    return true;
  }

  return {
    now: () => monotonic + offset,
    monotonic: () => monotonic,
    wait(ms, signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        // A sleeper that was woken early stays in the heap and then does nothing.
        const sleeper: { wake: (() => void) | null } = { wake: null };
        const end = () => {
          sleeper.wake = null;
          signal.removeEventListener('abort', end);
          resolve();
        };
        sleeper.wake = end;
        sleepers.add(monotonic + ms, sleeper);
        signal.addEventListener('abort', end);
      });
    },
    jump(ms) {
      offset += ms;
    },
    reboot(uptimeMs) {
      offset += monotonic - uptimeMs;
      monotonic = uptimeMs;
    },
    async advance(ms) {
      await advanceUntil(monotonic + ms, () => false);
    },
    async until(condition, limitMs) {
      if (!(await advanceUntil(monotonic + limitMs, condition))) {
        throw new Error(`it did not happen within ${limitMs} ms`);
      }
    },
  };
}
