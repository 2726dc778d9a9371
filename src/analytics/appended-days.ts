/** Partial aggregates by day (climate-parts.ts) of rows that come one by one, in order of time. */
import { meanWith, squaresWith } from '../model/running.ts';
import { unitVector } from '../model/wind.ts';
import { type DayVariable, ENDS, FALLEN } from './climate-parts.ts';
import { lineOf } from './published-files.ts';

export interface DayValues extends Readonly<Record<DayVariable, number | null>> {
  readonly city_id: string;
  /** That of UTC, as the table is partitioned. */
  readonly month: string;
  /** Of the city's clock, counted from 1970-01-01. */
  readonly day: number;
  /** Counted from 1970. */
  readonly utc_hour: number;
  readonly observed_at: string;
  readonly interval_s: number | null;
  readonly utc_offset_s: number | null;
  readonly wind_direction_deg: number | null;
  readonly rain_1h_mm: number | null;
  readonly snow_1h_mm: number | null;
}

/**
 * The hour in which a city last held a temperature, and the latest day of its clock in it: each hour counts
 * once for each day that it is in.
 */
export interface LastTemperature {
  readonly utc_hour: number;
  readonly day: number;
}

const NAMES = Object.keys(ENDS) as DayVariable[];
const HOUR_S = 3_600;

/** Null is the sum of no value. */
type DayRow = Record<string, string | number | null>;

export class AppendedDays {
  readonly #days = new Map<string, DayRow>();
  /** Of days that have not changed since. */
  readonly #lines = new Map<DayRow, string>();
  readonly #last: Map<string, LastTemperature>;

  /** `last` says what the rows before held, by city. */
  constructor(last: ReadonlyMap<string, LastTemperature>) {
    this.#last = new Map(last);
  }

  /** In the order in which the days began to be appended to. */
  rows(): DayRow[] {
    return [...this.#days.values()];
  }

  /** The rows as lines of JSON. */
  lines(): string[] {
    return this.rows().map((row) => {
      const line = this.#lines.get(row) ?? lineOf(row);
      this.#lines.set(row, line);
      return line;
    });
  }

  /** False where the clock went back within an hour: whether that counts for the day is not known. */
  isNext({ city_id, temperature_c, utc_hour, day }: DayValues): boolean {
    const last = this.#last.get(city_id);
    return temperature_c === null || last?.utc_hour !== utc_hour || day >= last.day;
  }

  /** The observation is the next one. */
  add(values: DayValues): void {
    const { city_id, month, day } = values;
    const key = `${city_id}\n${month}\n${day}`;
    let row = this.#days.get(key);
    if (row === undefined) {
      row = emptyDay(city_id, month, day);
      this.#days.set(key, row);
    }
    this.#lines.delete(row);
    const interval_s = values.interval_s ?? HOUR_S;
    grow(row, 'observation_count', 1);
    if (values.utc_offset_s !== null) grow(row, 'offset_count', 1);
    row.interval_s = Math.max(numberOf(row.interval_s), interval_s);
    this.#addTemperature(row, values);
    for (const name of NAMES) addValue(row, name, values[name], values.observed_at);
    if (values.wind_direction_deg !== null) {
      const { sin, cos } = unitVector(values.wind_direction_deg);
      grow(row, 'wind_direction_deg_count', 1);
      grow(row, 'wind_direction_sin', sin);
      grow(row, 'wind_direction_cos', cos);
    }
    for (const kind of FALLEN) {
      const fallen = values[`${kind}_1h_mm`];
      if (fallen === null) continue;
      const counted = Math.min(interval_s, HOUR_S);
      grow(row, `${kind}_mm`, (fallen * counted) / HOUR_S);
      grow(row, `${kind}_reported_s`, counted);
    }
  }

  /** Before the value is added: what has no mean of its own, and needs the mean of before. */
  #addTemperature(row: DayRow, values: DayValues): void {
    const { city_id, temperature_c: value, observed_at, utc_hour, day } = values;
    if (value === null) return;
    const last = this.#last.get(city_id);
    if (last?.utc_hour !== utc_hour || last.day !== day) grow(row, 'temperature_c_hours', 1);
    this.#last.set(city_id, { utc_hour, day });
    const before = numberOf(row.temperature_c_count);
    grow(row, 'temperature_c_m2', squaresWith(meanOf(row, 'temperature_c'), value, before + 1));
    if (before === 0) {
      row.temperature_c_first = value;
      row.temperature_c_first_at = observed_at;
    }
    row.temperature_c_last = value;
    row.temperature_c_last_at = observed_at;
  }
}

function emptyDay(city_id: string, month: string, day: number): DayRow {
  return {
    ...{ city_id, month, day, observation_count: 0, offset_count: 0, interval_s: 0 },
    ...{ temperature_c_hours: 0, temperature_c_m2: 0 },
    ...Object.fromEntries(NAMES.map((name) => [`${name}_count`, 0])),
    ...{ wind_direction_deg_count: 0, wind_direction_sin: 0, wind_direction_cos: 0 },
  };
}

function addValue(row: DayRow, name: DayVariable, value: number | null, observedAt: string): void {
  if (value === null) return;
  const count = grow(row, `${name}_count`, 1);
  row[`${name}_mean`] = meanWith(meanOf(row, name), value, count);
  for (const end of ENDS[name]) {
    const column = `${name}_${end}`;
    const before = row[column];
    if (typeof before === 'number' && !(end === 'min' ? value < before : value > before)) continue;
    row[column] = value;
    row[`${column}_at`] = observedAt;
  }
}

function grow(row: DayRow, name: string, by: number): number {
  const sum = numberOf(row[name]) + by;
  row[name] = sum;
  return sum;
}

/** Null before the first value. */
function meanOf(row: DayRow, name: DayVariable): number | null {
  const mean = row[`${name}_mean`];
  return typeof mean === 'number' ? mean : null;
}

function numberOf(value: string | number | null | undefined): number {
  return typeof value === 'number' ? value : 0;
}
