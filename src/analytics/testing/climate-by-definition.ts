/** Days, months, normals and records of some observations, from their definitions, in the plainest way. */
import type { ClimateDataset } from '../../model/climate-datasets.ts';
import type { Made } from './place.ts';

type Timed = Made & { readonly second: number };
type Row = Record<string, unknown>;
type Value = (row: Timed) => number | null | undefined;

const VARIABLES: Readonly<Record<string, Value>> = {
  temperature_c: ({ temperature }) => temperature,
  humidity_pct: ({ humidity }) => humidity,
  pressure_hpa: ({ pressure }) => pressure,
  wind_speed_ms: ({ speed }) => speed,
  wind_gust_ms: ({ gust }) => gust,
};
const BOTH_ENDS = ['temperature_c', 'humidity_pct', 'pressure_hpa'];

export function climateOf(rows: readonly Timed[]): Readonly<Record<ClimateDataset, Row[]>> {
  const sorted = [...rows].sort((a, b) => a.second - b.second);
  const days = group(sorted, (row) => `${row.city} ${dateOf(row)}`).map(dayOf);
  const byMonth = group(days, ({ city_id, date }) => `${city_id} ${String(date).slice(0, 7)}`);
  const months = byMonth.map((of) => {
    const [{ city_id, date } = {}] = of;
    const month = String(date).slice(0, 7);
    const own = sorted.filter((row) => row.city === city_id && dateOf(row).startsWith(month));
    return monthOf(of, own);
  });
  const normals = group(months, ({ city_id, month }) => `${city_id} ${String(month).slice(5)}`).map(
    normalOf,
  );
  return {
    daily_summaries: days,
    monthly_summaries: months.map(({ rain_is_full: _, ...month }) => month),
    climate_normals: normals,
    records: recordsOf(sorted),
  };
}

function dateOf({ second, offset }: Timed): string {
  return new Date((second + (offset ?? 0)) * 1_000).toISOString().slice(0, 10);
}

function group<T>(all: readonly T[], key: (one: T) => string): T[][] {
  return [...Map.groupBy(all, key)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, of]) => of);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, one) => sum + one, 0) / values.length;
}

function known(values: readonly unknown[]): number[] {
  return values.filter((value) => typeof value === 'number');
}

function time(second: number): string {
  return new Date(second * 1_000).toISOString().replace('.000Z', 'Z');
}

/** The value that is most by this measure, and when it was so first. */
function extreme(rows: readonly Timed[], of: Value, sign: 1 | -1): [number, string] | [null, null] {
  const values = rows.filter((row) => typeof of(row) === 'number');
  if (values.length === 0) return [null, null];
  const best = sign * Math.max(...values.map((row) => sign * (of(row) as number)));
  return [best, time((values.find((row) => of(row) === best) as Timed).second)];
}

function extremesOf(rows: readonly Timed[]): Row {
  const row: Row = {};
  const { temperature_c, pressure_hpa, wind_speed_ms, wind_gust_ms } = VARIABLES as Record<
    'temperature_c' | 'pressure_hpa' | 'wind_speed_ms' | 'wind_gust_ms',
    Value
  >;
  [row.temperature_c_min, row.temperature_c_min_at] = extreme(rows, temperature_c, -1);
  [row.temperature_c_max, row.temperature_c_max_at] = extreme(rows, temperature_c, 1);
  [row.pressure_hpa_min] = extreme(rows, pressure_hpa, -1);
  [row.pressure_hpa_max] = extreme(rows, pressure_hpa, 1);
  [row.wind_speed_ms_max] = extreme(rows, wind_speed_ms, 1);
  [row.wind_gust_ms_max, row.wind_gust_ms_max_at] = extreme(rows, wind_gust_ms, 1);
  return row;
}

function meansOf(rows: readonly Timed[], names: readonly string[]): Row {
  return Object.fromEntries(
    names.map((name) => [`${name}_mean`, mean(known(rows.map((row) => VARIABLES[name]?.(row))))]),
  );
}

