/** The forecasters of one city: one a variable, which look at each other's values. */
import {
  FORECAST_VARIABLES,
  type ForecastVariable,
  LEARNING_DAYS,
  MODELS,
  type ModelName,
  SCORED_HORIZONS,
  SKILL_DAYS,
} from '../model/forecast.ts';
import { VARIABLES } from '../model/variables.ts';
import { Forecaster, type Judged } from './forecaster.ts';
import type { GateSwitch } from './gate.ts';
import { DAY_HOURS } from './hour.ts';
import { addScore, SUMS_LENGTH } from './scores.ts';
import type { Visit } from './state.ts';

/** Values of an hour, in the order of FORECAST_VARIABLES. */
export const WIDTH = FORECAST_VARIABLES.length;
/** Hours before the last one that corrections are looked for in. */
export const KNOWN_HOURS = 3 * DAY_HOURS;
/** Days of which errors are kept here, the one that has just begun among them. */
const DAYS = SKILL_DAYS + 1;
const INTERVAL_HOURS = LEARNING_DAYS * DAY_HOURS;

/** A forecast as it is issued: numbers are rounded, and what is scored later is in it. */
export interface Issued {
  readonly variable: ForecastVariable;
  readonly learned_days: number;
  readonly median: readonly number[];
  /** Empty while the models learn. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly model: readonly ModelName[];
  /** What each of MODELS says at each of SCORED_HORIZONS; null for nothing. */
  readonly said: readonly (readonly (number | null)[])[];
}

export interface Newest {
  /** The first and the last hour that was learned. */
  readonly from: number;
  readonly hour: number;
  /** Hours with a temperature that were learned. */
  readonly held: number;
  /** Hours that were corrected, or came, after they had been learned. */
  readonly late: number;
  readonly issued: readonly Issued[];
  readonly switches: Readonly<Record<ForecastVariable, readonly GateSwitch[]>>;
}

export class CityForecaster {
  readonly #forecasters: readonly Forecaster[];
  /** Of the last hours, by hour modulo KNOWN_HOURS. */
  readonly #known = new Float64Array(KNOWN_HOURS * WIDTH).fill(Number.NaN);
  /** Sums of each variable, by day modulo DAYS, and which days these are. */
  readonly #scores = new Float64Array(WIDTH * DAYS * SUMS_LENGTH);
  readonly #days = new Float64Array(DAYS).fill(Number.NaN);
  /** First hour, last hour, hours with a temperature, late hours. */
  readonly #scalars = Float64Array.of(Number.NaN, Number.NaN, 0, 0);

