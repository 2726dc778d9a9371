/**
 * Scores of what was issued, a file for each day of the forecast hours: the values that came, and the
 * sums of the errors. The sums of a city and day are computed from its values and from the issued
 * files each time, never added to: whatever dies in between, an hour counts once.
 */
import { Type } from 'typebox';
import { asIsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { FORECAST_SCORES_FOLDER, forecastScoresPath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import {
  FORECAST_VARIABLES,
  type ForecastVariable,
  forecastKey,
  SCORED_HORIZONS,
} from '../model/forecast.ts';
import { judgedOf } from './city-forecaster.ts';
import { DAY_HOURS, firstHourOf } from './hour.ts';
import type { IssuedStore } from './issued.ts';
import { addScore, openScores, SUMS_LENGTH } from './scores.ts';
import { corrupt, DAMAGED, formatLines, parseLines, sealed, unsealed } from './sealed.ts';

/** One row per city and variable of a day. */
export interface ScoreRow {
  readonly city_id: string;
  readonly variable: ForecastVariable;
  /** The value of each hour; null for none, or not yet. */
  readonly values: readonly (number | null)[];
  readonly sums: readonly number[];
}

const ScoreRowSchema = Type.Object(
  {
    city_id: Type.String({ minLength: 1, maxLength: 64 }),
    variable: Type.Enum([...FORECAST_VARIABLES]),
    values: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
      minItems: DAY_HOURS,
      maxItems: DAY_HOURS,
    }),
    sums: Type.Array(Type.Number(), { minItems: SUMS_LENGTH, maxItems: SUMS_LENGTH }),
  },
  { additionalProperties: false },
);

const KIND = 'forecast-scores';
const FILE_BYTES_MAX = 256 * 1024 * 1024;
const PATH = /day=(\d{4}-\d{2}-\d{2})\.jsonl$/;

/** The day of such a file; null for one that is not ours. */
export function parseScoresPath(path: string): string | null {
  const [, day] = PATH.exec(path) ?? [];
  return day === undefined || Number.isNaN(firstHourOf(day)) ? null : day;
}

/** Rejects with TABLE_CORRUPT, and as the storage does. */
export async function readScores(
  storage: Pick<Storage, 'read'>,
  path: string,
): Promise<readonly ScoreRow[]> {
  const { header, body } = unsealed(
    KIND,
    path,
    await storage.read(path, undefined, FILE_BYTES_MAX),
  );
  if (header.day !== parseScoresPath(path)) throw corrupt(path, `it is of ${String(header.day)}`);
  return parseLines(ScoreRowSchema, path, body);
}

/** The sums of a city's day: a function of its values and of what was issued. */
export async function scoreDay(
  issued: Pick<IssuedStore, 'find'>,
  day: string,
  { city_id, variable, values }: Omit<ScoreRow, 'sums'>,
): Promise<readonly number[]> {
  const sums = openScores();
  const first = firstHourOf(day);
  for (const [at, value] of values.entries()) {
    if (value === null) continue;
    for (const horizon of SCORED_HORIZONS) {
      const part = await issued.find(first + at - horizon, city_id, variable);
      if (part !== undefined) addScore(sums, judgedOf(part, horizon, value));
    }
  }
  return Array.from(sums, (sum) => Math.round(sum * 1e6) / 1e6);
}

export interface ScoreBook {
  /** Computes a city's day again. Rejects as the storage does; then nothing was changed. */
  score(day: string, of: Omit<ScoreRow, 'sums'>): Promise<void>;
  /** Writes the days that have changed. */
  flush(): Promise<void>;
  /** Undefined where nothing was scored. */
  find(day: string, city: string, variable: string): ScoreRow | undefined;
  /** Removes days before this one. */
  removeBefore(day: string): Promise<void>;
}

/** All days that are kept. `onDamaged` is called for each file that is left out. */
export async function openScoreBook(
  storage: Storage,
  issued: Pick<IssuedStore, 'find'>,
  onDamaged: (problem: string) => void,
): Promise<ScoreBook> {
  const days = new Map<string, Map<string, ScoreRow>>();
  const changed = new Set<string>();
  for await (const { path } of storage.list(FORECAST_SCORES_FOLDER)) {
    const day = parseScoresPath(path);
    if (day === null) continue;
    try {
      const rows = await readScores(storage, path);
      days.set(day, new Map(rows.map((row) => [forecastKey(row.city_id, row.variable), row])));
    } catch (error) {
      if (!isErrorCode(error, ...DAMAGED)) throw error;
      onDamaged(asIsobarError(error).message);
    }
  }
  return {
    async score(day, of) {
      const sums = await scoreDay(issued, day, of);
      // Days before the first forecast have no file.
      if (sums.every((sum) => sum === 0) && !days.has(day)) return;
      const rows = days.get(day) ?? new Map<string, ScoreRow>();
      days.set(day, rows);
      const row = { ...of, sums };
      const key = forecastKey(of.city_id, of.variable);
      if (JSON.stringify(rows.get(key)) === JSON.stringify(row)) return;
      rows.set(key, row);
      changed.add(day);
    },
    async flush() {
      for (const day of [...changed].sort()) {
        const rows = [...(days.get(day)?.entries() ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
        const body = formatLines(rows.map(([, row]) => row));
        reachFaultPoint('forecast.before-scores');
        await storage.replace(forecastScoresPath(day), sealed(KIND, { day }, body));
        changed.delete(day);
        reachFaultPoint('forecast.between-days');
      }
    },
    find: (day, city, variable) => days.get(day)?.get(forecastKey(city, variable)),
    async removeBefore(day) {
      for (const old of [...days.keys()].filter((one) => one < day)) {
        await storage.delete(forecastScoresPath(old));
        days.delete(old);
        changed.delete(old);
      }
    },
  };
}
