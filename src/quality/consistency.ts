/**
 * Spatial consistency of one variable at one time: each value against what its neighbours say, by
 * optimal interpolation with elevation.
 *
 * Source: Lussana, Uboldi, Salvati, "A spatial consistency test for surface observations from
 * mesoscale meteorological networks", Q. J. R. Meteorol. Soc. 136, 2010, doi:10.1002/qj.622: the value
 * at a station is predicted from the others, and the residual is compared with what is expected of it.
 * Here each station has a neighbourhood of its own that does not contain it, and spreads are robust, so
 * that an error does not hide itself; the change with elevation is the neighbours' own (Theil–Sen). What
 * failed is left out of the neighbourhoods, which are then looked at again.
 */

import { factorise, solve } from '../model/cholesky.ts';
import { DEVIATIONS_PER_MAD, medianOf } from '../model/statistics.ts';
import { type Neighbours, neighboursOf, openDistances, type Places } from './neighbours.ts';

export interface ConsistencyOptions {
  /** Change with elevation where the neighbours do not show it, in the variable's unit per metre. */
  readonly lapse: number;
  /** Bounds of what the neighbours may show. */
  readonly lapseLeast: number;
  readonly lapseMost: number;
  /** Standard error of the change with elevation, in the variable's unit per metre. */
  readonly lapseError: number;
  /** Distance and difference of elevation over which deviations are alike: exp(−½ d²). */
  readonly horizontalKm: number;
  readonly verticalM: number;
  /** Variance of an observation's error, as a share of that of the background. */
  readonly observationError: number;
  /** Lowest spread of a neighbourhood, in the variable's unit. */
  readonly spreadLeast: number;
  readonly neighboursLeast: number;
  /** A value is inconsistent when its residual is more than so many times its expected spread… */
  readonly scoreMax: number;
  /** … and more than this, in the variable's unit. */
  readonly residualMax: number;
}

export interface Consistency {
  /** What the neighbours say, in the variable's unit; NaN where too few have a value. */
  readonly expected: Float64Array;
  /** The standard deviation that a residual is expected to have. */
  readonly spread: Float64Array;
  /** 1 where the value is inconsistent. */
  readonly failed: Uint8Array;
  /** How many neighbours were used. */
  readonly used: Int32Array;
}

/** Of values that contradict each other one falls in each round. */
const ROUNDS_MAX = 5;

/** What is checked: each array has an entry per station. */
export interface ConsistencyInput {
  /** NaN for none. */
  readonly values: Float64Array;
  /** How many times the usual spread is expected. */
  readonly factors: Float64Array;
  /** Stations to check; the others are neighbours only. */
  readonly checked: Iterable<number>;
  /** 1 for a station that does not count as a neighbour. */
  readonly doubted: Uint8Array;
}

export function checkConsistency(
  places: Places,
  neighbours: Neighbours,
  { values, factors, checked, doubted }: ConsistencyInput,
  options: ConsistencyOptions,
): Consistency {
  const count = values.length;
  const found: Consistency = {
    expected: new Float64Array(count).fill(Number.NaN),
    spread: new Float64Array(count).fill(Number.NaN),
    failed: new Uint8Array(count),
    used: new Int32Array(count),
  };
  const isNeighbour = (one: number) => found.failed[one] === 0 && doubted[one] === 0;
  const predictor = openPredictor(places, neighbours, values, isNeighbour, options);
  const scores = new Float64Array(count);
  const wanted = new Set(checked);
  let pending: Iterable<number> = wanted;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    for (const one of pending) {
      const { expected, spread, used } = predictor(one);
      found.expected[one] = expected;
      found.spread[one] = spread * (factors[one] ?? 1);
      found.used[one] = used;
      const residual = Math.abs((values[one] ?? Number.NaN) - expected);
      const score = residual / (found.spread[one] ?? Number.NaN);
      scores[one] = score > options.scoreMax && residual > options.residualMax ? score : 0;
    }
    const touched = failWorst(scores, found.failed, neighbours);
    pending = [...touched].filter((one) => wanted.has(one));
  }
  return found;
}

/**
 * Lets those fail whose score is the highest among their neighbours. Returns the stations that had one
 * of them as a neighbour.
 */
function failWorst(scores: Float64Array, failed: Uint8Array, neighbours: Neighbours): Set<number> {
  const isWorst = (one: number) => {
    for (const other of neighboursOf(neighbours, one)) {
      const [mine, theirs] = [scores[one] ?? 0, scores[other] ?? 0];
      if (failed[other] === 0 && (theirs > mine || (theirs === mine && other < one))) return false;
    }
    return true;
  };
  const fallen = new Set<number>();
  for (const [one, score] of scores.entries()) {
    if (score > 0 && failed[one] === 0 && isWorst(one)) fallen.add(one);
  }
  for (const one of fallen) failed[one] = 1;
  const touched = new Set<number>();
  if (fallen.size === 0) return touched;
  for (const one of failed.keys()) {
    for (const other of neighboursOf(neighbours, one)) if (fallen.has(other)) touched.add(one);
  }
  return touched;
}

interface Predicted {
  readonly expected: number;
  readonly spread: number;
  readonly used: number;
}

