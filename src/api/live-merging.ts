/** What lies in the log, merged into published statistics and trends. */
import type { DatasetPart } from '../analytics/export.ts';
import { CitySums, type CityValues } from '../model/city-sums.ts';
import type { HourlyTrend } from '../model/datasets.ts';
import { HourSums, type HourValues } from '../model/hour-sums.ts';
import { compareTimes } from '../model/iso-time.ts';
import { CONTENT_COLUMNS } from '../model/observation.ts';
import { isCalm } from '../model/wind.ts';
import type { Publication } from './context.ts';
import type { Newest } from './latest-conditions.ts';
import { beats, type TailEvent } from './tail.ts';

export interface LiveCity {
  readonly sums: CitySums;
  /** Null where only the statistics were asked for. */
  readonly hours: HourSums | null;
  /** Observations of each hour that were published, by clock and hour. */
  readonly published: ReadonlyMap<string, number>;
  /** Observations that were merged. */
  merged: number;
}

export interface Merged {
  readonly merged: number;
  /** Time of the newest observation that was merged; null without any. */
  readonly newest: string | null;
  /** City → observations that were not merged. */
  readonly late: ReadonlyMap<string, number>;
}

export type IsChosen = (cityId: string) => boolean;

/** The published cities; null when the publication is of an earlier version, without sums. */
export async function beginCities(
  publication: Publication,
  isChosen: IsChosen,
): Promise<Map<string, LiveCity> | null> {
  const cities = new Map<string, LiveCity>();
  for (const row of await publication.rows('city_statistics')) {
    if (!isChosen(row.city_id)) continue;
    const sums = CitySums.of(row);
    if (sums === null) return null;
    cities.set(row.city_id, { sums, hours: null, published: new Map(), merged: 0 });
  }
  return cities;
}

/** The same with the hours of this part of the trends; cities without any are left out. */
export async function beginHours(
  publication: Publication,
  isChosen: IsChosen,
  part: DatasetPart,
): Promise<Map<string, LiveCity> | null> {
  const cities = await beginCities(publication, isChosen);
  if (cities === null) return null;
  const rows = await publication.rows('hourly_trends', part);
  const withHours = new Map<string, LiveCity>();
  for (const [id, ofCity] of Map.groupBy(rows, ({ city_id }) => city_id)) {
    const city = cities.get(id);
    if (city === undefined) continue;
    const hours = HourSums.of(ofCity);
    if (hours === null) return null;
    const published = new Map(ofCity.map((row) => [hourOf(row), row.observation_count]));
    withHours.set(id, { ...city, hours, published });
  }
  return withHours;
}

export function hourOf({ clock, hour }: Pick<HourlyTrend, 'clock' | 'hour'>): string {
  return `${clock} ${hour}`;
}

/** In order of time; of two words on one observation the last one counts. */
export function mergeEvents(
  cities: ReadonlyMap<string, LiveCity>,
  events: readonly TailEvent[],
): Merged {
  const newest = new Map<string, Newest>();
  for (const { observation } of events) {
    if (observation === null) continue;
    const key = `${observation.city_id}\n${observation.observed_at}`;
    const known = newest.get(key);
    if (known === undefined || beats(observation, known)) newest.set(key, observation);
  }
  const late = new Map<string, number>();
  let merged = 0;
  let last: string | null = null;
  const inOrder = [...newest.values()].sort((a, b) => compareTimes(a.observed_at, b.observed_at));
  for (const observation of inOrder) {
    const { city_id } = observation;
    const city = cities.get(city_id);
    if (city === undefined || !city.sums.isNext(observation)) {
      late.set(city_id, (late.get(city_id) ?? 0) + 1);
      continue;
    }
    const values = valuesOf(observation);
    city.sums.add(values);
    city.hours?.add(values);
    city.merged += 1;
    merged += 1;
    last = observation.observed_at;
  }
  return { merged, newest: last, late };
}

/** As the table will have them. */
function valuesOf(observation: Newest): CityValues & HourValues {
  const { observed_at, utc_offset_s, wind_speed_ms, wind_direction_deg } = observation;
  const seconds = Math.floor(Date.parse(observed_at) / 1_000);
  const direction =
    wind_speed_ms !== null && isCalm(wind_speed_ms) ? null : (wind_direction_deg ?? null);
  return {
    ...observation,
    has_value: CONTENT_COLUMNS.some((name) => (observation[name] ?? null) !== null),
    hour_utc: hourOfDay(seconds),
    hour_local: utc_offset_s === null ? null : hourOfDay(seconds + utc_offset_s),
    wind_direction_deg: direction,
  };
}

function hourOfDay(seconds: number): number {
  const hour = Math.floor(seconds / 3_600) % 24;
  return hour < 0 ? hour + 24 : hour;
}
