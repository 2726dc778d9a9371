/**
 * Rules for anomalies on real history with faults put into it: what each catches, how late, and how
 * often it is wrong. The rules were tuned on every third city before 2015; measured are the others from
 * 2015 on, all that came before being known to them.
 */
import { existsSync } from 'node:fs';
import { flagSeries } from '../src/anomalies/judge.ts';
import { SCALES } from '../src/anomalies/scales.ts';
import type { VariableName } from '../src/model/variables.ts';
import { checkPersistence, checkSteps } from '../src/quality/series.ts';
import { createRandom } from '../test/support/random.ts';
import { quantile } from './figures.ts';
import { HISTORY_FOLDER } from './history.ts';
import {
  HISTORY_VARIABLES,
  type HistoryCity,
  type HistoryVariable,
  readHourlyHistory,
} from './hourly-history.ts';
import type { Measured } from './main.ts';

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const FIRST = Date.UTC(2012, 9, 1);
const MEASURED_FROM = Date.UTC(2015, 0, 1);
const TUNED = 3;
/** Days between two faults of a city, at least and at most. */
const APART_DAYS = [3, 9] as const;
/** Flags up to so many hours after a fault are neither a catch nor false: the jump back is real. */
const AFTER_HOURS = 3;
type Name = HistoryVariable;

/** How large a fault is, in the variable's unit. */
const SIZES: Readonly<Record<Name, number>> = {
  temperature_c: 8,
  pressure_hpa: 8,
  humidity_pct: 40,
  wind_speed_ms: 12,
};

interface Kind {
  readonly name: string;
  readonly hours: number;
  readonly of: readonly Name[];
  /** The value that the broken sensor gives. */
  readonly broken: (given: Given) => number;
}

interface Given {
  readonly value: number;
  readonly size: number;
  readonly sign: number;
  /** Hours since the fault began, of so many. */
  readonly hour: number;
  readonly hours: number;
  /** The last value before the fault. */
  readonly before: number;
  /** At another hour, of this city and of another one. */
  readonly earlier: number;
  readonly elsewhere: number;
}

const ALL = [...HISTORY_VARIABLES];
const KINDS: readonly Kind[] = [
  {
    name: 'spike of an hour',
    hours: 1,
    of: ALL,
    broken: ({ value, size, sign }) => value + size * sign,
  },
  {
    name: 'step for 2 days',
    hours: 48,
    of: ALL,
    broken: ({ value, size, sign }) => value + size * sign,
  },
  {
    name: 'drift over 5 days',
    hours: 120,
    of: ALL,
    broken: ({ value, size, sign, hour, hours }) => value + (size * sign * hour) / hours,
  },
  { name: 'stuck for 36 hours', hours: 36, of: ALL, broken: ({ before }) => before },
  {
    name: 'lost decimal point',
    hours: 3,
    of: ['temperature_c'],
    broken: ({ value }) => value * 10,
  },
  {
    name: '°F for °C',
    hours: 3,
    of: ['temperature_c'],
    broken: ({ value }) => value * 1.8 + 32,
  },
  { name: 'another station’s for a day', hours: 24, of: ALL, broken: ({ elsewhere }) => elsewhere },
  { name: 'clock 6 hours slow for 3 days', hours: 72, of: ALL, broken: ({ earlier }) => earlier },
];

interface Fault {
  readonly kind: Kind;
  readonly from: number;
  readonly to: number;
}

/** An entry an hour: 1 for flagged. */
type Flags = Uint8Array;
const RULES = ['three_sigma', 'seasonal', 'quality', 'seasonal or quality'] as const;
type RuleName = (typeof RULES)[number];

function flagsOf(values: Float64Array, name: Name): Readonly<Record<RuleName, Flags>> {
  const seasonal = flagSeasonal(values, name);
  const quality = flagQuality(values, name);
  return {
    three_sigma: flagThreeSigma(values),
    ...{ seasonal, quality },
    'seasonal or quality': seasonal.map((flag, at) => flag | (quality[at] ?? 0)),
  };
}

