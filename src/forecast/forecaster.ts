/**
 * Forecasts of one variable of one city for the next 48 hours, hour by hour, by several models side by
 * side. Every model's forecasts are scored when their hours come, and for each horizon that model is
 * served whose errors of the last weeks are the smallest: the learned one never when a baseline does better.
 */
import { Climate } from './climate.ts';
import { addRow, openSums, predict, type Sums, solveSums } from './ridge.ts';

export const HORIZONS = 48;
export const BASELINES = [
  'persistence',
  'climatology',
  'seasonal_naive',
  'damped_persistence',
  'smoothing',
] as const;
export const MODELS = [...BASELINES, 'learned'] as const;
export type ModelName = (typeof MODELS)[number];

export interface Forecast {
  /** Per horizon, the first an hour ahead; in the variable's unit. */
  readonly values: Float64Array;
  readonly low: Float64Array;
  readonly median: Float64Array;
  readonly high: Float64Array;
  readonly models: readonly ModelName[];
}

export interface ForecasterOptions {
  /** Other variables that the learned model looks at. */
  readonly helpers: number;
  /** Bounds of the variable. */
  readonly least: number;
  readonly most: number;
}

const DAY = 24;
/** Hours of the variable's own past that are features. */
const LAGS = [0, 1, 2, 3, 6, 12, 23, 24] as const;
const PAST = 96;
const PENALTY = 2e-3;
/** How often what was added up is solved, in hours. */
const LEARN_EVERY = 7 * DAY;
const CLIMATE_EVERY = 30 * DAY;
/** Hours before the climate, and the learned model, are asked. */
const CLIMATE_LEAST = 28 * DAY;
const ROWS_LEAST = 60 * DAY;
/** Share of a new error in the trailing ones: they are of about 90 days. */
const ERROR_SHARE = 1 / (90 * DAY);
const QUANTILES = [0.1, 0.5, 0.9] as const;
/** Steps of the quantiles, as a share of the mean absolute error. */
const QUANTILE_STEP = 0.03;
const LEVEL_SHARE = 0.7;
const SEASON_SHARE = 0.08;

type ByModel<T> = Record<ModelName, T>;

function byModel<T>(make: () => T): ByModel<T> {
  return Object.fromEntries(MODELS.map((name) => [name, make()])) as ByModel<T>;
}

export class Forecaster {
  readonly #options: ForecasterOptions;
  readonly #climate = new Climate();
  readonly #helperClimates: readonly Climate[];
  readonly #sums: Sums;
  #weights: Float64Array | null = null;
  /** The last hours, by hour modulo PAST; NaN for none. */
  readonly #past = new Float64Array(PAST).fill(Number.NaN);
  readonly #helperPast: readonly Float64Array[];
  /** Features of the last hours, and what each model said then. */
  readonly #features: (Float64Array | null)[] = Array(PAST).fill(null);
  readonly #said: (ByModel<Float64Array> | null)[] = Array(PAST).fill(null);
  readonly #errors = byModel(() => new Float64Array(HORIZONS).fill(Number.NaN));
  /** Of the errors of what was served, by quantile and horizon. */
  readonly #quantiles = QUANTILES.map(() => new Float64Array(HORIZONS));
  readonly #served: (Float64Array | null)[] = Array(PAST).fill(null);
  readonly #season = new Float64Array(DAY);
  #level = Number.NaN;
  #hour = Number.NaN;
  #hours = 0;

  constructor(options: ForecasterOptions) {
    this.#options = options;
    this.#helperClimates = Array.from({ length: options.helpers }, () => new Climate());
    this.#helperPast = this.#helperClimates.map(() => new Float64Array(PAST).fill(Number.NaN));
    this.#sums = openSums(1 + LAGS.length + 4 + 2 * options.helpers, HORIZONS);
  }

