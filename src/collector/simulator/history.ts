/** What the simulator would have answered in the past: a first start has something to show. */
import type { City } from '../../model/city.ts';
import { zoneOffsetSeconds } from '../../model/time-zone.ts';
import { simulateAnswer } from './answer.ts';
import { newestDt } from './server.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly city: City;
  readonly from: Date;
  readonly to: Date;
  /** Seconds between two observations. */
  readonly stepSeconds: number;
}

/** The answers' texts from the oldest on, with their times. */
export function* historyOf(
  options: HistoryOptions,
): Generator<{ readonly dt: number; readonly body: string }> {
  const { seed, city, from, to, stepSeconds } = options;
  const place = {
    name: city.name,
    country: city.country,
    latitude: city.latitude,
    longitude: city.longitude,
  };
  // An offset holds for an hour: looking it up each time costs more than the weather.
  let hour = Number.NaN;
  let utcOffsetSeconds = 0;
  const last = newestDt(seed, city, to, stepSeconds);
  const first = newestDt(seed, city, from, stepSeconds) + stepSeconds;
  for (let dt = first; dt <= last; dt += stepSeconds) {
    if (Math.floor(dt / 3_600) !== hour) {
      hour = Math.floor(dt / 3_600);
      utcOffsetSeconds = zoneOffsetSeconds(city.time_zone, new Date(dt * 1_000));
    }
    yield {
      dt,
      body: JSON.stringify(simulateAnswer({ seed, city: { ...place, utcOffsetSeconds }, dt })),
    };
  }
}
