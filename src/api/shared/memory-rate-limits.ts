/** Rate limits of this process alone. */
import type { RateLimits } from './rate-limits.ts';

export interface MemoryRateLimitsOptions {
  /** Keys at most; beyond them the windows that began first are forgotten. */
  readonly keysMax?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

const KEYS_MAX = 100_000;

export function openMemoryRateLimits(options: MemoryRateLimitsOptions = {}): RateLimits {
  const { keysMax = KEYS_MAX, now = () => performance.now() } = options;
  const windows = new Map<string, { count: number; readonly endsAt: number }>();

  return {
    async count(key, windowMs, weight = 1) {
      const at = now();
      let window = windows.get(key);
      if (window === undefined || window.endsAt <= at) {
        windows.delete(key);
        for (const [oldest] of windows) {
          if (windows.size < keysMax) break;
          windows.delete(oldest);
        }
        window = { count: 0, endsAt: at + windowMs };
        windows.set(key, window);
      }
      window.count += weight;
      // The difference of two fractions may be a little more than the window.
      const leftMs = Math.min(windowMs, Math.ceil(window.endsAt - at));
      return { count: window.count, leftMs };
    },
    async [Symbol.asyncDispose]() {
      windows.clear();
    },
  };
}