export async function benchAnomalyRules(): Promise<Measured[]> {
  if (!existsSync(HISTORY_FOLDER)) {
    process.stderr.write('  the history is not beside the project: left out\n');
    return [];
  }
  const cities = (await readHourlyHistory()).filter((_, at) => at % TUNED !== 0);
  const lines: string[] = [];
  const rows: Measured[] = [];
  for (const name of HISTORY_VARIABLES) {
    for (const kind of KINDS.filter(({ of }) => of.includes(name))) {
      for (const [rule, counts] of tryKind(name, kind, cities)) {
        lines.push(lineOf(name, rule, kind, counts));
        if (name === 'temperature_c' && kind === KINDS[0]) {
          rows.push(rowOf(rule, counts, cities.length));
        }
      }
    }
  }
  process.stdout.write(`${TABLE_HEAD}\n${lines.join('\n')}\n`);
  return rows;
}

const TABLE_HEAD =
  '| variable | fault | rule | caught | delay, median | precision | false events a city and day |\n' +
  '| --- | --- | --- | --- | --- | --- | --- |';

interface Counts {
  faults: number;
  caught: number;
  falseEvents: number;
  trueEvents: number;
  days: number;
  readonly delays: number[];
}

function tryKind(name: Name, kind: Kind, cities: readonly HistoryCity[]): Map<RuleName, Counts> {
  const none = () => ({ faults: 0, caught: 0, falseEvents: 0, trueEvents: 0, days: 0 });
  const counts = new Map<RuleName, Counts>(RULES.map((rule) => [rule, { ...none(), delays: [] }]));
  for (const [at, city] of cities.entries()) {
    const other = cities[(at + 7) % cities.length] ?? city;
    const { values, faults } = withFaults(city, other, name, kind, at);
    const flags = flagsOf(values, name);
    for (const [rule, of] of counts) count(flags[rule], values, faults, of);
  }
  return counts;
}

const caughtShare = ({ caught, faults }: Counts) => caught / faults;
const falseADay = ({ falseEvents, days }: Counts) => falseEvents / days;

function lineOf(name: Name, rule: RuleName, kind: Kind, counts: Counts): string {
  const { trueEvents, falseEvents, delays } = counts;
  const delay = delays.length === 0 ? '' : `${quantile(delays, 0.5)} h`;
  const precision = trueEvents / Math.max(1, trueEvents + falseEvents);
  const cells = [name, kind.name, rule, percent(caughtShare(counts)), delay, percent(precision)];
  return `| ${[...cells, falseADay(counts).toFixed(2)].join(' | ')} |`;
}

function rowOf(rule: RuleName, counts: Counts, cities: number): Measured {
  const [share, wrong] = [caughtShare(counts), falseADay(counts)];
  return {
    name: `anomalies: one-hour faults of ±8 °C in real hourly history, ${rule}`,
    figure: `${percent(share)} caught, ${wrong.toFixed(2)} false events a city and day`,
    bar: rule === 'seasonal' ? '≥ 95 %, ≤ 0.2' : 'none',
    compared: `${cities} cities from 2015 on, which no rule was tuned on; all kinds: docs/anomalies.md`,
    reached: rule !== 'seasonal' || (share >= 0.95 && wrong <= 0.2),
  };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function withFaults(city: HistoryCity, other: HistoryCity, name: Name, kind: Kind, seed: number) {
  const random = createRandom(seed * 97 + KINDS.indexOf(kind));
  const original = city.values[name];
  const values = original.slice();
  const faults: Fault[] = [];
  const [least, most] = APART_DAYS;
  const pause = () => Math.round((least + random() * (most - least)) * DAY_HOURS) + kind.hours;
  let from = (MEASURED_FROM - FIRST) / HOUR_MS + pause();
  for (; from + kind.hours < values.length; from += pause()) {
    const before = original[from - 1] ?? Number.NaN;
    const sign = random() < 0.5 ? -1 : 1;
    const broken = Array.from({ length: kind.hours }, (_, hour) => {
      const value = original[from + hour] ?? Number.NaN;
      const given = kind.broken({
        ...{ value, size: SIZES[name], sign, hour, hours: kind.hours, before },
        earlier: original[from + hour - 6] ?? Number.NaN,
        elsewhere: other.values[name][from + hour] ?? Number.NaN,
      });
      return Number.isNaN(value) ? value : within(name, given);
    });
    if (broken.every((value) => Number.isNaN(value))) continue;
    values.set(broken, from);
    faults.push({ kind, from, to: from + kind.hours });
  }
  return { values, faults };
}

/** What the landing lets through. */
function within(name: Name, value: number): number {
  if (name === 'humidity_pct') return Math.min(100, Math.max(0, value));
  return name === 'wind_speed_ms' ? Math.max(0, value) : value;
}

function count(
  flags: Uint8Array,
  values: Float64Array,
  faults: readonly Fault[],
  counts: Counts,
): void {
  const own = new Uint8Array(flags.length);
  for (const { from, to } of faults) {
    own.fill(1, from, Math.min(own.length, to + AFTER_HOURS));
    counts.faults += 1;
    const first = flags.subarray(from, to).indexOf(1);
    if (first === -1) continue;
    counts.caught += 1;
    counts.delays.push(first);
  }
  const begin = (MEASURED_FROM - FIRST) / HOUR_MS;
  let isEvent = false;
  for (let at = begin; at < flags.length; at += 1) {
    if (Number.isNaN(values[at])) continue;
    counts.days += 1 / DAY_HOURS;
    const isFlagged = flags[at] === 1;
    if (isFlagged && !isEvent) {
      if (own[at] === 1) counts.trueEvents += 1;
      else counts.falseEvents += 1;
    }
    isEvent = isFlagged;
  }
}

/** The rule of the published anomalies: mean ± 3 deviations of the whole history. */
function flagThreeSigma(values: Float64Array): Uint8Array {
  const held = values.filter((value) => !Number.isNaN(value));
  const mean = held.reduce((sum, value) => sum + value, 0) / held.length;
  const squares = held.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (held.length - 1));
  return Uint8Array.from(values, (value) => (Math.abs(value - mean) > 3 * deviation ? 1 : 0));
}

