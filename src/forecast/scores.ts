/**
 * Errors of forecasts as sums that can be merged, by model and horizon, as WeatherBench 2 defines them
 * (https://weatherbench2.readthedocs.io): error is forecast minus observation. The continuous ranked
 * probability score is twice the mean quantile loss of the three quantiles; of a single value it is the
 * absolute error.
 */
import {
  BASELINES,
  type ForecastSkill,
  MODELS,
  type ModelName,
  SCORED_HORIZONS,
} from '../model/forecast.ts';
import type { Judged } from './forecaster.ts';

/** `served` is the median of what was served. */
export const SCORED = ['served', ...MODELS] as const;
type Scored = (typeof SCORED)[number];

const FIELDS = ['n', 'error', 'absolute', 'squared', 'crps', 'inside', 'intervals'] as const;
type Field = (typeof FIELDS)[number];

/** Numbers of one list of sums: a row of fields per model and horizon. */
export const SUMS_LENGTH = SCORED.length * SCORED_HORIZONS.length * FIELDS.length;

export function openScores(): Float64Array {
  return new Float64Array(SUMS_LENGTH);
}

/** `low` and `high` are NaN where no interval was given; the median is never. */
export function addScore(sums: Float64Array, { horizon, value, said, ...served }: Judged): void {
  const at = (SCORED_HORIZONS as readonly number[]).indexOf(horizon);
  for (const [row, name] of SCORED.entries()) {
    const forecast = name === 'served' ? served.median : (said[row - 1] ?? Number.NaN);
    if (Number.isNaN(forecast)) continue;
    const error = forecast - value;
    const place = (row * SCORED_HORIZONS.length + at) * FIELDS.length;
    const add = (field: Field, amount: number) => {
      const index = place + FIELDS.indexOf(field);
      sums[index] = (sums[index] ?? 0) + amount;
    };
    add('n', 1);
    add('error', error);
    add('absolute', Math.abs(error));
    add('squared', error * error);
    if (name !== 'served' || Number.isNaN(served.low) || Number.isNaN(served.high)) continue;
    add('crps', crpsOf(served, value));
    add('inside', value >= served.low && value <= served.high ? 1 : 0);
    add('intervals', 1);
  }
}

function crpsOf(
  { low, median, high }: Pick<Judged, 'low' | 'median' | 'high'>,
  value: number,
): number {
  const loss = (quantile: number, share: number) =>
    Math.max(share * (value - quantile), (share - 1) * (value - quantile));
  return (2 * (loss(low, 0.1) + loss(median, 0.5) + loss(high, 0.9))) / 3;
}

/** Adds the second to the first. */
export function mergeScores(sums: Float64Array, more: ArrayLike<number>): void {
  for (let at = 0; at < sums.length; at += 1) sums[at] = (sums[at] ?? 0) + (more[at] ?? 0);
}

export function fieldOf(
  sums: ArrayLike<number>,
  scored: Scored,
  horizon: number,
  field: Field,
): number {
  const at = (SCORED_HORIZONS as readonly number[]).indexOf(horizon);
  const row = SCORED.indexOf(scored) * SCORED_HORIZONS.length + at;
  return sums[row * FIELDS.length + FIELDS.indexOf(field)] ?? 0;
}

/** A week of hours: errors of one day are much alike, so that of fewer the share within is chance. */
const INTERVALS_LEAST = 7 * 24;

/** `hindcasts` are those of the sums that were computed afterwards. */
export function skillOf(sums: Float64Array, hindcasts: Float64Array): ForecastSkill[] {
  return SCORED_HORIZONS.map((horizon) => {
    const of = (scored: Scored, field: Field) => fieldOf(sums, scored, horizon, field);
    const mean = (scored: Scored, field: Field, count: Field = 'n') => {
      const n = of(scored, count);
      return n < (count === 'intervals' ? INTERVALS_LEAST : 1)
        ? null
        : rounded(of(scored, field) / n);
    };
    const [n, squared] = [of('served', 'n'), of('served', 'squared')];
    const inside = mean('served', 'inside', 'intervals');
    const baseline = bestBaseline((model) => mean(model, 'absolute'));
    return {
      horizon_h: horizon,
      n,
      hindcast_n: fieldOf(hindcasts, 'served', horizon, 'n'),
      mae: mean('served', 'absolute'),
      rmse: n === 0 ? null : rounded(Math.sqrt(squared / n)),
      bias: mean('served', 'error'),
      crps: mean('served', 'crps', 'intervals'),
      inside_pct: inside === null ? null : Math.round(1_000 * inside) / 10,
      persistence_mae: mean('persistence', 'absolute'),
      learned_mae: mean('learned', 'absolute'),
      ...{ baseline, baseline_mae: baseline === null ? null : mean(baseline, 'absolute') },
    };
  });
}

function bestBaseline(errorOf: (model: ModelName) => number | null): ModelName | null {
  let best: ModelName | null = null;
  for (const model of BASELINES) {
    const error = errorOf(model);
    if (error === null) continue;
    if (best === null || error < (errorOf(best) ?? Number.POSITIVE_INFINITY)) best = model;
  }
  return best;
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
