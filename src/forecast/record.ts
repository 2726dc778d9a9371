/** What is kept of the forecasts: issued, scored and shown to readers; what fails is done again. */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { FORECASTS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { Logger } from '../logger.ts';
import { type CityForecast, FORECAST_VARIABLES, forecastKey, HORIZONS } from '../model/forecast.ts';
import { takeTurns } from '../waiting.ts';
import { WIDTH } from './city-forecaster.ts';
import { type CityProgress, forecastsOf, issuedRows } from './city-progress.ts';
import { DAY_HOURS, dayOf } from './hour.ts';
import { openIssued, parseIssuedPath } from './issued.ts';
import { readLatest, writeLatest } from './latest.ts';
import { openScoreBook, type ScoreBook } from './score-book.ts';

export interface ForecastRecord {
  /** Notes what the city's forecasters say, and the values that came: whole days from `first` on. */
  note(one: CityProgress, first: number, values: Float64Array): void;
  /** Forgets what the city's forecasters said, but not the values. */
  forget(one: CityProgress): void;
  /**
   * Keeps forecasts of `firstKept` and later, scores, and publishes those of the chosen cities. Rejects
   * as the storage does; then the next call does what is left.
   */
  settle(chosen: readonly CityProgress[], firstKept: number): Promise<void>;
  /** Removes scores before that hour, and the forecasts that they do not need. */
  clean(firstKept: number): Promise<void>;
  /** As readers see them. */
  published(): readonly CityForecast[];
}

export async function openRecord(storage: Storage, logger: Logger): Promise<ForecastRecord> {
  const warn = (problem: string) =>
    logger.warn({ code: 'TABLE_CORRUPT' }, `leaving out a file: ${problem}`);
  const issued = openIssued(storage, warn);
  const book = await openScoreBook(storage, issued, warn);
  const latest = await readLatest(storage).catch((error: unknown) => {
    if (isErrorCode(error, 'TABLE_CORRUPT')) warn(asIsobarError(error).message);
    else if (!isErrorCode(error, 'LAKE_MISSING')) throw error;
    return [];
  });
  let published = new Map(latest.map((one) => [forecastKey(one.city_id, one.variable), one]));
  let isPublished = true;
  const unissued = new Set<CityProgress>();
  const unscored = new Map<CityProgress, { first: number; values: Float64Array }>();

  async function issue(firstKept: number): Promise<void> {
    const byHour = Map.groupBy(unissued, ({ newest }) => newest?.hour ?? 0);
    for (const [hour, cities] of byHour) {
      if (hour >= firstKept) await issued.put(hour, cities.flatMap(issuedRows));
      for (const one of cities) unissued.delete(one);
    }
  }

  async function score(): Promise<void> {
    const turn = takeTurns();
    for (const [one, { first, values }] of unscored) {
      await scoreDays(book, one.city, first, values);
      unscored.delete(one);
      await turn();
    }
    await book.flush();
  }

  async function publish(chosen: readonly CityProgress[]): Promise<void> {
    const all = new Map<string, CityForecast>();
    const turn = takeTurns();
    for (const one of chosen) {
      const own = forecastsOf(one, book);
      await turn();
      for (const variable of FORECAST_VARIABLES) {
        const key = forecastKey(one.city, variable);
        // A variable without a value in the last hour keeps the forecast before.
        const forecast = own.find((of) => of.variable === variable) ?? published.get(key);
        if (forecast !== undefined) all.set(key, forecast);
      }
    }
    reachFaultPoint('forecast.before-latest');
    await writeLatest(storage, [...all.values()]);
    published = all;
    isPublished = true;
    reachFaultPoint('forecast.after-latest');
  }

  return {
    note(one, first, values) {
      unissued.add(one);
      unscored.set(one, { first, values });
      isPublished = false;
    },
    forget(one) {
      unissued.delete(one);
    },
    async settle(chosen, firstKept) {
      await issue(firstKept);
      await score();
      if (!isPublished) await publish(chosen);
    },
    async clean(firstKept) {
      // Scores go first: those that are kept can be computed again.
      await book.removeBefore(dayOf(firstKept));
      for await (const { path } of storage.list(`${FORECASTS_FOLDER}/issued`)) {
        const place = parseIssuedPath(path);
        if (place !== null && place.hour < firstKept - HORIZONS) await storage.delete(path);
      }
    },
    published: () => [...published.values()],
  };
}

async function scoreDays(
  book: ScoreBook,
  city: string,
  first: number,
  values: Float64Array,
): Promise<void> {
  const hours = values.length / WIDTH;
  for (let start = 0; start < hours; start += DAY_HOURS) {
    for (const [at, variable] of FORECAST_VARIABLES.entries()) {
      const ofDay = Array.from({ length: DAY_HOURS }, (_, hour) => {
        const value = values[(start + hour) * WIDTH + at] ?? Number.NaN;
        return Number.isNaN(value) ? null : value;
      });
      await book.score(dayOf(first + start), { city_id: city, variable, values: ofDay });
    }
  }
}
