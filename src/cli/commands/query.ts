import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { climateViews } from '../../analytics/climate.ts';
import {
  ANOMALY_COLUMNS,
  CITY_STATISTICS_COLUMNS,
  HOURLY_TRENDS_COLUMNS,
} from '../../analytics/columns.ts';
import { readPublication } from '../../analytics/publication.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import { openReadOnlySession } from '../../sql/read-only.ts';
import {
  CITY_COLUMNS,
  COLLECTING_COLUMNS,
  IMPORT_COLUMNS,
  INCIDENT_COLUMNS,
  OBSERVATION_COLUMNS,
  REJECTED_COLUMNS,
} from '../../table/table.ts';
import { type Environment, openChosenWorkspace, prepare, warnOfRefusals } from '../environment.ts';
import { formatRows, type RowFormat } from '../row-output.ts';

interface QueryOptions {
  readonly format?: RowFormat;
  readonly simulated?: boolean;
}

export function queryCommand(program: Command, environment: Environment): void {
  program
    .command('query')
    .description('run one SELECT over one version of the data; it cannot write')
    .argument('<sql>', 'the statement; - reads it from stdin')
    .addOption(
      new Option('--format <format>', 'format of the rows').choices(['table', 'csv', 'json']),
    )
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Tables: observations, rejected, cities, imports, incidents, collecting, city_statistics,
hourly_trends, anomalies, daily_summaries, monthly_summaries, climate_normals, records. The SQL
is DuckDB's; times are UTC.

Examples:
  isobar query "SELECT reason, count(*) FROM rejected GROUP BY ALL"
  isobar query --format csv "FROM observations WHERE city_id = 'london' LIMIT 100" > london.csv`,
    )
    .action(async (sql: string, options: QueryOptions, command: Command) => {
      const prepared = prepare(environment, command);
      const statement = sql === '-' ? readFileSync(0, 'utf8') : sql;
      await using workspace = await openChosenWorkspace(prepared, options.simulated);
      await using session = await openReadOnlySession({
        memoryMib: prepared.config.analytics.memory_mib,
        threads: prepared.config.analytics.threads,
        tempFolder: workspace.scratch,
        ...(await viewsOf(workspace)),
      });
      warnOfRefusals(workspace, prepared);
      const format = options.format ?? (prepared.json ? 'json' : 'table');
      const rows = session.stream(statement, environment.signal);
      await environment.printAll(formatRows(rows, format), format === 'csv' ? 'rows' : 'text');
    });
}

/** Every view from one version of each table and of the analytics. */
async function viewsOf(workspace: Workspace) {
  const { storage, tables } = workspace;
  const publication = await readPublication(storage);
  const published = async (name: 'city_statistics' | 'hourly_trends' | 'anomalies') =>
    publication === null ? [] : [await storage.localPath(publication.datasets[name].path)];
  const [observations, rejected, cities, imports, incidents, collecting] = tables;
  const pathsOf = async (table: (typeof tables)[number] | undefined) =>
    table === undefined ? [] : table.localPaths((await table.refresh()).files);
  const climate = await climateViews(storage, publication);
  const views = {
    ...climate.files,
    observations: { paths: await pathsOf(observations), columns: OBSERVATION_COLUMNS },
    rejected: { paths: await pathsOf(rejected), columns: REJECTED_COLUMNS },
    cities: { paths: await pathsOf(cities), columns: CITY_COLUMNS },
    imports: { paths: await pathsOf(imports), columns: IMPORT_COLUMNS },
    incidents: { paths: await pathsOf(incidents), columns: INCIDENT_COLUMNS },
    collecting: { paths: await pathsOf(collecting), columns: COLLECTING_COLUMNS },
    city_statistics: {
      paths: await published('city_statistics'),
      columns: CITY_STATISTICS_COLUMNS,
    },
    hourly_trends: { paths: await published('hourly_trends'), columns: HOURLY_TRENDS_COLUMNS },
    anomalies: { paths: await published('anomalies'), columns: ANOMALY_COLUMNS },
  };
  return { views, derived: climate.datasets };
}
