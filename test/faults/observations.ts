/** What the fault suite produces: each observation carries its number, city by city in turn. */
import type { Observation } from '../../src/model/observation.ts';

export const CITIES = 20;
export const PRODUCE_EVERY_MS = 50;
const FROM_MS = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;

/** Later numbers of a city are later observations. */
export function observationOf(number: number): Observation {
  const city = number % CITIES;
  const at = new Date(FROM_MS + Math.floor(number / CITIES) * MINUTE_MS).toISOString();
  return {
    city_id: `city-${city}`,
    city: `City ${city}`,
    country: 'US',
    observed_at: at,
    collected_at: at,
    source: 'test',
    interval_s: 60,
    utc_offset_s: 0,
    provider_city_id: number,
    temperature_c: (number % 400) / 10,
    humidity_pct: number % 100,
    response: '{}',
  };
}
