/** The five years of 36 cities: import, and the same numbers as an independent read of the CSVs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDataset } from '../src/analytics/export.ts';
import { openCityFinder } from '../src/import/cities.ts';
import { openKaggleFolder } from '../src/import/kaggle.ts';
import { runImport } from '../src/import/run.ts';
import { silentLogger } from '../src/logger.ts';
import { fileLiteral } from '../src/sql/text.ts';
import { perSecond } from './figures.ts';
import type { Measured } from './main.ts';
import { openBenchWorkspace } from './observations.ts';

/** Real history, beside the project. */
export const HISTORY_FOLDER = join(
  import.meta.dirname,
  '../../shared/data/historical-hourly-weather',
);

export async function benchHistory(): Promise<Measured[]> {
  if (!existsSync(HISTORY_FOLDER)) {
    process.stderr.write('the history is not beside the project: left out\n');
    return [];
  }
  await using bench = await openBenchWorkspace();
  const { workspace } = bench;
  const log = await workspace.log();
  const sink = await workspace.sink();
  const signal = new AbortController().signal;
  const startedAt = performance.now();
  const wanted = { source: 'import:historical-hourly-weather', inputs: [], options: '{}' };
  const read = await runImport({
    entry: await workspace.imports.begin(wanted),
    source: await openKaggleFolder(HISTORY_FOLDER, openCityFinder([])),
    assertAlone: () => {},
    log,
    folder: join(bench.folder, 'import'),
    rememberCities: (cities) => workspace.cities.remember(cities),
    async land() {
      for (let partition = 0; partition < log.partitionCount; partition++) {
        while ((await sink.land(partition)) !== null) {}
      }
    },
    signal,
  });
  const took = performance.now() - startedAt;
  const session = await workspace.session();
  const publication = await (await workspace.refresher(silentLogger)).refresh();
  if (publication === null) throw new Error('nothing was published');
  const rows = await readDataset(workspace.storage, session, publication, 'city_statistics');
  const worst = await compareWithCsv(rows, workspace);
  return [
    {
      name: 'import of five years of 36 cities',
      figure: `${(took / 1_000).toFixed(0)} s, ${perSecond(read, took)}`,
      bar: 'none',
      compared: `${read.toLocaleString('en')} observations read, through the log, landed`,
      reached: true,
    },
    {
      name: 'city statistics of the five years',
      figure: `largest relative difference ${worst.toExponential(1)}`,
      bar: '≤ 1e-9',
      compared: 'one DuckDB query over the published CSVs',
      reached: worst <= 1e-9,
    },
  ];
}

/** The largest relative difference of any number from the independent query's. */
async function compareWithCsv(
  rows: readonly object[],
  workspace: Awaited<ReturnType<typeof openBenchWorkspace>>['workspace'],
): Promise<number> {
  const session = await workspace.session();
  const wide = (file: string, value: string) => `
    SELECT datetime, name AS city, ${value} AS value FROM (
      UNPIVOT (SELECT * FROM read_csv(${fileLiteral(join(HISTORY_FOLDER, file))}, all_varchar = true))
      ON COLUMNS(* EXCLUDE datetime) INTO NAME name VALUE cell)`;
  const expected = await session.query<Record<string, number | string>>(`
    WITH t AS (${wide('temperature.csv.gz', 'CAST(cell AS DOUBLE) - 273.15')}),
      h AS (${wide('humidity.csv.gz', 'CAST(cell AS DOUBLE)')})
    SELECT city, avg(t.value) AS temperature_c_mean, min(t.value) AS temperature_c_min,
      max(t.value) AS temperature_c_max, stddev_samp(t.value) AS temperature_c_stddev,
      (SELECT avg(h.value) FROM h WHERE h.city = t.city) AS humidity_pct_mean
    FROM t GROUP BY city`);
  let worst = expected.length === rows.length ? 0 : Number.POSITIVE_INFINITY;
  const byCity = new Map(rows.map((row) => [(row as { city: string }).city, row]));
  for (const { city, ...numbers } of expected) {
    const row = byCity.get(String(city)) as Record<string, number> | undefined;
    for (const [name, value] of Object.entries(numbers)) {
      const difference = Math.abs((row?.[name] ?? Number.NaN) - Number(value));
      const relative = difference / Math.abs(Number(value));
      if (!(relative <= worst)) worst = relative;
    }
  }
  return worst;
}
