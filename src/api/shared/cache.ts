import type { CacheStatus } from '../../model/status.ts';

/**
 * The shared cache: what one server has computed, the others find.
 *
 * It may forget anything at any time. No method rejects, and none takes longer than its time limit:
 * whatever is wrong with the cache, callers compute for themselves.
 */
export interface SharedCache extends AsyncDisposable {
  /**
   * The value of the key as `parse` reads it, or who computes it. Bytes of which `parse` makes null
   * count as no value. `isAgain` leaves a look-up that is repeated out of the counts.
   */
  find<V>(
    key: string,
    parse: (bytes: Buffer) => Promise<V | null>,
    isAgain?: boolean,
  ): Promise<Found<V>>;

  /**
   * Keeps the value for the other servers in place of any other, then ends the turn. Above
   * `bytesMax` nothing is kept. Resolves when that is done or has failed.
   */
  put(key: string, value: Buffer, turn: string): Promise<void>;

  /** Ends the turn without a value: the next who asks gets it. */
  endTurn(key: string, turn: string): Promise<void>;

  /** Size of a value at most. */
  readonly bytesMax: number;

  /** How long a turn lasts at most, and so how long it makes sense to wait for another's. */
  readonly turnMs: number;

  status(): CacheStatus;
}

export type Found<V> =
  | { readonly kind: 'value'; readonly value: V }
  /** No server has the value or computes it: the caller does, and puts it or ends its turn. */
  | { readonly kind: 'turn'; readonly turn: string }
  /** Another server computes it: ask again soon. */
  | { readonly kind: 'taken' }
  /** The cache is of no use for this key now: the caller computes, and keeps it for itself. */
  | { readonly kind: 'unavailable' };
