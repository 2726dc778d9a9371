/** How good the rule `seasonal` is, as `npm run bench anomalies` measures it (docs/anomalies.md). */
import type { EventRates } from '../model/anomaly-events.ts';

/** Of faults of one hour in real hourly history that the rule was not tuned on. */
export const RATES: readonly EventRates[] = [
  { variable: 'temperature_c', fault_size: 8, caught_pct: 97.2, false_events_per_city_day: 0.14 },
  { variable: 'pressure_hpa', fault_size: 8, caught_pct: 90.6, false_events_per_city_day: 0.36 },
  { variable: 'humidity_pct', fault_size: 40, caught_pct: 76.9, false_events_per_city_day: 0.38 },
  { variable: 'wind_speed_ms', fault_size: 12, caught_pct: 87.7, false_events_per_city_day: 0.3 },
];
