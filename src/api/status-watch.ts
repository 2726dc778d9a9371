/** The status, asked for at most once a second however many want it. */
import type { Status } from '../model/status.ts';

export interface StatusWatch {
  /** Not older than a second. Rejects as `status()` does. */
  get(): Promise<Status>;
  /** Drops what is known, so that the next caller gets the state after an action. */
  forget(): void;
}

const FRESH_MS = 1_000;

export function openStatusWatch(
  status: () => Promise<Status>,
  monotonic: () => number = () => performance.now(),
): StatusWatch {
  let known: Promise<Status> | null = null;
  let askedAt = 0;
  return {
    get() {
      if (known === null || monotonic() - askedAt > FRESH_MS) {
        askedAt = monotonic();
        const asked = status();
        known = asked;
        asked.catch(() => {
          if (known === asked) known = null;
        });
      }
      return known;
    },
    forget() {
      known = null;
    },
  };
}
