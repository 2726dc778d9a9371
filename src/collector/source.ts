import type { City } from '../model/city.ts';
import type { CollectedRecord } from '../model/observation.ts';

/**
 * The source of a city's current observation.
 *
 * One call of `observe` is at most one call of the provider; retrying is the caller's business,
 * since every call costs budget.
 */
export interface Source {
  /** `openweathermap` or `simulator`; goes into every observation. */
  readonly name: string;
  /** Whether its observations are made up. */
  readonly simulated: boolean;

  /**
   * What the provider says now: an observation, or an invalid record when an answer came that
   * makes none. Rejects with a `ProviderError`, which says how long to wait, when no answer about
   * this city came, and with the signal's reason once that aborts.
   * `onStatus` is called with the HTTP status of an answer that came.
   */
  observe(
    city: City,
    signal: AbortSignal,
    onStatus?: (status: number) => void,
  ): Promise<CollectedRecord>;
}
