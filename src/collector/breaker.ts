/**
 * The breaker: trouble of the provider as a whole stops all polling for a while, then one call
 * tries whether it is over.
 *
 *     key refused   1 min, doubling to 10 min; `key_not_active` for the first two hours
 *     quota         what the provider asks for, else 10 s, doubling to 10 min
 *     down          after 5 failures in a row 5 s, doubling to 5 min
 */
import type { CollectorState } from '../model/status.ts';
import type { ProviderError } from './provider-error.ts';

export interface Breaker {
  /** Milliseconds of the clock until which no call may be made; 0 when calls are free. */
  readonly closedUntil: number;
  /** Whether only one call at a time may be made: the one that tries. */
  readonly isTrying: boolean;
  readonly state: Extract<
    CollectorState,
    'live' | 'key_not_active' | 'key_refused' | 'quota' | 'provider_down'
  >;
  readonly message: string;
  succeeded(): void;
  failed(error: ProviderError, now: number): void;
}

const FAILURES_MAX = 5;
const KEY_ACTIVATION_MS = 2 * 3_600_000;
const WAITS = {
  PROVIDER_KEY_REFUSED: { least: 60_000, most: 600_000 },
  PROVIDER_QUOTA: { least: 10_000, most: 600_000 },
  PROVIDER_DOWN: { least: 5_000, most: 300_000 },
} as const;

export function createBreaker(): Breaker {
  let failures = 0;
  let opened = 0;
  let closedUntil = 0;
  let error: ProviderError | null = null;
  let keyRefusedSince: number | null = null;
  let keyWorked = false;
  let state: Breaker['state'] = 'live';

  return {
    get closedUntil() {
      return closedUntil;
    },
    get isTrying() {
      return opened > 0;
    },
    get state() {
      return state;
    },
    get message() {
      return error?.message ?? '';
    },
    succeeded() {
      failures = 0;
      opened = 0;
      closedUntil = 0;
      error = null;
      keyRefusedSince = null;
      keyWorked = true;
      state = 'live';
    },
    failed(failure, now) {
      if (failure.isOfCity) return;
      const code = failure.code as keyof typeof WAITS;
      failures += 1;
      if (code === 'PROVIDER_DOWN' && failures < FAILURES_MAX && opened === 0) return;
      error = failure;
      opened += 1;
      const { least, most } = WAITS[code];
      const wait = Math.min(most, least * 2 ** (opened - 1));
      const asked = (failure.retryAfterSeconds ?? 0) * 1_000;
      closedUntil = now + Math.max(Math.min(asked, 86_400_000), asked > 0 ? 0 : wait);
      if (code === 'PROVIDER_KEY_REFUSED') keyRefusedSince ??= now;
      state = stateOf(code, now);
    },
  };

  function stateOf(code: keyof typeof WAITS, now: number): Breaker['state'] {
    if (code === 'PROVIDER_QUOTA') return 'quota';
    if (code === 'PROVIDER_DOWN') return 'provider_down';
    const young = now - (keyRefusedSince ?? now) < KEY_ACTIVATION_MS;
    return young && !keyWorked ? 'key_not_active' : 'key_refused';
  }
}
