/** The mean direction of the wind: that of the sum of unit vectors. */
import type { RawRow } from './raw-row.ts';

/** Directions whose resultant is below this share of their number cancel out. */
const CANCELLING = 1e-9;

export class Directions {
  count = 0;
  east = 0;
  north = 0;

  add({ wind_speed_ms, wind_direction_deg }: RawRow['values']): void {
    // Calm comes from nowhere, whatever the report says; a direction without a speed counts.
    const isCalm = wind_speed_ms !== null && wind_speed_ms <= 0;
    if (wind_direction_deg === null || isCalm) return;
    const radians = (wind_direction_deg * Math.PI) / 180;
    this.count += 1;
    this.east += Math.sin(radians);
    this.north += Math.cos(radians);
  }

  /** Degrees from north; null without one. */
  get mean(): number | null {
    if (Math.hypot(this.east, this.north) <= CANCELLING * this.count) return null;
    const degrees = (Math.atan2(this.east, this.north) * 180) / Math.PI;
    return degrees < 0 ? degrees + 360 : degrees;
  }
}
