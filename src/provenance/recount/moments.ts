/** Count, mean, spread and extremes of numbers that come one by one. */

export class Moments {
  count = 0;
  min: number | null = null;
  max: number | null = null;
  #mean = 0;
  #squares = 0;

  /** Source: Welford, "Note on a Method for Calculating Corrected Sums of Squares", 1962. */
  add(value: number): void {
    this.count += 1;
    const before = value - this.#mean;
    this.#mean += before / this.count;
    this.#squares += before * (value - this.#mean);
    if (this.min === null || value < this.min) this.min = value;
    if (this.max === null || value > this.max) this.max = value;
  }

  get mean(): number | null {
    return this.count === 0 ? null : this.#mean;
  }

  /** The sample deviation; null below two values. */
  get stddev(): number | null {
    return this.count < 2 ? null : Math.sqrt(this.#squares / (this.count - 1));
  }
}
