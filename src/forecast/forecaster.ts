/**
 * Forecasts of one variable of one city for the next 48 hours, hour by hour, by several models side by
 * side. Every model's forecasts are scored when their hours come, and for each horizon that model is
 * served whose errors of the last weeks are the smallest: the learned one never when a baseline does better.
 */
import {
  HORIZONS,
  LEARNING_DAYS,
  MODELS,
  type ModelName,
  SCORED_HORIZONS,
} from '../model/forecast.ts';
import { Climate } from './climate.ts';
import { Gate, type GateSwitch } from './gate.ts';
import { addRow, openSums, predict, type Sums, solveSums, visitSums } from './ridge.ts';
import type { Visit } from './state.ts';

export interface Forecast {
  /** Per horizon, the first an hour ahead; in the variable's unit. */
  readonly values: Float64Array;
  readonly low: Float64Array;
  readonly median: Float64Array;
  readonly high: Float64Array;
  readonly models: readonly ModelName[];
}

/** What was said of the hour that has come, so many hours before. */
export interface Judged {
  readonly horizon: number;
  readonly value: number;
  /** By each of MODELS; NaN where it said nothing. */
  readonly said: readonly number[];
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface ForecasterOptions {
  /** Other variables that the learned model looks at. */
  readonly helpers: number;
  /** Bounds of the variable. */
  readonly least: number;
  readonly most: number;
  /** Called for each hour with a value and each of SCORED_HORIZONS at which it was forecast. */
  readonly onJudged?: (judged: Judged) => void;
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
const CLIMATE_LEAST = LEARNING_DAYS * DAY;
const ROWS_LEAST = 60 * DAY;
const QUANTILES = [0.1, 0.5, 0.9] as const;
/** Steps of the quantiles, whose errors are multiples of the usual one. */
const QUANTILE_STEP = 0.03;
/** Share of a new error in the usual one of its horizon and hour of the day: they are of about 60 days. */
const SCALE_SHARE = 1 / 60;
/** No error is usual below this, in units of the variable. */
const SCALE_LEAST = 0.05;
const LEVEL_SHARE = 0.7;
const SEASON_SHARE = 0.08;
/** Rows of what was served in an hour: the values, and the quantiles. */
const SERVED_ROWS = 1 + QUANTILES.length;
const SAID = MODELS.length * HORIZONS;
const SERVED = SERVED_ROWS * HORIZONS;

export class Forecaster {
  readonly #options: ForecasterOptions;
  readonly #climate = new Climate();
  readonly #helperClimates: readonly Climate[];
  readonly #sums: Sums;
  readonly #gate = new Gate();
  /** NaN before anything was learned. */
  readonly #weights: Float64Array;
  /** The last hours, by hour modulo PAST; NaN for none. */
  readonly #past = new Float64Array(PAST).fill(Number.NaN);
  readonly #helperPast: readonly Float64Array[];
  /** Of the last 48 hours, by hour modulo 48: features, what each model said, what was served. */
  readonly #features: Float64Array;
  readonly #said = new Float64Array(HORIZONS * SAID).fill(Number.NaN);
  readonly #served = new Float64Array(HORIZONS * SERVED).fill(Number.NaN);
  readonly #models = new Float64Array(HORIZONS);
  /** Mean absolute errors of what was served, by horizon and hour of the day; 0 before the first. */
  readonly #scales = new Float64Array(HORIZONS * DAY);
  /** Of the errors of what was served, by quantile and horizon, as multiples of those. */
  readonly #quantiles = QUANTILES.map(() => new Float64Array(HORIZONS));
  readonly #season = new Float64Array(DAY);
  /** Smoothed level, last hour, number of hours. */
  readonly #scalars = Float64Array.of(Number.NaN, Number.NaN, 0);

  constructor(options: ForecasterOptions) {
    this.#options = options;
    this.#helperClimates = Array.from({ length: options.helpers }, () => new Climate());
    this.#helperPast = this.#helperClimates.map(() => new Float64Array(PAST).fill(Number.NaN));
    this.#sums = openSums(1 + LAGS.length + 4 + 2 * options.helpers, HORIZONS);
    const { features } = this.#sums;
    this.#weights = new Float64Array(features * HORIZONS).fill(Number.NaN);
    this.#features = new Float64Array(HORIZONS * features).fill(Number.NaN);
  }

  visit(each: Visit): void {
    for (const climate of [this.#climate, ...this.#helperClimates]) climate.visit(each);
    visitSums(this.#sums, each);
    this.#gate.visit(each);
    for (const part of [this.#weights, this.#past, ...this.#helperPast, this.#features]) each(part);
    for (const part of [this.#said, this.#served, this.#models, ...this.#quantiles]) each(part);
    for (const part of [this.#season, this.#scalars, this.#scales]) each(part);
  }

  /** Hours that were observed, those without a value among them. */
  get hours(): number {
    return this.#scalars[2] ?? 0;
  }

  get #hour(): number {
    return this.#scalars[1] ?? Number.NaN;
  }

  /** The next hour: `hour` counts from a midnight of 1 January (UTC) and grows by one; NaN for none. */
  observe(hour: number, value: number, helpers: readonly number[]): void {
    this.#scalars[1] = hour;
    this.#scalars[2] = this.hours + 1;
    const slot = modulo(hour, PAST);
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
    const isFirst = this.hours === CLIMATE_LEAST;
    if (isFirst || this.hours % CLIMATE_EVERY === 0) {
      for (const climate of [this.#climate, ...this.#helperClimates]) climate.learn();
    }
    if (this.hours >= CLIMATE_LEAST) this.#learn(hour);
    const features = this.#featuresOf(hour);
    features.fill(Number.NaN);
    if (this.hours >= CLIMATE_LEAST) features.set(this.#featuresAt(hour));
    this.#say(hour);
    this.#serve(hour);
  }

  /** From the last hour that was observed; null where that has no value. */
  forecast(): Forecast | null {
    if (this.sayBy('persistence') === null) return null;
    const row = (at: number) => this.#servedOf(this.#hour, at).slice();
    return {
      ...{ values: row(0), low: row(1), median: row(2), high: row(3) },
      models: Array.from(this.#models, (model) => MODELS[model] ?? 'persistence'),
    };
  }

  /** What a model alone says, until the next hour; null where the last hour has no value. */
  sayBy(model: ModelName): Float64Array | null {
    if (Number.isNaN(this.#hour)) return null;
    const said = this.#saidOf(this.#hour);
    if (Number.isNaN(said[0])) return null;
    const at = MODELS.indexOf(model) * HORIZONS;
    return said.subarray(at, at + HORIZONS);
  }

  /** When the model that is served last changed, for the horizons that are scored. */
  switches(): GateSwitch[] {
    return this.#gate.switches();
  }

  #featuresOf(hour: number): Float64Array {
    const { features } = this.#sums;
    const at = modulo(hour, HORIZONS) * features;
    return this.#features.subarray(at, at + features);
  }

  #saidOf(hour: number): Float64Array {
    const at = modulo(hour, HORIZONS) * SAID;
    return this.#said.subarray(at, at + SAID);
  }

  #servedOf(hour: number, row: number): Float64Array {
    const at = modulo(hour, HORIZONS) * SERVED + row * HORIZONS;
    return this.#served.subarray(at, at + HORIZONS);
  }

  #anomaly(past: Float64Array, climate: Climate, hour: number): number {
    const value = past[modulo(hour, PAST)] ?? Number.NaN;
    const anomaly = value - climate.at(hour);
    return Number.isNaN(anomaly) ? 0 : anomaly;
  }

  #featuresAt(hour: number): number[] {
    const own = LAGS.map((lag) => this.#anomaly(this.#past, this.#climate, hour - lag));
    const phase = ((hour % DAY) / DAY) * 2 * Math.PI;
    const [now = 0, , , before = 0] = own;
    const helpers = this.#helperClimates.flatMap((climate, at) => {
      const past = this.#helperPast[at] ?? new Float64Array();
      const last = this.#anomaly(past, climate, hour);
      return [last, last - this.#anomaly(past, climate, hour - 3)];
    });
    const swing = [Math.cos(phase), Math.sin(phase)];
    return [
      ...[1, ...own],
      ...swing.map((wave) => wave * now),
      ...swing.map((wave) => wave * (now - before)),
      ...helpers,
    ];
  }

  /** The row of two days ago, whose targets are known now. */
  #learn(hour: number): void {
    const origin = hour - HORIZONS;
    const features = this.#featuresOf(origin);
    if (!Number.isNaN(features[0]) && this.#knows(origin)) {
      const targets = new Float64Array(HORIZONS);
      for (let ahead = 1; ahead <= HORIZONS; ahead += 1) {
        targets[ahead - 1] = this.#anomaly(this.#past, this.#climate, origin + ahead);
      }
      addRow(this.#sums, features, targets);
    }
    if (this.hours % LEARN_EVERY === 0 && this.#sums.rows >= ROWS_LEAST) {
      this.#weights.set(solveSums(this.#sums, PENALTY));
    }
  }

  /** Whether nothing is missing from this hour to two days later. */
  #knows(origin: number): boolean {
    for (let ahead = 0; ahead <= HORIZONS; ahead += 1) {
      if (Number.isNaN(this.#past[modulo(origin + ahead, PAST)])) return false;
    }
    return true;
  }

  /** Level and daily course, both smoothed exponentially (Holt, Winters, without trend). */
  #smooth(hour: number, value: number): void {
    const at = modulo(hour, DAY);
    const season = this.#season[at] ?? 0;
    if (Number.isNaN(this.#scalars[0])) this.#scalars[0] = value;
    const before = this.#scalars[0] ?? value;
    this.#scalars[0] = before + LEVEL_SHARE * (value - season - before);
    this.#season[at] = season + SEASON_SHARE * (value - before - season);
  }

  #say(hour: number): void {
    const all = this.#saidOf(hour);
    all.fill(Number.NaN);
    const now = this.#past[modulo(hour, PAST)] ?? Number.NaN;
    if (Number.isNaN(now)) return;
    const climate = ahead((one) => this.#climate.at(hour + one));
    const features = this.#featuresOf(hour);
    const isLearned = !Number.isNaN(this.#weights[0]) && !Number.isNaN(features[0]);
    const learned = isLearned ? predict(this.#weights, features, HORIZONS) : null;
    const anomaly = now - this.#climate.at(hour);
    const fading = this.#fading();
    const usual = (one: number) => climate[one - 1] ?? Number.NaN;
    const level = this.#scalars[0] ?? Number.NaN;
    const byModel: Record<ModelName, (one: number) => number> = {
      persistence: () => now,
      climatology: usual,
      seasonal_naive: (one) =>
        this.#past[modulo(hour + one - DAY * Math.ceil(one / DAY), PAST)] ?? Number.NaN,
      damped_persistence: (one) => usual(one) + (fading[one - 1] ?? 0) * anomaly,
      smoothing: (one) => level + (this.#season[modulo(hour + one, DAY)] ?? 0),
      learned: (one) => usual(one) + (learned?.[one - 1] ?? Number.NaN),
    };
    for (const [at, model] of MODELS.entries()) {
      all.set(
        ahead((one) => this.#bounded(byModel[model](one))),
        at * HORIZONS,
      );
    }
  }

  /** How much of a difference is left so many hours later: the regression on it alone. */
  #fading(): Float64Array {
    const { products, answers, features } = this.#sums;
    const own = 1;
    const squares = products[own * features + own] ?? 0;
    return ahead((one) => (squares > 0 ? (answers[own * HORIZONS + one - 1] ?? 0) / squares : 0));
  }

  #bounded(value: number): number {
    return Math.min(this.#options.most, Math.max(this.#options.least, value));
  }

  #score(hour: number, value: number): void {
    if (Number.isNaN(value)) return;
    for (let ahead = 1; ahead <= HORIZONS; ahead += 1) {
      const said = this.#saidOf(hour - ahead);
      if (Number.isNaN(said[0])) continue;
      const at = ahead - 1;
      for (let model = 0; model < MODELS.length; model += 1) {
        const error = Math.abs(value - (said[model * HORIZONS + at] ?? Number.NaN));
        if (!Number.isNaN(error)) this.#gate.add(model, at, error);
      }
      this.#report(hour, value, ahead);
      const served = this.#servedOf(hour - ahead, 0)[at] ?? Number.NaN;
      if (!Number.isNaN(served)) this.#learnError(at, hour, value - served);
    }
  }

  #report(hour: number, value: number, horizon: number): void {
    const { onJudged } = this.#options;
    if (onJudged === undefined || !(SCORED_HORIZONS as readonly number[]).includes(horizon)) return;
    const said = this.#saidOf(hour - horizon);
    const at = horizon - 1;
    const [, low = NaN, median = NaN, high = NaN] = [0, 1, 2, 3].map(
      (row) => this.#servedOf(hour - horizon, row)[at],
    );
    const ofModels = MODELS.map((_, model) => said[model * HORIZONS + at] ?? NaN);
    onJudged({ horizon, value, said: ofModels, low, median, high });
  }

  #learnError(at: number, hour: number, error: number): void {
    const scale = this.#scaleOf(at, hour);
    const multiple = error / scale;
    for (const [index, share] of QUANTILES.entries()) {
      const quantiles = this.#quantiles[index];
      if (quantiles === undefined) continue;
      const before = quantiles[at] ?? 0;
      quantiles[at] = before + QUANTILE_STEP * (share - (multiple < before ? 1 : 0));
    }
    const place = at * DAY + modulo(hour, DAY);
    const before = this.#scales[place] ?? 0;
    const weight = before === 0 ? 1 : Math.max(SCALE_SHARE, Math.min(1, DAY / this.hours));
    this.#scales[place] = before + weight * (Math.abs(error) - before);
  }

  /** The usual error at a horizon of a forecast for this hour: by day it is another one than by night. */
  #scaleOf(at: number, hour: number): number {
    const own = this.#scales[at * DAY + modulo(hour, DAY)] ?? 0;
    const known = own > 0 ? own : this.#gate.smallestError(at);
    return Math.max(SCALE_LEAST, Number.isNaN(known) ? 0 : known);
  }

  #serve(hour: number): void {
    const said = this.#saidOf(hour);
    const isKnown = !Number.isNaN(said[0]);
    for (let at = 0; at < HORIZONS; at += 1) {
      const model = isKnown ? this.#gate.choose(hour, at, said) : 0;
      this.#models[at] = model;
      const value = said[model * HORIZONS + at] ?? Number.NaN;
      this.#servedOf(hour, 0)[at] = value;
      for (const [row, quantiles] of this.#quantiles.entries()) {
        const error = (quantiles[at] ?? 0) * this.#scaleOf(at, hour + at + 1);
        this.#servedOf(hour, row + 1)[at] = this.#bounded(value + error);
      }
    }
  }
}

/** Hours before 1970 are negative. */
function modulo(hour: number, length: number): number {
  return ((hour % length) + length) % length;
}

/** A value for each horizon, 1 to 48. */
function ahead(value: (horizon: number) => number): Float64Array {
  return Float64Array.from({ length: HORIZONS }, (_, at) => value(at + 1));
}
