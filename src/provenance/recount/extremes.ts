/** The lowest and the highest of numbers, and when each was reached first. */
import { compareTimes } from '../../model/iso-time.ts';

export class Extremes {
  min: number | null = null;
  minAt: string | null = null;
  max: number | null = null;
  maxAt: string | null = null;

  /** Values come in the order of time: the first of several counts. */
  add(value: number, at: string): void {
    if (this.min === null || value < this.min) [this.min, this.minAt] = [value, at];
    if (this.max === null || value > this.max) [this.max, this.maxAt] = [value, at];
  }

  /** Takes in those of another time. */
  join({ min, minAt, max, maxAt }: Extremes): void {
    if (min === null || minAt === null || max === null || maxAt === null) return;
    if (this.min === null || min < this.min) [this.min, this.minAt] = [min, minAt];
    else if (min === this.min) this.minAt = earlier(this.minAt, minAt);
    if (this.max === null || max > this.max) [this.max, this.maxAt] = [max, maxAt];
    else if (max === this.max) this.maxAt = earlier(this.maxAt, maxAt);
  }
}

function earlier(one: string | null, other: string): string {
  return one !== null && compareTimes(one, other) <= 0 ? one : other;
}
