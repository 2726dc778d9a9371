/** What a city's hour of observations comes to, so far: the rows of `/api/recent-hours`. */
import { Type } from 'typebox';
import { number, type Of, orNull, record, time } from './schema.ts';

export const RecentHourSchema = record(
  {
    city_id: Type.String(),
    began_at: time('When the hour begins, UTC.'),
    observation_count: Type.Integer({ minimum: 0, description: 'Observations so far.' }),
    temperature_c_mean: number('Mean temperature, °C.'),
    temperature_c_min: number('Lowest temperature, °C.'),
    temperature_c_max: number('Highest temperature, °C.'),
    humidity_pct_mean: number('Mean relative humidity, %.'),
    wind_speed_ms_mean: number('Mean wind speed, m/s.'),
    from: Type.Enum(['table', 'stream'], {
      description: 'Whether all of it has landed, or the stream is ahead of the table.',
    }),
  },
  'A city and an hour.',
);
export type RecentHour = Of<typeof RecentHourSchema>;

const COUNT = Type.Integer({ minimum: 0 });

/** Partial aggregates of a city's hour: sums, so that two engines can be compared. */
export const HourSumsSchema = Type.Object({
  city_id: Type.String(),
  /** Seconds since 1970. */
  hour: Type.Integer(),
  observation_count: COUNT,
  temperature_c_count: COUNT,
  temperature_c_sum: Type.Number(),
  temperature_c_min: orNull(Type.Number()),
  temperature_c_max: orNull(Type.Number()),
  humidity_pct_count: COUNT,
  humidity_pct_sum: Type.Number(),
  wind_speed_ms_count: COUNT,
  wind_speed_ms_sum: Type.Number(),
  /** The last record of the log that is in it. */
  log_partition: COUNT,
  log_offset: COUNT,
});
export type HourSums = Of<typeof HourSumsSchema>;

/** Names the sums of a city and an hour. */
export function hourKey({ city_id, hour }: Pick<HourSums, 'city_id' | 'hour'>): string {
  return `${city_id}|${hour}`;
}

/** Columns of `HourSums` that two engines have to agree on. */
export const SUMS = [
  'observation_count',
  'temperature_c_count',
  'temperature_c_sum',
  'temperature_c_min',
  'temperature_c_max',
  'humidity_pct_count',
  'humidity_pct_sum',
  'wind_speed_ms_count',
  'wind_speed_ms_sum',
] as const satisfies readonly (keyof HourSums)[];

export const HOUR_S = 3_600;
