/**
 * The rate limits: how often something has happened in the window that is running.
 *
 * A window begins with the first count of a key and ends after its time; each key has its own.
 */
export interface RateLimits extends AsyncDisposable {
  /**
   * Counts so many more, and returns how many that makes. Counts of one key at the same time, from
   * any number of servers that share the engine, each get a number of their own. Rejects with
   * CACHE_UNAVAILABLE, CACHE_LOGIN_REFUSED or CACHE_FULL when an engine elsewhere does not count:
   * nothing or one was counted, and the caller decides what that means.
   */
  count(key: string, windowMs: number, weight?: number): Promise<Counted>;
}

export interface Counted {
  /** From 1. */
  readonly count: number;
  /** Milliseconds until the window ends, above 0. */
  readonly leftMs: number;
}
