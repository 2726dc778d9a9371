/** Where things lie in the lake. Everything that names a path of the lake asks here. */

export const ROOT = 'weather_data';
export const TABLES = [
  'observations',
  'rejected',
  'cities',
  'imports',
  'incidents',
  'collecting',
] as const;
export type TableName = (typeof TABLES)[number];

/** `weather_data/table/observations` */
export function tableFolder(table: TableName): string {
  return `${ROOT}/table/${table}`;
}

/** `00000000000000000012` */
export function formatVersion(version: number): string {
  return String(version).padStart(20, '0');
}

/** The hour's file of the raw export: `weather_data/raw/year=2024/month=10/day=31/weather_1400.jsonl` */
export function rawHourPath(hour: Date): string {
  const [day = '', clock = ''] = hour.toISOString().split('T');
  const [year, month, date] = day.split('-');
  return `${ROOT}/raw/year=${year}/month=${month}/day=${date}/weather_${clock.slice(0, 2)}00.jsonl`;
}

/** The day's manifest of the raw export: `weather_data/raw/_manifest/2024-10-31.json` */
export function rawManifestPath(day: string): string {
  return `${ROOT}/raw/_manifest/${day}.json`;
}

/** Hours that are being exported: see export-notes.ts. */
export const RAW_NOTES_FOLDER = `${ROOT}/raw/_manifest/_writing`;

export const RAW_CURSOR_PATH = `${ROOT}/raw/_manifest/_cursor.json`;

export const ANALYTICS_FOLDER = `${ROOT}/analytics`;

/** `weather_data/analytics/_versions/00000000000000000007.json` */
export function publicationPath(version: number): string {
  return `${ANALYTICS_FOLDER}/_versions/${formatVersion(version)}.json`;
}

export const FORECASTS_FOLDER = `${ROOT}/forecasts`;

/** `weather_data/forecasts/issued/day=2024-10-31/` */
export function issuedFolder(day: string): string {
  return `${FORECASTS_FOLDER}/issued/day=${day}`;
}

/** `weather_data/forecasts/issued/day=2024-10-31/hour=14.0.jsonl`; parts of an hour count up from 0. */
export function issuedPath(day: string, hour: number, part: number): string {
  return `${issuedFolder(day)}/hour=${String(hour).padStart(2, '0')}.${part}.jsonl`;
}

export const FORECAST_SCORES_FOLDER = `${FORECASTS_FOLDER}/scores`;

/** `weather_data/forecasts/scores/day=2024-10-31.jsonl` */
export function forecastScoresPath(day: string): string {
  return `${FORECAST_SCORES_FOLDER}/day=${day}.jsonl`;
}

/** The newest forecast of each city, for readers. */
export const FORECASTS_PATH = `${FORECASTS_FOLDER}/latest.jsonl`;

/** What the stream remembers, a folder for each log. */
export const STREAM_FOLDER = `${ROOT}/_stream`;

/** Who does what: see leases.ts. */
export const LEASES_FOLDER = `${ROOT}/_leases`;

/** `weather_data/_leases/partition/2.00000000000000000007.json` */
export function leasePath(role: string, number: number, generation: number): string {
  return `${LEASES_FOLDER}/${role}/${number}.${formatVersion(generation)}.json`;
}