  /** The next hour: `hour` counts from a midnight of 1 January (UTC) and grows by one; NaN for none. */
  observe(hour: number, value: number, helpers: readonly number[]): void {
    this.#hour = hour;
    this.#hours += 1;
    const slot = hour % PAST;
    this.#past[slot] = value;
    for (const [at, past] of this.#helperPast.entries()) past[slot] = helpers[at] ?? Number.NaN;
    this.#score(hour, value);
    if (!Number.isNaN(value)) {
      this.#climate.add(hour, value);
      this.#smooth(hour, value);
    }
    for (const [at, climate] of this.#helperClimates.entries()) {
      const helper = helpers[at] ?? Number.NaN;
      if (!Number.isNaN(helper)) climate.add(hour, helper);
    }
    const isFirst = this.#hours === CLIMATE_LEAST;
    if (isFirst || this.#hours % CLIMATE_EVERY === 0) {
      for (const climate of [this.#climate, ...this.#helperClimates]) climate.learn();
    }
    if (this.#hours >= CLIMATE_LEAST) this.#learn(hour);
    this.#features[slot] = this.#hours >= CLIMATE_LEAST ? this.#featuresAt(hour) : null;
    this.#said[slot] = this.#sayAt(hour);
    this.#served[slot] = this.#serve(this.#said[slot] ?? null)?.values ?? null;
  }

  /** From the last hour that was observed; null where that has no value. */
  forecast(): Forecast | null {
    return this.#serve(this.#said[this.#hour % PAST] ?? null);
  }

  /** What a model alone says; null where the last hour has no value. */
  sayBy(model: ModelName): Float64Array | null {
    return this.#said[this.#hour % PAST]?.[model] ?? null;
  }

  #anomaly(past: Float64Array, climate: Climate, hour: number): number {
    const value = past[((hour % PAST) + PAST) % PAST] ?? Number.NaN;
    const anomaly = value - climate.at(hour);
    return Number.isNaN(anomaly) ? 0 : anomaly;
  }

  #featuresAt(hour: number): Float64Array {
    const own = LAGS.map((lag) => this.#anomaly(this.#past, this.#climate, hour - lag));
    const phase = ((hour % DAY) / DAY) * 2 * Math.PI;
    const [now = 0, , , before = 0] = own;
    const helpers = this.#helperClimates.flatMap((climate, at) => {
      const past = this.#helperPast[at] ?? new Float64Array();
      const last = this.#anomaly(past, climate, hour);
      return [last, last - this.#anomaly(past, climate, hour - 3)];
    });
    const swing = [Math.cos(phase), Math.sin(phase)];
    return Float64Array.from([
      ...[1, ...own],
      ...swing.map((wave) => wave * now),
      ...swing.map((wave) => wave * (now - before)),
      ...helpers,
    ]);
  }

  /** The row of two days ago, whose targets are known now. */
  #learn(hour: number): void {
    const origin = hour - HORIZONS;
    const features = this.#features[((origin % PAST) + PAST) % PAST];
    if (features !== null && features !== undefined && this.#knows(origin)) {
      const targets = new Float64Array(HORIZONS);
      for (let ahead = 1; ahead <= HORIZONS; ahead += 1) {
        targets[ahead - 1] = this.#anomaly(this.#past, this.#climate, origin + ahead);
      }
      addRow(this.#sums, features, targets);
    }
    if (this.#hours % LEARN_EVERY === 0 && this.#sums.rows >= ROWS_LEAST) {
      this.#weights = solveSums(this.#sums, PENALTY);
    }
  }

  /** Whether nothing is missing from this hour to two days later. */
  #knows(origin: number): boolean {
    for (let ahead = 0; ahead <= HORIZONS; ahead += 1) {
      if (Number.isNaN(this.#past[(origin + ahead) % PAST])) return false;
    }
    return true;
  }

  /** Level and daily course, both smoothed exponentially (Holt, Winters, without trend). */
  #smooth(hour: number, value: number): void {
    const at = hour % DAY;
    const season = this.#season[at] ?? 0;
    if (Number.isNaN(this.#level)) this.#level = value;
    const before = this.#level;
    this.#level = before + LEVEL_SHARE * (value - season - before);
    this.#season[at] = season + SEASON_SHARE * (value - before - season);
  }

  #sayAt(hour: number): ByModel<Float64Array> | null {
    const now = this.#past[hour % PAST] ?? Number.NaN;
    if (Number.isNaN(now)) return null;
    const climate = ahead(1, HORIZONS, (one) => this.#climate.at(hour + one));
    const features = this.#features[hour % PAST];
    const learned =
      this.#weights === null || features === null || features === undefined
        ? null
        : predict(this.#weights, features, HORIZONS);
    const anomaly = now - this.#climate.at(hour);
    const fading = this.#fading();
    const say = (value: (one: number) => number) =>
      ahead(1, HORIZONS, (one) => this.#bounded(value(one)));
    return {
      persistence: say(() => now),
      climatology: say((one) => climate[one - 1] ?? Number.NaN),
      seasonal_naive: say((one) => {
        return this.#past[(hour + one - DAY * Math.ceil(one / DAY)) % PAST] ?? Number.NaN;
      }),
      damped_persistence: say(
        (one) => (climate[one - 1] ?? Number.NaN) + (fading[one - 1] ?? 0) * anomaly,
      ),
      smoothing: say((one) => this.#level + (this.#season[(hour + one) % DAY] ?? 0)),
      learned: say((one) => (climate[one - 1] ?? Number.NaN) + (learned?.[one - 1] ?? Number.NaN)),
    };
  }

  /** How much of a difference is left so many hours later: the regression on it alone. */
  #fading(): Float64Array {
    const { products, answers, features } = this.#sums;
    const own = 1;
    const squares = products[own * features + own] ?? 0;
    return ahead(1, HORIZONS, (one) =>
      squares > 0 ? (answers[own * HORIZONS + one - 1] ?? 0) / squares : 0,
    );
  }

  #bounded(value: number): number {
    return Math.min(this.#options.most, Math.max(this.#options.least, value));
  }

  #score(hour: number, value: number): void {
    if (Number.isNaN(value)) return;
    for (let ahead = 1; ahead <= HORIZONS; ahead += 1) {
      const slot = (((hour - ahead) % PAST) + PAST) % PAST;
      const said = this.#said[slot];
      if (said === null || said === undefined) continue;
      for (const model of MODELS) {
        const error = Math.abs(value - (said[model][ahead - 1] ?? Number.NaN));
        if (Number.isNaN(error)) continue;
        const errors = this.#errors[model];
        const before = errors[ahead - 1] ?? Number.NaN;
        errors[ahead - 1] = Number.isNaN(before)
          ? error
          : before + Math.max(ERROR_SHARE, 1 / this.#hours) * (error - before);
      }
      const served = this.#served[slot]?.[ahead - 1] ?? Number.NaN;
      if (!Number.isNaN(served)) this.#stepQuantiles(ahead - 1, value - served);
    }
  }

  #stepQuantiles(at: number, error: number): void {
    const step = QUANTILE_STEP * Math.max(0.05, this.#smallestError(at));
    for (const [index, share] of QUANTILES.entries()) {
      const quantiles = this.#quantiles[index];
      if (quantiles === undefined) continue;
      const before = quantiles[at] ?? 0;
      quantiles[at] = before + step * (share - (error < before ? 1 : 0));
    }
  }

  #smallestError(at: number): number {
    const known = MODELS.map((model) => this.#errors[model][at] ?? Number.NaN);
    return Math.min(...known.filter((error) => !Number.isNaN(error)));
  }

  #serve(said: ByModel<Float64Array> | null): Forecast | null {
    if (said === null) return null;
    const models = Array.from({ length: HORIZONS }, (_, at) => this.#bestAt(at, said));
    const values = ahead(0, HORIZONS, (at) => said[models[at] ?? 'persistence'][at] ?? Number.NaN);
    const [low, median, high] = this.#quantiles.map((quantiles) =>
      ahead(0, HORIZONS, (at) => this.#bounded((values[at] ?? 0) + (quantiles[at] ?? 0))),
    );
    const none = new Float64Array(HORIZONS);
    return { values, low: low ?? none, median: median ?? none, high: high ?? none, models };
  }

  #bestAt(at: number, said: ByModel<Float64Array>): ModelName {
    let best: ModelName = 'persistence';
    let least = Number.POSITIVE_INFINITY;
    for (const model of MODELS) {
      const error = this.#errors[model][at] ?? Number.NaN;
      if (Number.isNaN(error) || Number.isNaN(said[model][at])) continue;
      if (error < least) {
        best = model;
        least = error;
      }
    }
    return best;
  }
}

function ahead(from: number, count: number, value: (one: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => value(at + from));
}
