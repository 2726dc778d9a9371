/** The newest forecast of each city in one file, which is replaced whenever there is a newer one. */
import { FORECASTS_PATH } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { type CityForecast, CityForecastSchema, forecastKey } from '../model/forecast.ts';
import { formatLines, parseLines, sealed, unsealed } from './sealed.ts';

const KIND = 'latest-forecasts';
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export async function writeLatest(
  storage: Pick<Storage, 'replace'>,
  forecasts: readonly CityForecast[],
): Promise<void> {
  await storage.replace(FORECASTS_PATH, sealed(KIND, {}, formatLines(forecasts)));
}

/** Rejects with TABLE_CORRUPT, LAKE_MISSING, and as the storage does. */
export async function readLatest(storage: Pick<Storage, 'read'>): Promise<readonly CityForecast[]> {
  const bytes = await storage.read(FORECASTS_PATH, undefined, FILE_BYTES_MAX);
  const { body } = unsealed(KIND, FORECASTS_PATH, bytes);
  return parseLines(CityForecastSchema, FORECASTS_PATH, body);
}

export interface LatestForecasts {
  /** Another text for another content. */
  readonly version: string;
  /** `forecastKey` → its forecast. */
  readonly forecasts: ReadonlyMap<string, CityForecast>;
}

const NOTHING: LatestForecasts = { version: '', forecasts: new Map() };

/** For readers: looks at the file at most every `lookMs`. */
export function openLatest(
  storage: Pick<Storage, 'read' | 'stat'>,
  lookMs: number,
  monotonic: () => number = () => performance.now(),
): { latest(): Promise<LatestForecasts> } {
  let known = NOTHING;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    const file = await storage.stat(FORECASTS_PATH);
    const version = file === null ? '' : `${file.modifiedAt.getTime()} ${file.bytes}`;
    if (version !== known.version) {
      const rows = file === null ? [] : await readLatest(storage);
      const forecasts = new Map(
        rows.map((row) => [forecastKey(row.city_id, row.variable), row] as const),
      );
      known = { version, forecasts };
    }
    lookedAt = monotonic();
  }

  return {
    async latest() {
      if (monotonic() - lookedAt >= lookMs) {
        looking ??= look().finally(() => {
          looking = null;
        });
        await looking;
      }
      return known;
    },
  };
}