function fallen(rows: readonly Timed[]): {
  rain_mm: number | null;
  rain_reported_s: number | null;
} {
  const reports = rows.filter(({ rain }) => typeof rain === 'number');
  if (reports.length === 0) return { rain_mm: null, rain_reported_s: null };
  const seconds = ({ interval }: Timed) => Math.min(interval, 3_600);
  return {
    rain_mm: reports.reduce((sum, row) => sum + ((row.rain ?? 0) * seconds(row)) / 3_600, 0),
    rain_reported_s: reports.reduce((sum, row) => sum + seconds(row), 0),
  };
}

function dayOf(rows: Timed[]): Row {
  const temperatures = known(rows.map(({ temperature }) => temperature));
  const held = rows.filter(({ temperature }) => temperature !== null);
  const hours = new Set(held.map(({ second }) => Math.floor(second / 3_600))).size;
  const longest = Math.max(3_600, ...rows.map(({ interval }) => interval));
  const coverage = Math.min(100, (100 * hours * longest) / 86_400);
  const isEnough = coverage >= 75;
  const average = mean(temperatures);
  const [low, high] = [Math.min(...temperatures), Math.max(...temperatures)];
  const has = temperatures.length > 0;
  const sure = (isSo: boolean) => (has && isSo ? true : isEnough ? false : null);
  const lasting = (isSo: boolean) => (has && !isSo ? false : isEnough ? true : null);
  const offsets = rows.filter(({ offset }) => typeof offset === 'number').length;
  const { rain_mm, rain_reported_s } = fallen(rows);
  const [{ city } = { city: '' }] = rows;
  const squares = temperatures.map((value) => (value - (average ?? 0)) ** 2);
  return {
    city_id: city,
    city: city.toUpperCase(),
    date: dateOf(rows[0] as Timed),
    clock: offsets === rows.length ? 'local' : offsets === 0 ? 'utc' : 'mixed',
    observation_count: rows.length,
    coverage_pct: coverage,
    ...meansOf(rows, ['temperature_c', 'humidity_pct', 'pressure_hpa', 'wind_speed_ms']),
    ...extremesOf(rows),
    temperature_c_stddev:
      temperatures.length < 2
        ? null
        : Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / (temperatures.length - 1)),
    temperature_c_first: temperatures[0] ?? null,
    temperature_c_last: temperatures.at(-1) ?? null,
    humidity_pct_min: extreme(rows, ({ humidity }) => humidity, -1)[0],
    humidity_pct_max: extreme(rows, ({ humidity }) => humidity, 1)[0],
    rain_mm,
    rain_reported_s,
    snow_mm: null,
    heating_degree_days: isEnough ? Math.max(0, 18 - (average ?? 0)) : null,
    cooling_degree_days: isEnough ? Math.max(0, (average ?? 0) - 18) : null,
    is_frost_day: sure(low < 0),
    is_ice_day: lasting(high < 0),
    is_summer_day: sure(high >= 25),
    is_hot_day: sure(high >= 30),
    is_tropical_night: lasting(low >= 20),
    is_wet_day: (rain_mm ?? 0) >= 1 ? true : (rain_reported_s ?? 0) >= 64_800 ? false : null,
  };
}

