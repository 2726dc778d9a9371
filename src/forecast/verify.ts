/** Whether forecasts that were issued are as they were, and their scores what follows from them. */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { FORECAST_SCORES_FOLDER, FORECASTS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { FORECAST_VARIABLES, forecastKey } from '../model/forecast.ts';
import type { DataFile } from '../table/table.ts';
import { DAY_HOURS, firstHourOf } from './hour.ts';
import type { HourlyValues } from './hourly-values.ts';
import { openIssued, parseIssuedPath, readIssued } from './issued.ts';
import { readLatest } from './latest.ts';
import { parseScoresPath, readScores, type ScoreRow, scoreDay } from './score-book.ts';
import { DAMAGED } from './sealed.ts';

export interface VerifyForecastsOptions {
  readonly storage: Storage;
  readonly values: HourlyValues;
  readonly files: readonly DataFile[];
  readonly signal: AbortSignal;
}

export interface ForecastReport {
  /** Forecasts of one hour, variable and city. */
  readonly forecasts: number;
  /** Days whose scores were computed again. */
  readonly days: number;
  /** Values of the table that have changed, or come, since their hour was scored. */
  readonly changedSince: number;
  readonly differences: readonly string[];
}

/** Sums are rounded to so much. */
const CLOSE = 2e-6;

/** Reads every file again; resolves with what differs, a sentence each. */
export async function verifyForecasts(options: VerifyForecastsOptions): Promise<ForecastReport> {
  const { storage } = options;
  const differences: string[] = [];
  const guarded = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      if (!isErrorCode(error, ...DAMAGED)) throw error;
      differences.push(asIsobarError(error).message);
      return null;
    }
  };
  const forecasts = await verifyIssued(storage, differences, guarded);
  await guarded(() =>
    readLatest(storage).catch((error) => {
      if (!isErrorCode(error, 'LAKE_MISSING')) throw error;
    }),
  );
  const issued = openIssued(storage, () => {});
  let [days, changedSince] = [0, 0];
  for await (const { path } of storage.list(FORECAST_SCORES_FOLDER)) {
    const day = parseScoresPath(path);
    const rows = day === null ? null : await guarded(() => readScores(storage, path));
    if (day === null || rows === null) continue;
    days += 1;
    for (const row of rows) {
      const sums = await scoreDay(issued, day, row);
      const isSame = sums.every((sum, at) => Math.abs(sum - (row.sums[at] ?? 0)) <= CLOSE);
      if (isSame) continue;
      differences.push(
        `${path}: ${row.city_id} ${row.variable}: other sums than its values and forecasts have`,
      );
    }
    changedSince += await countChanged(options, day, rows);
  }
  return { forecasts, days, changedSince, differences };
}

async function verifyIssued(
  storage: Storage,
  differences: string[],
  guarded: <T>(work: () => Promise<T>) => Promise<T | null>,
): Promise<number> {
  let hour = Number.NaN;
  let [count, seen] = [0, new Set<string>()];
  for await (const { path } of storage.list(`${FORECASTS_FOLDER}/issued`)) {
    const place = parseIssuedPath(path);
    if (place === null) continue;
    if (place.hour !== hour) [hour, seen] = [place.hour, new Set()];
    for (const { city_id, variable } of (await guarded(() => readIssued(storage, path))) ?? []) {
      const name = forecastKey(city_id, variable);
      if (seen.has(name)) differences.push(`${path}: ${name} was issued twice for this hour`);
      seen.add(name);
      count += 1;
    }
  }
  return count;
}

async function countChanged(
  { values, files, signal }: VerifyForecastsOptions,
  day: string,
  rows: readonly ScoreRow[],
): Promise<number> {
  const first = firstHourOf(day);
  const cities = [...new Set(rows.map(({ city_id }) => city_id))];
  const range = { after: first - 1, to: first + DAY_HOURS - 1 };
  const found = new Map<string, number>();
  for await (const batch of values.read(files, cities, range, signal)) {
    for (const { city_id, hour, values: own } of batch) {
      for (const [at, name] of FORECAST_VARIABLES.entries()) {
        const value = own[at] ?? Number.NaN;
        if (!Number.isNaN(value)) found.set(`${city_id} ${name} ${hour}`, value);
      }
    }
  }
  return rows.reduce((sum, { city_id, variable, values: scored }) => {
    // The hours after the last one that was complete are still to be scored.
    const last = scored.findLastIndex((value) => value !== null);
    const isChanged = (value: number | null, at: number) =>
      at <= last && (found.get(`${city_id} ${variable} ${first + at}`) ?? null) !== value;
    return sum + scored.filter(isChanged).length;
  }, 0);
}
