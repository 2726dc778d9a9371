/** Stations out of files of METARs, without a lake. */
import { tmpdir } from 'node:os';
import { parseRecorded } from '../../collector/openweather/recorded.ts';
import { openCityFinder } from '../../import/cities.ts';
import { planImport } from '../../import/plan.ts';
import type { City } from '../../model/city.ts';
import { isInvalidRecord, type Observation } from '../../model/observation.ts';
import type { Station } from '../check.ts';
import { QUALITY_COLUMNS } from '../read-stations.ts';

const signal = new AbortController().signal;

/** The stations of files of METARs. */
export async function stationsIn(paths: readonly string[]): Promise<Station[]> {
  const plan = await planImport(paths, {
    ...{ finder: openCityFinder([]), parse: parseRecorded, units: undefined, signal },
    ...{ scratch: tmpdir(), report: () => {} },
    session: () => Promise.reject(new Error('unused')),
  });
  const source = await plan.open(plan.files);
  const found = new Map<City, Map<string, Observation>>();
  for await (const { record, city } of source.read(signal)) {
    if (isInvalidRecord(record) || city === null) continue;
    const observations = found.get(city) ?? new Map<string, Observation>();
    found.set(city, observations.set(record.observed_at, record));
  }
  return [...found].map(([{ city_id, latitude, longitude, elevation_m = null }, observations]) => {
    const rows = [...observations.values()].sort(
      (a, b) => Date.parse(a.observed_at) - Date.parse(b.observed_at),
    );
    const arrays = QUALITY_COLUMNS.map((name) => [
      name,
      Float64Array.from(rows, (row) => row[name] ?? Number.NaN),
    ]);
    return {
      ...{ city_id, latitude, longitude, elevation: elevation_m },
      at: Float64Array.from(rows, (row) => Date.parse(row.observed_at)),
      values: Object.fromEntries(arrays),
    };
  });
}
