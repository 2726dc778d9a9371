/**
 * Which model is served: for each horizon the one whose mean absolute error of the last weeks is the
 * smallest. Errors are exponentially weighted, over the last fifth or so of a model's forecasts as long as
 * they are few: what it said before it had learned does not count for long. A model that begins later than
 * others is not served before a week of its forecasts was judged.
 */
import { HORIZONS, MODELS, type ModelName, SCORED_HORIZONS } from '../model/forecast.ts';
import type { Visit } from './state.ts';

const NONE = -1;
/** Share of a new error in the trailing ones: they are of about 90 days. */
const ERROR_SHARE = 1 / (90 * 24);
const RECENT = 5;
const JUDGED_LEAST = 7 * 24;

export interface GateSwitch {
  readonly horizon: number;
  readonly since: number;
  readonly from: ModelName;
  readonly to: ModelName;
  readonly fromError: number;
  readonly toError: number;
}

export class Gate {
  /** A row of horizons per model; NaN before the first. */
  readonly #errors = new Float64Array(MODELS.length * HORIZONS).fill(Number.NaN);
  /** Of the forecasts that were judged, a row of horizons per model. */
  readonly #counts = new Float64Array(MODELS.length * HORIZONS);
  readonly #served = new Float64Array(HORIZONS).fill(NONE);
  /** Of the last change at each horizon: hour, model before, error of it, error of the one after. */
  readonly #changes = new Float64Array(HORIZONS * 4).fill(Number.NaN);

  visit(each: Visit): void {
    each(this.#errors);
    each(this.#counts);
    each(this.#served);
    each(this.#changes);
  }

  /** `at` is the horizon less one. */
  add(model: number, at: number, error: number): void {
    const place = model * HORIZONS + at;
    const count = this.#countOf(model, at) + 1;
    const before = this.#errors[place] ?? Number.NaN;
    const share = Math.min(1, Math.max(ERROR_SHARE, RECENT / count));
    this.#counts[place] = count;
    this.#errors[place] = Number.isNaN(before) ? error : before + share * (error - before);
  }

  #countOf(model: number, at: number): number {
    return this.#counts[model * HORIZONS + at] ?? 0;
  }

  /** NaN before the first. */
  smallestError(at: number): number {
    let least = Number.NaN;
    for (let model = 0; model < MODELS.length; model += 1) {
      const error = this.#errors[model * HORIZONS + at] ?? Number.NaN;
      if (Number.isNaN(least) || error < least) least = error;
    }
    return least;
  }

  /** `said` is a row of horizons per model; persistence where nothing is known of any. */
  choose(hour: number, at: number, said: Float64Array): number {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    const counts = MODELS.map((_, model) => this.#countOf(model, at));
    const enough = Math.min(JUDGED_LEAST, Math.max(...counts) / 2);
    for (let model = 0; model < MODELS.length; model += 1) {
      const error = this.#errors[model * HORIZONS + at] ?? Number.NaN;
      if (Number.isNaN(said[model * HORIZONS + at]) || !(error < least)) continue;
      if ((counts[model] ?? 0) < enough) continue;
      best = model;
      least = error;
    }
    this.#note(hour, at, best);
    return best;
  }

  #note(hour: number, at: number, best: number): void {
    const before = this.#served[at] ?? NONE;
    if (before === best) return;
    this.#served[at] = best;
    if (before === NONE) return;
    const errors = [before, best].map((model) => this.#errors[model * HORIZONS + at] ?? NaN);
    this.#changes.set([hour, before, ...errors], at * 4);
  }

  /** The last change at each horizon that is scored. */
  switches(): GateSwitch[] {
    return SCORED_HORIZONS.flatMap((horizon) => {
      const at = horizon - 1;
      const [since = NaN, before = NaN, fromError = NaN, toError = NaN] = this.#changes.subarray(
        at * 4,
        at * 4 + 4,
      );
      const [from, to] = [MODELS[before], MODELS[this.#served[at] ?? NONE]];
      if (from === undefined || to === undefined) return [];
      return [{ horizon, since, from, to, fromError, toError }];
    });
  }
}
