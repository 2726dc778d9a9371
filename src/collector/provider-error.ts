import { type ErrorCode, IsobarError } from '../errors.ts';
import { backoff } from '../waiting.ts';

export type ProviderErrorCode = Extract<
  ErrorCode,
  | 'PROVIDER_KEY_REFUSED'
  | 'PROVIDER_QUOTA'
  | 'PROVIDER_CITY_UNKNOWN'
  | 'PROVIDER_REQUEST'
  | 'PROVIDER_DOWN'
>;

export interface ProviderErrorOptions {
  /** How long the provider itself asks us to wait. */
  readonly retryAfterSeconds?: number | null;
  /** The key is refused, but may be so new that it is not active yet. */
  readonly keyNotActiveYet?: boolean;
  /** Nothing of an answer came: names, connections, timeouts. */
  readonly isUnreached?: boolean;
  /** The status of the answer, or the one that its body names. */
  readonly status?: number;
}

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/**
 * Why the provider said nothing about a city. It carries neither the request's address nor the
 * error underneath, since both can hold the key.
 *
 *     PROVIDER_KEY_REFUSED    401, 403          whole provider   1 to 5 minutes while the key may
 *                                                                become active, then 5 to 60
 *     PROVIDER_QUOTA          429               whole provider   Retry-After, else 15 s to 10 min
 *     PROVIDER_DOWN           5xx, no answer,   whole provider   Retry-After, else 2 s to 5 min
 *                             garbage
 *     PROVIDER_CITY_UNKNOWN   404               this city        a day
 *     PROVIDER_REQUEST        400, other 4xx    this city        an hour to a day
 */
export class ProviderError extends IsobarError {
  declare readonly code: ProviderErrorCode;
  readonly retryAfterSeconds: number | null;
  readonly keyNotActiveYet: boolean;
  readonly isUnreached: boolean;

  constructor(code: ProviderErrorCode, text: string, options: ProviderErrorOptions = {}) {
    const {
      retryAfterSeconds = null,
      keyNotActiveYet = false,
      isUnreached = false,
      status,
    } = options;
    super(code, text, {
      details: {
        ...(status === undefined ? {} : { status }),
        ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
        ...(keyNotActiveYet ? { keyNotActiveYet } : {}),
      },
    });
    this.name = 'ProviderError';
    this.retryAfterSeconds = retryAfterSeconds;
    this.keyNotActiveYet = keyNotActiveYet;
    this.isUnreached = isUnreached;
  }

  /** Whether only this city is concerned; else asking for another one is of no use either. */
  get ofCity(): boolean {
    return this.code === 'PROVIDER_CITY_UNKNOWN' || this.code === 'PROVIDER_REQUEST';
  }

  /** How long to wait after this failure, the `failures`-th of its kind in a row (from 1). */
  waitSeconds(failures: number): number {
    const grow = (least: number, most: number) => backoff({ least, most }, failures);
    switch (this.code) {
      case 'PROVIDER_KEY_REFUSED':
        return this.keyNotActiveYet ? grow(MINUTE, 5 * MINUTE) : grow(5 * MINUTE, HOUR);
      case 'PROVIDER_QUOTA':
        return this.retryAfterSeconds ?? grow(15, 10 * MINUTE);
      case 'PROVIDER_DOWN':
        return Math.max(this.retryAfterSeconds ?? 0, grow(2, 5 * MINUTE));
      case 'PROVIDER_CITY_UNKNOWN':
        return DAY;
      case 'PROVIDER_REQUEST':
        return grow(HOUR, DAY);
    }
  }
}

/**
 * Seconds of a Retry-After header, in both of its forms (RFC 9110, 10.2.3), at least 1 and at most
 * a day; null when it is missing or unreadable. A date is measured against the provider's own
 * clock, where the answer has a Date header.
 */
export function parseRetryAfter(
  headers: { get(name: string): string | null },
  nowMs: number,
): number | null {
  const text = headers.get('retry-after')?.trim() ?? '';
  if (text === '') return null;
  const theirNow = Date.parse(headers.get('date') ?? '');
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : (Date.parse(text) - (Number.isNaN(theirNow) ? nowMs : theirNow)) / 1_000;
  if (Number.isNaN(seconds)) return null;
  return Math.min(DAY, Math.max(1, Math.ceil(seconds)));
}