function flagSeasonal(values: Float64Array, name: Name): Uint8Array {
  const scale = SCALES[name];
  if (scale === undefined) return new Uint8Array(values.length);
  const failed = failedBy(values, name);
  const days = new Map<number, Float64Array>();
  for (const [hour, value] of values.entries()) {
    const at = FIRST / HOUR_MS + hour;
    const day = Math.floor(at / DAY_HOURS);
    let hours = days.get(day);
    if (hours === undefined) {
      hours = new Float64Array(DAY_HOURS).fill(Number.NaN);
      days.set(day, hours);
    }
    hours[at - day * DAY_HOURS] = failed[hour] === 1 ? Number.NaN : scale.to(value);
  }
  // A month at a time, as the analytics judge.
  const flags = new Uint8Array(values.length);
  const hourOf = (month: number) => (Date.UTC(2012, month) - FIRST) / HOUR_MS;
  const at = Float64Array.from(values, (_, hour) => FIRST + hour * HOUR_MS);
  for (let month = 9; hourOf(month) < values.length; month += 1) {
    const [begin, end] = [Math.max(0, hourOf(month - 2)), hourOf(month + 1)];
    const from = FIRST + hourOf(month) * HOUR_MS;
    const series = values.subarray(begin, end);
    for (const flagged of flagSeries(name, { at: at.subarray(begin, end), series, days, from })) {
      flags[(flagged.at - FIRST) / HOUR_MS] = 1;
    }
  }
  return flags;
}

/** Quality control without neighbours, by months as in `isobar quality`. */
function flagQuality(values: Float64Array, name: VariableName): Uint8Array {
  return qualityFlags(values, name, false);
}

function failedBy(values: Float64Array, name: VariableName): Uint8Array {
  return qualityFlags(values, name, true);
}

function qualityFlags(values: Float64Array, name: VariableName, onlyFailed: boolean): Uint8Array {
  const flags = new Uint8Array(values.length);
  const at = Float64Array.from(values, (_, hour) => FIRST + hour * HOUR_MS);
  const month = 30 * DAY_HOURS;
  for (let from = 0; from < values.length; from += month) {
    const series = {
      at: at.subarray(from, from + month),
      values: { [name]: values.subarray(from, from + month) },
      elevation: null,
    };
    for (const { index, verdict } of [...checkSteps(series), ...checkPersistence(series)]) {
      if (verdict === 'fail' || !onlyFailed) flags[from + index] = 1;
    }
  }
  return flags;
}
