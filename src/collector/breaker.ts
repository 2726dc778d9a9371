/**
 * The breaker: trouble of the provider as a whole stops all polling for as long as the error says,
 * then a single call tries whether it is over. A refused key and a used-up quota open it at once,
 * a provider that is down after five failures in a row.
 */
import type { ProviderError } from './provider-error.ts';

export interface Breaker {
  /** How many calls may start now; with 0, how long to wait (Infinity: for the call that tries). */
  allowance(now: number): { readonly calls: number; readonly waitMs: number };
  /** A call starts; the returned value goes to the verdict on it. */
  start(): Attempt;
  /** The provider answered, even if it had nothing to say about the city. */
  succeeded(): void;
  failed(attempt: Attempt, error: ProviderError, now: number): void;
  /** The call ended without a verdict: it was cancelled. */
  cancelled(attempt: Attempt): void;
  /** What keeps it open; null while it is closed. */
  readonly trouble: { readonly error: ProviderError; readonly until: number } | null;
  /** The error of the last call when some in a row failed, open or not yet. */
  readonly failing: ProviderError | null;
}

export type Attempt = 'usual' | 'trying';

const FAILURES_TO_OPEN = 5;
/** One call that fails among many that do not says nothing about the provider. */
const FAILURES_TO_SAY = 3;

export function openBreaker(random: () => number): Breaker {
  let failures = 0;
  let lastError: ProviderError | null = null;
  let opened = 0;
  let trying = false;
  let trouble: { error: ProviderError; until: number } | null = null;

  function open(error: ProviderError, now: number): void {
    // Another kind of trouble begins with its own shortest wait.
    opened = trouble?.error.code === error.code ? opened + 1 : 1;
    // Jitter only lengthens: a provider's Retry-After is a least time.
    const waitMs = error.waitSeconds(opened) * 1_000 * (1 + random() / 10);
    trouble = { error, until: now + waitMs };
  }

  return {
    allowance(now) {
      if (trouble === null) return { calls: Number.POSITIVE_INFINITY, waitMs: 0 };
      if (trying) return { calls: 0, waitMs: Number.POSITIVE_INFINITY };
      const waitMs = trouble.until - now;
      return waitMs > 0 ? { calls: 0, waitMs } : { calls: 1, waitMs: 0 };
    },
    start() {
      if (trouble === null) return 'usual';
      trying = true;
      return 'trying';
    },
    succeeded() {
      failures = 0;
      opened = 0;
      trying = false;
      trouble = null;
    },
    failed(attempt, error, now) {
      failures += 1;
      lastError = error;
      if (attempt === 'trying') {
        trying = false;
        open(error, now);
      } else if (trouble !== null) {
        // One of several calls that were under way when it opened: only a longer wait is news.
        const asked = now + (error.retryAfterSeconds ?? 0) * 1_000;
        trouble = { ...trouble, until: Math.max(trouble.until, asked) };
      } else {
        const passing = error.code === 'PROVIDER_DOWN' && error.retryAfterSeconds === null;
        if (!passing || failures >= FAILURES_TO_OPEN) open(error, now);
      }
    },
    cancelled(attempt) {
      if (attempt === 'trying') trying = false;
    },
    get trouble() {
      return trouble;
    },
    get failing() {
      return trouble !== null || failures >= FAILURES_TO_SAY ? lastError : null;
    },
  };
}
