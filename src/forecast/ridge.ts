/**
 * Linear models of one set of features and many targets, by ridge regression (Hoerl and Kennard, 1970):
 * sums are added up row by row, and can be solved at any time. Sums of parts can be joined.
 */
import { factorise, solve } from '../model/cholesky.ts';
import type { Visit } from './state.ts';

export interface Sums {
  readonly features: number;
  readonly targets: number;
  /** The upper half of XᵀX, row by row, and XᵀY, a row of targets per feature. */
  readonly products: Float64Array;
  readonly answers: Float64Array;
  /** Rows that were added. */
  rows: number;
}

export function openSums(features: number, targets: number): Sums {
  return {
    ...{ features, targets, rows: 0 },
    products: new Float64Array(features * features),
    answers: new Float64Array(features * targets),
  };
}

/** What was added up, to be copied out or filled in. */
export function visitSums(sums: Sums, each: Visit): void {
  const rows = Float64Array.of(sums.rows);
  for (const part of [sums.products, sums.answers, rows]) each(part);
  sums.rows = rows[0] ?? 0;
}

/** Adds a row, whose targets are all known. */
export function addRow(sums: Sums, features: Float64Array, targets: Float64Array): void {
  const { features: count, targets: width, products, answers } = sums;
  for (let row = 0; row < count; row += 1) {
    const value = features[row] ?? 0;
    if (value === 0) continue;
    for (let column = row; column < count; column += 1) {
      products[row * count + column] =
        (products[row * count + column] ?? 0) + value * (features[column] ?? 0);
    }
    for (let target = 0; target < width; target += 1) {
      answers[row * width + target] =
        (answers[row * width + target] ?? 0) + value * (targets[target] ?? 0);
    }
  }
  sums.rows += 1;
}

/**
 * The weights, a row of targets per feature. `penalty` is added to the diagonal once for
 * each row.
 */
export function solveSums(sums: Sums, penalty: number): Float64Array {
  const { features: count, targets: width, products, answers, rows } = sums;
  const factor = products.slice();
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < row; column += 1) {
      factor[row * count + column] = products[column * count + row] ?? 0;
    }
    factor[row * count + row] = (products[row * count + row] ?? 0) + penalty * Math.max(1, rows);
  }
  factorise(factor, count);
  const weights = new Float64Array(count * width);
  const own = new Float64Array(count);
  for (let target = 0; target < width; target += 1) {
    for (let row = 0; row < count; row += 1) own[row] = answers[row * width + target] ?? 0;
    solve(factor, own, count);
    for (let row = 0; row < count; row += 1) weights[row * width + target] = own[row] ?? 0;
  }
  return weights;
}

/** The targets that the weights make of the features. */
export function predict(
  weights: Float64Array,
  features: Float64Array,
  targets: number,
): Float64Array {
  const predicted = new Float64Array(targets);
  for (const [row, value] of features.entries()) {
    if (value === 0) continue;
    for (let target = 0; target < targets; target += 1) {
      predicted[target] = (predicted[target] ?? 0) + value * (weights[row * targets + target] ?? 0);
    }
  }
  return predicted;
}
