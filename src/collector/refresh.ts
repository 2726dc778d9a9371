import type { Watch } from './check.ts';
import type { Schedule } from './schedule.ts';

export interface Refreshed {
  /** Cities that were to be asked; not those that had been asked a moment ago. */
  readonly cities: number;
  /** How many were; the others wait for the budget, the provider or the log. */
  readonly checked: number;
}

/** A request to ask the provider now. */
export interface Refresh {
  /** Resolves when all were asked, or when the rest has to wait. */
  begin(schedule: Schedule<Watch>, now: number): Promise<Refreshed>;
  /** This city was asked. */
  checked(watch: Watch): void;
  /** Those that were not asked yet have to wait. */
  end(): void;
}

/** More cities than that are left to their usual time. */
const CITIES_MAX = 1_000;

/** `restMs`: whoever clicks again within that time does not pay again. */
export function openRefresh(restMs: number): Refresh {
  const waiting = new Set<Watch>();
  let cities = 0;
  let current: PromiseWithResolvers<Refreshed> | null = null;

  function end(): void {
    current?.resolve({ cities, checked: cities - waiting.size });
    current = null;
    waiting.clear();
  }

  return {
    begin(schedule, now) {
      if (current !== null) return current.promise;
      current = Promise.withResolvers<Refreshed>();
      const { promise } = current;
      schedule.reschedule((dueAt, watch) => {
        if (now - watch.lastAskedAt < restMs || waiting.size >= CITIES_MAX) return dueAt;
        waiting.add(watch);
        return Math.min(dueAt, now);
      });
      cities = waiting.size;
      if (cities === 0) end();
      return promise;
    },
    checked(watch) {
      if (waiting.delete(watch) && waiting.size === 0) end();
    },
    end,
  };
}
