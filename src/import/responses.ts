/** Recorded OpenWeatherMap answers: JSON files, JSON lines, either of them gzip-compressed. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { Units } from '../collector/openweather/measurements.ts';
import type { Recorded, RecordedOptions } from '../collector/openweather/recorded.ts';
import { IsobarError } from '../errors.ts';
import type { CityFinder } from './cities.ts';
import type { ImportedRecord, ImportSource } from './source.ts';

export interface ResponsesOptions {
  readonly finder: CityFinder;
  /** The collector's reader of recorded answers. */
  readonly parse: (body: string, options: RecordedOptions) => Recorded;
  readonly units: Units;
  readonly clock?: () => Date;
}

export const RESPONSES_NAME = 'import:openweathermap';
const INTERVAL_S = 600;
/** One JSON text, pretty-printed or not, of several answers at most. */
const TEXT_BYTES_MAX = 256 * 1024 * 1024;

export async function openResponses(
  paths: readonly string[],
  options: ResponsesOptions,
): Promise<ImportSource> {
  let bytes = 0;
  for (const path of paths) bytes += (await stat(path)).size;
  return {
    recordsAbout: Math.max(paths.length, Math.round(bytes / 600)),
    read: (signal) => readAll(paths, options, signal),
  };
}

async function* readAll(
  paths: readonly string[],
  options: ResponsesOptions,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  const { finder, units, clock = () => new Date() } = options;
  const collectedAt = clock().getTime();
  const parsed: ImportedRecord[] = [];
  for (const path of paths) {
    signal.throwIfAborted();
    for (const body of splitAnswers(await readText(path, signal))) {
      parsed.push(
        options.parse(body, {
          source: RESPONSES_NAME,
          intervalSeconds: INTERVAL_S,
          units,
          collectedAt,
          recognise: (place) => finder.find({ ...place, newId: place.city_id }),
        }),
      );
    }
  }
  yield* parsed.sort((a, b) => compare(timeOf(a), timeOf(b)));
}

function timeOf({ record }: ImportedRecord): string {
  return 'invalid' in record ? '' : record.observed_at;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A JSON object or list is one text; anything else is lines, each on its own. */
export function splitAnswers(text: string): string[] {
  const whole = text.trim();
  if (whole === '') return [];
  try {
    const value: unknown = JSON.parse(whole);
    if (Array.isArray(value)) return value.map((answer) => JSON.stringify(answer));
    return [whole];
  } catch {
    return whole.split('\n').filter((line) => line.trim() !== '');
  }
}

async function readText(path: string, signal: AbortSignal): Promise<string> {
  const file = createReadStream(path, { signal });
  const stream = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => stream.destroy(error));
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).length;
      if (bytes > TEXT_BYTES_MAX) throw new Error('it is longer than 256 MiB; split it');
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new IsobarError('IMPORT_INVALID', `${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return Buffer.concat(chunks).toString('utf8');
}
