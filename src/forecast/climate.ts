/**
 * The usual course of a variable through year and day, as a sum of waves whose weights are learned:
 * two waves a year, three a day, and their products.
 */
import { addRow, openSums, predict, type Sums, solveSums, visitSums } from './ridge.ts';
import type { Visit } from './state.ts';

const DAY_HOURS = 24;
const YEAR_HOURS = 365.2425 * DAY_HOURS;
const YEAR_WAVES = 2;
const DAY_WAVES = 3;
const FEATURES = (1 + 2 * YEAR_WAVES) * (1 + 2 * DAY_WAVES);
const PENALTY = 1e-4;

export class Climate {
  readonly #sums: Sums = openSums(FEATURES, 1);
  /** NaN before anything was learned. */
  readonly #weights = new Float64Array(FEATURES).fill(Number.NaN);
  readonly #scratch = new Float64Array(FEATURES);
  readonly #target = new Float64Array(1);

  visit(each: Visit): void {
    visitSums(this.#sums, each);
    each(this.#weights);
  }

  /** `hour` counts from any midnight of 1 January, UTC. */
  add(hour: number, value: number): void {
    fill(this.#scratch, hour);
    this.#target[0] = value;
    addRow(this.#sums, this.#scratch, this.#target);
  }

  /** Takes in what was added since. */
  learn(): void {
    this.#weights.set(solveSums(this.#sums, PENALTY));
  }

  /** NaN before anything was learned. */
  at(hour: number): number {
    if (Number.isNaN(this.#weights[0])) return Number.NaN;
    fill(this.#scratch, hour);
    return predict(this.#weights, this.#scratch, 1)[0] ?? Number.NaN;
  }
}

function fill(features: Float64Array, hour: number): void {
  const year = waves((hour / YEAR_HOURS) * 2 * Math.PI, YEAR_WAVES);
  const day = waves((hour / DAY_HOURS) * 2 * Math.PI, DAY_WAVES);
  let at = 0;
  for (const a of year) {
    for (const b of day) {
      features[at] = a * b;
      at += 1;
    }
  }
}

function waves(phase: number, count: number): number[] {
  const found = [1];
  for (let wave = 1; wave <= count; wave += 1) {
    found.push(Math.cos(wave * phase), Math.sin(wave * phase));
  }
  return found;
}