  constructor() {
    this.#forecasters = FORECAST_VARIABLES.map((name, at) => {
      const { minimum: least, maximum: most } = VARIABLES[name];
      const onJudged = (judged: Judged) => this.#judge(at, judged);
      return new Forecaster({ helpers: WIDTH - 1, least, most, onJudged });
    });
  }

  visit(each: Visit): void {
    for (const forecaster of this.#forecasters) forecaster.visit(each);
    for (const part of [this.#known, this.#scores, this.#days, this.#scalars]) each(part);
  }

  /** The last hour that was learned; NaN before the first. */
  get hour(): number {
    return this.#scalars[1] ?? Number.NaN;
  }

  /**
   * Learns the hours from `first` on, a row of WIDTH values each, NaN for none. Hours that were learned
   * before are compared with what was known then, and counted when they differ.
   */
  feed(first: number, values: Float64Array): void {
    for (let at = 0; at * WIDTH < values.length; at += 1) {
      const row = values.subarray(at * WIDTH, (at + 1) * WIDTH);
      const hour = first + at;
      if (hour <= this.hour) this.#compare(hour, row);
      else this.#observe(hour, row);
    }
  }

  newest(): Newest {
    const [from = Number.NaN, hour = Number.NaN, held = 0, late = 0] = this.#scalars;
    const issued = this.#forecasters.flatMap((forecaster, at) => {
      const variable = FORECAST_VARIABLES[at];
      const found = variable === undefined ? null : issuedBy(forecaster, variable);
      return found === null ? [] : [found];
    });
    const switches = FORECAST_VARIABLES.map((name, at) => [
      name,
      this.#forecasters[at]?.switches() ?? [],
    ]);
    return { from, hour, held, late, issued, switches: Object.fromEntries(switches) };
  }

  /** Errors of the last days, also of what was not issued: day, and sums by variable. */
  hindcasts(): readonly { readonly day: number; readonly sums: readonly Float64Array[] }[] {
    const days = Array.from(this.#days).filter((day) => !Number.isNaN(day));
    return days
      .sort((a, b) => a - b)
      .map((day) => ({
        day,
        sums: FORECAST_VARIABLES.map((_, at) => this.#sumsOf(at, day).slice()),
      }));
  }

  #observe(hour: number, row: Float64Array): void {
    if (Number.isNaN(this.hour)) this.#scalars[0] = hour;
    this.#scalars[1] = hour;
    if (!Number.isNaN(row[0])) this.#scalars[2] = (this.#scalars[2] ?? 0) + 1;
    const day = Math.floor(hour / DAY_HOURS);
    if (this.#days[day % DAYS] !== day) {
      this.#days[day % DAYS] = day;
      for (let at = 0; at < WIDTH; at += 1) this.#sumsOf(at, day).fill(0);
    }
    this.#known.set(row, (hour % KNOWN_HOURS) * WIDTH);
    for (const [at, forecaster] of this.#forecasters.entries()) {
      const helpers = Array.from(row).filter((_, other) => other !== at);
      forecaster.observe(hour, row[at] ?? Number.NaN, helpers);
    }
  }

  #compare(hour: number, row: Float64Array): void {
    if (hour <= this.hour - KNOWN_HOURS) return;
    const place = (hour % KNOWN_HOURS) * WIDTH;
    const known = this.#known.subarray(place, place + WIDTH);
    if (known.every((value, at) => Object.is(value, row[at]))) return;
    known.set(row);
    this.#scalars[3] = (this.#scalars[3] ?? 0) + 1;
  }

  #sumsOf(variable: number, day: number): Float64Array {
    const at = (variable * DAYS + (day % DAYS)) * SUMS_LENGTH;
    return this.#scores.subarray(at, at + SUMS_LENGTH);
  }

  #judge(at: number, judged: Judged): void {
    const sums = this.#sumsOf(at, Math.floor(this.hour / DAY_HOURS));
    const hours = this.#forecasters[at]?.hours ?? 0;
    const isLearning = hours - judged.horizon < INTERVAL_HOURS;
    const interval = isLearning ? { low: Number.NaN, high: Number.NaN } : {};
    addScore(sums, { ...judged, ...interval });
  }
}

function issuedBy(forecaster: Forecaster, variable: ForecastVariable): Issued | null {
  const forecast = forecaster.forecast();
  if (forecast === null) return null;
  const { median, low, high, models } = forecast;
  const isLearning = forecaster.hours < INTERVAL_HOURS;
  return {
    variable,
    learned_days: Math.floor(forecaster.hours / DAY_HOURS),
    median: Array.from(median, rounded),
    low: isLearning ? [] : Array.from(low, rounded),
    high: isLearning ? [] : Array.from(high, rounded),
    model: models,
    said: MODELS.map((model) =>
      SCORED_HORIZONS.map((horizon) => {
        const value = forecaster.sayBy(model)?.[horizon - 1] ?? Number.NaN;
        return Number.isNaN(value) ? null : rounded(value);
      }),
    ),
  };
}

/** Of a forecast what is scored: what each model says at each scored horizon, and the quantiles there. */
export function scoredPart({ said, low, median, high }: Pick<Issued, ScoredField>): Float64Array {
  return Float64Array.from(
    SCORED_HORIZONS.flatMap((horizon, at) => [
      ...MODELS.map((_, model) => said[model]?.[at] ?? Number.NaN),
      ...[low, median, high].map((list) => list[horizon - 1] ?? Number.NaN),
    ]),
  );
}

type ScoredField = 'said' | 'low' | 'median' | 'high';

/** What such a part says of the value that came so many hours later. */
export function judgedOf(part: Float64Array, horizon: number, value: number): Judged {
  const length = MODELS.length + 3;
  const at = (SCORED_HORIZONS as readonly number[]).indexOf(horizon) * length;
  const said = Array.from(part.subarray(at, at + MODELS.length));
  const [low = NaN, median = NaN, high = NaN] = part.subarray(at + MODELS.length, at + length);
  return { horizon, value, said, low, median, high };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
