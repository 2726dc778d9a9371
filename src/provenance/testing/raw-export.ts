/** What deep verification reads, of made-up observations: their raw export, held in memory. */
import { createHash } from 'node:crypto';
import { readClimate } from '../../analytics/climate.ts';
import { readDataset } from '../../analytics/export.ts';
import type { Publication } from '../../analytics/publication.ts';
import { readEvents, readFlags } from '../../analytics/published-quality.ts';
import { type Made, type Place, timeOf } from '../../analytics/testing/place.ts';
import { IsobarError } from '../../errors.ts';
import { rawHourPath, rawManifestPath } from '../../lake/layout.ts';
import type { Storage } from '../../lake/storage.ts';
import { ALL_ROWS } from '../../model/climate-datasets.ts';
import type { Row } from '../../sql/engine.ts';
import { parquetSql } from '../../sql/text.ts';
import type { DayManifest } from '../../table/export-documents.ts';
import { OBSERVATION_COLUMNS } from '../../table/table.ts';
import type { DeepOptions } from '../recount/deep.ts';
import { tableSumsSql } from '../recount/table-sums.ts';

/** One line of the raw export. */
export function rawLine(made: Made): string {
  const { city, at, interval, temperature, humidity, direction } = made;
  const { speed = null, pressure = null, gust = null, rain = null, snow = null } = made;
  return JSON.stringify({
    ...{ city_id: city, city: city.toUpperCase(), country: 'XX', observed_at: timeOf(at) },
    ...{ interval_s: interval, utc_offset_s: made.offset ?? null },
    ...{ temperature_c: temperature, humidity_pct: humidity, pressure_hpa: pressure },
    ...{ wind_speed_ms: speed, wind_gust_ms: gust, wind_direction_deg: direction },
    ...{ rain_1h_mm: rain, snow_1h_mm: snow },
  });
}

/** The publication is the newest of the place, whose table holds these observations. */
export function deepOptionsOf(
  { storage, session, table }: Place,
  publication: Publication,
  made: readonly Made[],
): DeepOptions {
  const raw = rawExportOf(made);
  return {
    ...raw,
    publication: async () => publication,
    isOutdated: () => false,
    rows: async (_, dataset) =>
      (await readDataset(storage, session, publication, dataset)) as unknown as Row[],
    climateRows: async (_, dataset, range) =>
      (await readClimate(storage, session, publication, dataset, {
        ...ALL_ROWS,
        ...range,
      })) as unknown as Row[],
    failedValues: () =>
      readFlags(storage, session, publication, {
        ...{ cities: [], from: null, to: null, variables: [], tests: [] },
        ...{ verdict: 'fail', after: null, limit: 100_000 },
      }),
    judgedMonths: async () => (publication.events ?? []).map(({ month }) => month),
    events: async (_, month) => {
      const events = await readEvents(storage, session, publication, {
        ...{ cities: [], from: null, to: null, variables: [], classes: [], severities: [] },
        ...{ after: null, limit: 1_000_000 },
      });
      return events.filter(({ began_at }) => began_at.startsWith(month)) as unknown as Row[];
    },
    cursor: async () => ({ table_version: publication.table_version, pending: {} }),
    hoursBetween: async () => [],
    async tableSums() {
      const { files } = await table.refresh();
      const paths = await table.localPaths(files);
      return session.query(tableSumsSql(parquetSql(paths, OBSERVATION_COLUMNS)));
    },
  };
}

function rawExportOf(made: readonly Made[]): Pick<DeepOptions, 'storage' | 'manifest'> {
  const days = new Map<string, DayManifest>();
  const files = new Map<string, Uint8Array>();
  const inOrder = made.toSorted((a, b) => a.at - b.at);
  for (const [hour, rows] of Map.groupBy(inOrder, ({ at }) => timeOf(at).slice(0, 13))) {
    const content = Buffer.from(rows.map((one) => `${rawLine(one)}\n`).join(''));
    const [day = '', clock = ''] = hour.split('T');
    files.set(rawHourPath(new Date(`${hour}:00:00Z`)), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const entry = { revision: 1, rows: rows.length, bytes: content.length, sha256 };
    const { hours = {} } = days.get(day) ?? {};
    days.set(day, { day, hours: { ...hours, [clock]: { ...entry, table_version: 0 } } });
  }
  for (const day of days.keys()) files.set(rawManifestPath(day), Buffer.of());
  return {
    storage: { read: (path) => readFile(files, path), list: () => listFiles(files) },
    manifest: async (day) => days.get(day) ?? { day, hours: {} },
  };
}

async function readFile(files: ReadonlyMap<string, Uint8Array>, path: string): Promise<Uint8Array> {
  const content = files.get(path);
  if (content === undefined) throw new IsobarError('LAKE_MISSING', path);
  return content;
}

async function* listFiles(files: ReadonlyMap<string, Uint8Array>): ReturnType<Storage['list']> {
  for (const [path, { length }] of files) {
    yield { path, bytes: length, modifiedAt: new Date(0) };
  }
}
