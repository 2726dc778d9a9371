/** Made-up observations for the benches, and a workspace to put them in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import type { NewRecord } from '../src/log/log.ts';
import { formatRecord, type Observation } from '../src/model/observation.ts';
import { openWorkspace, type Workspace } from '../src/pipeline/workspace.ts';

export interface BenchWorkspace extends AsyncDisposable {
  readonly workspace: Workspace;
  readonly folder: string;
}

export async function openBenchWorkspace(
  flags: Readonly<Record<string, string>> = {},
): Promise<BenchWorkspace> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-'));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder, ...flags } });
  const workspace = await openWorkspace(config, false);
  return {
    workspace,
    folder,
    async [Symbol.asyncDispose]() {
      await workspace[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An hour of weather: `city` of many, `hour` hours after the start of 2013. */
export function observationOf(city: number, hour: number): Observation {
  const at = new Date(Date.UTC(2013, 0, 1) + hour * 3_600_000).toISOString().replace('.000Z', 'Z');
  const swing =
    Math.sin((hour / 24) * 2 * Math.PI) * 6 + Math.sin((hour / 8_766) * 2 * Math.PI) * 9;
  const temperature = Math.round((12 + swing + ((city * 7 + hour * 13) % 40) / 10) * 100) / 100;
  const response =
    `{"coord":{"lon":${city % 180},"lat":${city % 90}},"weather":[{"id":803,"main":"Clouds",` +
    `"description":"broken clouds","icon":"04d"}],"base":"stations","main":{"temp":${temperature},` +
    `"feels_like":${temperature},"pressure":1013,"humidity":${40 + (hour % 50)}},"visibility":10000,` +
    `"wind":{"speed":3.6,"deg":${hour % 360}},"clouds":{"all":75},"id":${city},"cod":200}`;
  return {
    city_id: `city-${city}`,
    city: `City ${city}`,
    country: 'US',
    observed_at: at,
    collected_at: at,
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: -18_000,
    provider_city_id: city,
    temperature_c: temperature,
    feels_like_c: temperature,
    humidity_pct: 40 + (hour % 50),
    pressure_hpa: 1_013,
    wind_speed_ms: 3.6,
    wind_direction_deg: hour % 360,
    cloud_cover_pct: 75,
    visibility_m: 10_000,
    condition_id: 803,
    condition: 'broken clouds',
    response,
  };
}

export async function appendHours(
  workspace: Workspace,
  cities: number,
  hours: readonly number[],
): Promise<number> {
  const log = await workspace.log();
  let batch: NewRecord[] = [];
  for (const hour of hours) {
    for (let city = 0; city < cities; city++) {
      const observation = observationOf(city, hour);
      batch.push({ key: observation.city_id, value: formatRecord(observation) });
      if (batch.length < 2_000) continue;
      await log.append(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await log.append(batch);
  return cities * hours.length;
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
