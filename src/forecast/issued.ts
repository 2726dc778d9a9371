/**
 * Forecasts that were issued: files that never change, some for each hour. A city has at most one
 * forecast of a variable an hour, whoever issues it, however often: what is there is not written again.
 */
import { Type } from 'typebox';
import { asIsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { issuedFolder, issuedPath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import {
  FORECAST_VARIABLES,
  forecastKey,
  HORIZONS,
  MODELS,
  SCORED_HORIZONS,
} from '../model/forecast.ts';
import { type Issued, scoredPart } from './city-forecaster.ts';
import { DAY_HOURS, dayOf, firstHourOf, formatHour } from './hour.ts';
import { corrupt, DAMAGED, formatLines, parseLines, sealed, unsealed } from './sealed.ts';

export type IssuedRow = Issued & { readonly city_id: string };

const numbers = Type.Array(Type.Number(), { minItems: HORIZONS, maxItems: HORIZONS });
const numbersOrNone = Type.Union([numbers, Type.Array(Type.Number(), { maxItems: 0 })]);
const IssuedRowSchema = Type.Object(
  {
    city_id: Type.String({ minLength: 1, maxLength: 64 }),
    variable: Type.Enum([...FORECAST_VARIABLES]),
    learned_days: Type.Integer({ minimum: 0 }),
    median: numbers,
    low: numbersOrNone,
    high: numbersOrNone,
    model: Type.Array(Type.Enum([...MODELS]), { minItems: HORIZONS, maxItems: HORIZONS }),
    said: Type.Array(
      Type.Array(Type.Union([Type.Number(), Type.Null()]), {
        minItems: SCORED_HORIZONS.length,
        maxItems: SCORED_HORIZONS.length,
      }),
      { minItems: MODELS.length, maxItems: MODELS.length },
    ),
  },
  { additionalProperties: false },
);

const KIND = 'forecasts';
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const PARTS_MAX = 1_000;
const PATH = /day=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\.(\d{1,3})\.jsonl$/;
/** Days whose forecasts are kept in memory. */
const DAYS_KEPT = 12;

/** The hour and the part of a file; null for one that is not ours. */
export function parseIssuedPath(path: string): { hour: number; part: number } | null {
  const [, day, hour, part] = PATH.exec(path) ?? [];
  if (day === undefined) return null;
  const parsed = { hour: firstHourOf(day) + Number(hour), part: Number(part) };
  return Number.isNaN(parsed.hour) || Number(hour) >= DAY_HOURS ? null : parsed;
}

/** The file's rows. Rejects with TABLE_CORRUPT, and as the storage does. */
export async function readIssued(
  storage: Pick<Storage, 'read'>,
  path: string,
): Promise<readonly IssuedRow[]> {
  const { header, body } = unsealed(
    KIND,
    path,
    await storage.read(path, undefined, FILE_BYTES_MAX),
  );
  const place = parseIssuedPath(path);
  if (place === null || header.issued_at !== formatHour(place.hour)) {
    throw corrupt(path, `it says that it was issued at ${String(header.issued_at)}`);
  }
  return parseLines(IssuedRowSchema, path, body);
}

interface Day {
  /** `hour city variable` → what is scored. */
  readonly parts: Map<string, Float64Array>;
  /** hour → number of the next part. */
  readonly next: Map<number, number>;
}

export interface IssuedStore {
  /** What is scored of the city's forecast of that hour; undefined for none. */
  find(hour: number, city: string, variable: string): Promise<Float64Array | undefined>;
  /** Keeps these forecasts of an hour, but those that are there. Rejects as the storage does. */
  put(hour: number, rows: readonly IssuedRow[]): Promise<void>;
}

/** `onDamaged` is called for each file that is left out. */
export function openIssued(storage: Storage, onDamaged: (problem: string) => void): IssuedStore {
  const days = new Map<string, Day>();

  async function dayAt(hour: number): Promise<Day> {
    const name = dayOf(hour);
    const known = days.get(name);
    if (known !== undefined) return known;
    const day: Day = { parts: new Map(), next: new Map() };
    for await (const { path } of storage.list(issuedFolder(name))) {
      const place = parseIssuedPath(path);
      if (place === null) continue;
      day.next.set(place.hour, Math.max(day.next.get(place.hour) ?? 0, place.part + 1));
      try {
        // The first that was kept counts.
        for (const row of await readIssued(storage, path)) add(day, place.hour, row);
      } catch (error) {
        if (!isErrorCode(error, ...DAMAGED)) throw error;
        onDamaged(asIsobarError(error).message);
      }
    }
    days.set(name, day);
    for (const oldest of [...days.keys()].sort()) {
      if (days.size <= DAYS_KEPT) break;
      if (oldest !== name) days.delete(oldest);
    }
    return day;
  }

  return {
    async find(hour, city, variable) {
      return (await dayAt(hour)).parts.get(keyOf(hour, city, variable));
    },
    async put(hour, rows) {
      for (let attempt = 0; attempt < PARTS_MAX; attempt += 1) {
        const day = await dayAt(hour);
        const fresh = rows.filter(
          ({ city_id, variable }) => !day.parts.has(keyOf(hour, city_id, variable)),
        );
        if (fresh.length === 0) return;
        const part = day.next.get(hour) ?? 0;
        const path = issuedPath(dayOf(hour), ((hour % DAY_HOURS) + DAY_HOURS) % DAY_HOURS, part);
        reachFaultPoint('forecast.before-issue');
        try {
          const header = { issued_at: formatHour(hour) };
          await storage.putIfAbsent(path, sealed(KIND, header, formatLines(fresh)));
        } catch (error) {
          // Whatever it was, it is looked at again.
          days.delete(dayOf(hour));
          if (!isErrorCode(error, 'LAKE_EXISTS')) throw error;
          continue;
        }
        reachFaultPoint('forecast.after-issue');
        for (const row of fresh) add(day, hour, row);
        day.next.set(hour, part + 1);
        return;
      }
    },
  };
}

function add(day: Day, hour: number, row: IssuedRow): void {
  const key = keyOf(hour, row.city_id, row.variable);
  if (!day.parts.has(key)) day.parts.set(key, scoredPart(row));
}

function keyOf(hour: number, city: string, variable: string): string {
  return `${hour} ${forecastKey(city, variable)}`;
}
