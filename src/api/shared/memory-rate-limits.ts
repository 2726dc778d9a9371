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
    async count(key, windowMs) {
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
      window.count += 1;
      return { count: window.count, leftMs: Math.ceil(window.endsAt - at) };
    },
    async [Symbol.asyncDispose]() {
      windows.clear();
    },
  };
}