function monthOf(days: Row[], rows: readonly Timed[]): Row {
  const [{ city_id, city, date } = {}] = days;
  const month = String(date).slice(0, 7);
  const [year = 0, number = 0] = month.split('-').map(Number);
  const length = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const complete = days.filter(({ coverage_pct }) => (coverage_pct as number) >= 75);
  const there = new Set(complete.map((day) => Number(String(day.date).slice(8))));
  const marks = Array.from({ length }, (_, at) => (there.has(at + 1) ? ' ' : 'x')).join('');
  const longest = Math.max(...marks.split(' ').map((run) => run.length));
  const averageOf = (name: string) => mean(known(complete.map((day) => day[name])));
  const count = (name: string) => {
    const sure = days.filter((day) => day[`is_${name}`] !== null);
    return sure.length === 0 ? null : sure.filter((day) => day[`is_${name}`] === true).length;
  };
  const sum = (name: string) =>
    complete.length === 0
      ? null
      : known(complete.map((day) => day[name])).reduce((all, one) => all + one, 0);
  const { rain_mm, rain_reported_s } = fallen(rows);
  return {
    ...{ city_id, city, month, observation_count: rows.length },
    ...{ day_count: days.length, complete_day_count: complete.length },
    is_full: length - complete.length <= 10 && longest <= 4,
    temperature_c_mean: averageOf('temperature_c_mean'),
    temperature_c_min_mean: averageOf('temperature_c_min'),
    temperature_c_max_mean: averageOf('temperature_c_max'),
    ...extremesOf(rows),
    humidity_pct_mean: averageOf('humidity_pct_mean'),
    pressure_hpa_mean: averageOf('pressure_hpa_mean'),
    wind_speed_ms_mean: averageOf('wind_speed_ms_mean'),
    ...{ rain_mm, rain_reported_s },
    heating_degree_days: sum('heating_degree_days'),
    cooling_degree_days: sum('cooling_degree_days'),
    ...Object.fromEntries(
      ['frost_day', 'ice_day', 'summer_day', 'hot_day', 'tropical_night', 'wet_day'].map((name) => [
        `${name}_count`,
        count(name),
      ]),
    ),
    rain_is_full: (rain_reported_s ?? 0) >= 0.9 * 86_400 * length,
  };
}

function normalOf(months: Row[]): Row {
  const [{ city_id, city, month } = {}] = months;
  const full = months.filter(({ is_full }) => is_full);
  const wet = months.filter(({ rain_is_full }) => rain_is_full);
  const averageOf = (name: string, of = full) => mean(known(of.map((one) => one[name])));
  const years = full.map((one) => Number(String(one.month).slice(0, 4)));
  const names = [
    ...['temperature_c_mean', 'temperature_c_min_mean', 'temperature_c_max_mean'],
    ...['humidity_pct_mean', 'pressure_hpa_mean', 'wind_speed_ms_mean'],
    ...['heating_degree_days', 'cooling_degree_days', 'frost_day_count', 'ice_day_count'],
    ...['summer_day_count', 'hot_day_count', 'tropical_night_count'],
  ];
  return {
    ...{ city_id, city, calendar_month: Number(String(month).slice(5)) },
    year_count: full.length,
    year_from: years.length === 0 ? null : Math.min(...years),
    year_to: years.length === 0 ? null : Math.max(...years),
    basis: 'few_years',
    ...Object.fromEntries(names.map((name) => [name, averageOf(name)])),
    rain_mm: averageOf('rain_mm', wet),
    wet_day_count: averageOf('wet_day_count', wet),
  };
}

function recordsOf(rows: readonly Timed[]): Row[] {
  const records: Row[] = [];
  for (const of of group(rows, ({ city }) => city)) {
    for (const variable of Object.keys(VARIABLES).sort()) {
      const value = VARIABLES[variable] as Value;
      for (let month = 0; month <= 12; month += 1) {
        const own = of.filter((row) => {
          const isOfMonth = month === 0 || Number(dateOf(row).slice(5, 7)) === month;
          return isOfMonth && typeof value(row) === 'number';
        });
        const [first] = own;
        if (first === undefined) continue;
        const [highest, highest_at] = extreme(own, value, 1);
        const low = BOTH_ENDS.includes(variable);
        const [lowest, lowest_at] = low ? extreme(own, value, -1) : [null, null];
        records.push({
          ...{ city_id: first.city, city: first.city.toUpperCase(), variable },
          ...{ calendar_month: month, highest, highest_at, lowest, lowest_at },
          ...{ since: dateOf(first), observation_count: own.length },
        });
      }
    }
  }
  return records;
}