const NOTHING: Predicted = { expected: Number.NaN, spread: Number.NaN, used: 0 };

/** Predicts the value of a station from its neighbours. */
function openPredictor(
  { elevation, ...places }: Places,
  neighbours: Neighbours,
  values: Float64Array,
  isNeighbour: (one: number) => boolean,
  options: ConsistencyOptions,
): (one: number) => Predicted {
  const most = mostNeighbours(neighbours);
  const distance = openDistances({ elevation, ...places });
  const area = new Int32Array(most);
  const heights = new Float64Array(most);
  const deviations = new Float64Array(most);
  const scratch = new Float64Array(Math.max(1, (most * (most - 1)) / 2));
  const matrix = new Float64Array(most * most);
  const toOne = new Float64Array(most);
  const weights = new Float64Array(most);

  const isUsable = (one: number) =>
    Number.isFinite(values[one]) && Number.isFinite(elevation[one]) && isNeighbour(one);
  const heightOf = (one: number) => elevation[one] ?? 0;
  const alike = (a: number, b: number) => {
    const far = distance(a, b) / options.horizontalKm;
    const high = (heightOf(a) - heightOf(b)) / options.verticalM;
    return Math.exp(-0.5 * (far * far + high * high));
  };
  const middleOf = (of: (at: number) => number, count: number) => {
    for (let at = 0; at < count; at += 1) scratch[at] = of(at);
    return medianOf(scratch, count);
  };

  function weigh(one: number, count: number): void {
    for (let row = 0; row < count; row += 1) {
      const station = area[row] ?? 0;
      toOne[row] = alike(one, station);
      weights[row] = toOne[row] ?? 0;
      for (let column = 0; column < row; column += 1) {
        matrix[row * count + column] = alike(station, area[column] ?? 0);
      }
      matrix[row * count + row] = 1 + options.observationError;
    }
    factorise(matrix, count);
    solve(matrix, weights, count);
  }

  return (one) => {
    if (!Number.isFinite(values[one]) || !Number.isFinite(elevation[one])) return NOTHING;
    let count = 0;
    for (const other of neighboursOf(neighbours, one)) {
      if (!isUsable(other)) continue;
      area[count] = other;
      heights[count] = heightOf(other);
      deviations[count] = values[other] ?? 0;
      count += 1;
    }
    if (count < options.neighboursLeast) return NOTHING;
    const lapse = lapseOf(heights, deviations, count, scratch, options);
    for (let at = 0; at < count; at += 1) {
      deviations[at] = (deviations[at] ?? 0) - lapse * (heights[at] ?? 0);
    }
    const middle = middleOf((at) => deviations[at] ?? 0, count);
    for (let at = 0; at < count; at += 1) deviations[at] = (deviations[at] ?? 0) - middle;
    const mad = middleOf((at) => Math.abs(deviations[at] ?? 0), count);
    const spread = Math.max(options.spreadLeast, DEVIATIONS_PER_MAD * mad);
    weigh(one, count);
    const analysed = dot(weights, deviations, count);
    const known = dot(weights, toOne, count);
    const share = Math.max(0, 1 - known) + options.observationError;
    const typical = middleOf((at) => heights[at] ?? 0, count);
    const uncertain = options.lapseError * reach(heightOf(one), heights, count, typical);
    return {
      expected: middle + lapse * heightOf(one) + analysed,
      spread: Math.sqrt(spread * spread * share + uncertain * uncertain),
      used: count,
    };
  };
}

function mostNeighbours({ start }: Neighbours): number {
  let most = 1;
  for (let one = 1; one < start.length; one += 1) {
    most = Math.max(most, (start[one] ?? 0) - (start[one - 1] ?? 0));
  }
  return most;
}

/** Pairs of neighbours that a slope needs, and how far in elevation they are apart. */
const SLOPES_LEAST = 8;
const HEIGHTS_LEAST_M = 150;

/** Theil–Sen: the median of the slopes between all pairs. */
function lapseOf(
  heights: Float64Array,
  values: Float64Array,
  count: number,
  slopes: Float64Array,
  { lapse, lapseLeast, lapseMost }: ConsistencyOptions,
): number {
  let found = 0;
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b < a; b += 1) {
      const rise = (heights[a] ?? 0) - (heights[b] ?? 0);
      if (Math.abs(rise) < HEIGHTS_LEAST_M) continue;
      slopes[found] = ((values[a] ?? 0) - (values[b] ?? 0)) / rise;
      found += 1;
    }
  }
  if (found < SLOPES_LEAST) return lapse;
  return Math.min(lapseMost, Math.max(lapseLeast, medianOf(slopes, found)));
}

/** Metres over which the change with elevation is carried: beyond all neighbours it counts in full. */
function reach(height: number, heights: Float64Array, count: number, typical: number): number {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < count; at += 1) {
    least = Math.min(least, heights[at] ?? 0);
    most = Math.max(most, heights[at] ?? 0);
  }
  return Math.max(0, height - most, least - height) + Math.abs(height - typical) / 4;
}

function dot(a: Float64Array, b: Float64Array, count: number): number {
  let sum = 0;
  for (let at = 0; at < count; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
