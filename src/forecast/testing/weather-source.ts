/** Made-up weather as a table and its values by the hour, without an engine. */
import type { Made } from '../../analytics/testing/place.ts';
import type { DataFile, Snapshot } from '../../table/table.ts';
import { formatHour, HOUR_MS } from '../hour.ts';
import type { HourlyValues, HourRange, HourRow } from '../hourly-values.ts';

/** The hour with which the made-up weather begins. */
export const FIRST = Date.UTC(2023, 11, 28) / HOUR_MS;
export const SIGNAL = new AbortController().signal;

/** Of an hour after FIRST, with something of its own in each city. */
export function weather(city: string, hour: number): Made {
  const swing = Math.sin(((hour - 9) / 12) * Math.PI);
  const slow = Math.sin(hour / 37 + city.length);
  const rough = Math.sin(hour * 12.9898 + city.length) * 0.7;
  return {
    ...{ city, at: hour * 3_600, interval: 3_600, direction: null },
    temperature: Math.round((8 + 4 * swing + 5 * slow + rough) * 10) / 10,
    humidity: Math.round(60 - 15 * swing - 10 * slow),
    speed: Math.round(Math.abs(4 + 3 * slow + rough) * 10) / 10,
  };
}

export const KILL_CITIES = ['oslo', 'cairo'] as const;

export function weatherUpTo(last: number) {
  const rowsOf = (city: string, { after, to }: HourRange): HourRow[] =>
    Array.from({ length: last + 1 }, (_, at) => at)
      .filter((at) => FIRST + at > after && FIRST + at <= to)
      .map((at) => {
        const { temperature, humidity, speed } = weather(city, at);
        const values = [temperature, humidity, null, speed].map((one) => one ?? Number.NaN);
        return { city_id: city, hour: FIRST + at, values };
      });
  const values: HourlyValues = {
    newest: async () => new Map(KILL_CITIES.map((city) => [city, formatHour(FIRST + last)])),
    async *read(_files, cities, range) {
      for (const city of [...cities].sort()) yield rowsOf(city, range);
    },
    async count(_files, city, range) {
      const rows = rowsOf(city, range);
      const after = rows.filter(({ hour }) => hour >= range.since).length;
      return { before: rows.length - after, after };
    },
  };
  const snapshot: Snapshot = {
    ...{ version: last, committedAt: null, rowCount: 0, simulated: true },
    files: [] as readonly DataFile[],
    transactions: new Map(),
  };
  return { values, table: { refresh: async () => snapshot, changes: async () => null } };
}
