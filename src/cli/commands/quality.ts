import { type Command, Option } from 'commander';
import { YEARS_LEAST } from '../../anomalies/climatology.ts';
import { selectFiles } from '../../api/reader.ts';
import { IsobarError } from '../../errors.ts';
import type { City } from '../../model/city.ts';
import { byColumns } from '../../model/order.ts';
import { FLAG_ORDER, type QualityFlag } from '../../model/quality.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import { checkObservations } from '../../quality/check.ts';
import { readStations } from '../../quality/read-stations.ts';
import { formatValue } from '../../quality/reason.ts';
import { OBSERVATION_COLUMNS } from '../../table/table.ts';
import { type Environment, formatTable, openChosenWorkspace, prepare } from '../environment.ts';
import { monthsBetween, parseRange } from '../range.ts';
import { openSeasonTest } from './quality-season.ts';

/** Stations that are named as learning. */
const LEARNING_NAMED_MAX = 5;

interface QualityOptions {
  readonly from?: string;
  readonly to?: string;
  readonly verdict?: QualityFlag['verdict'];
  readonly simulated?: boolean;
}

export function qualityCommand(program: Command, environment: Environment): void {
  program
    .command('quality')
    .description('look for sensors that cannot be right')
    .option('--from <time>', 'first time, ISO 8601; 30 days before the last by default')
    .option('--to <time>', 'time to end before; after the newest observation by default')
    .addOption(
      new Option('--verdict <verdict>', 'only flags of this verdict').choices(['fail', 'suspect']),
    )
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Each value is compared with the values before and after it, with the station's other sensors, with its
neighbours, and with the same season and hour of earlier years. A value fails when it cannot be right, and
is suspect when it is unlikely. It changes nothing. The tests and their limits: docs/quality.md.

The comparison with earlier years (climatology) needs two of them in the table; stations with less are
named as learning.

Examples:
  isobar quality --verdict fail
  isobar quality --from 2022-10-22T00:00:00Z --to 2022-10-24T00:00:00Z --json`,
    )
    .action(async (options: QualityOptions, command: Command) => {
      const prepared = prepare(environment, command);
      await using workspace = await openChosenWorkspace(prepared, options.simulated);
      const report = await checkRange(workspace, options, environment.signal);
      const flags = report.flags.filter(
        ({ verdict }) => options.verdict === undefined || verdict === options.verdict,
      );
      environment.print(
        prepared.json
          ? `${JSON.stringify({ ...report, flags })}\n`
          : formatReport({ ...report, flags }),
      );
    });
}

interface QualityReport {
  readonly observed_from: string;
  readonly observed_to: string;
  readonly stations: number;
  readonly observations: number;
  readonly flags: readonly QualityFlag[];
  /** Stations of whose earlier years too little is known, at the end of the range. */
  readonly learning: readonly { readonly city_id: string; readonly years: number }[];
}

/** Month by month, so that memory stays bounded. */
async function checkRange(
  workspace: Workspace,
  options: QualityOptions,
  signal: AbortSignal,
): Promise<QualityReport> {
  const session = await workspace.session();
  const { files } = await workspace.observations.refresh();
  const paths = await workspace.observations.localPaths(files);
  await session.define('observations', paths, OBSERVATION_COLUMNS);
  const [newest] = await session.query<{ at: string | null }>(
    'SELECT max(observed_at) AS at FROM observations',
  );
  if (newest?.at === null || newest === undefined) {
    throw new IsobarError('USAGE', 'there are no observations yet; import or collect some first');
  }
  const { from, to } = parseRange(options, newest.at);
  const cities: ReadonlyMap<string, City> = await workspace.cities.read();
  const stations = new Set<string>();
  const flags: QualityFlag[] = [];
  const season = await openSeasonTest(workspace, session, files);
  let observations = 0;
  for (const month of monthsBetween(from, to)) {
    const selected = selectFiles(files, { cities: [], ...month });
    const local = await workspace.observations.localPaths(selected);
    await session.define('observations', local, OBSERVATION_COLUMNS);
    const read = await readStations(session, cities, month, signal);
    for (const { city_id, at } of read) {
      stations.add(city_id);
      observations += at.length;
    }
    const checked = await checkObservations(read, signal);
    const unseasonal = await season.judge(read, month, signal);
    const found = [...checked.flags, ...unseasonal].sort(byColumns(FLAG_ORDER));
    for (const flag of found) flags.push(flag);
  }
  const range = { observed_from: from, observed_to: to };
  const learning = Array.from(season.learning, ([city_id, years]) => ({ city_id, years }));
  learning.sort(byColumns(['city_id']));
  return { ...range, stations: stations.size, observations, flags, learning };
}

function formatReport(report: QualityReport): string {
  const { observed_from, observed_to, stations, observations, flags } = report;
  const header = ['city', 'observed', 'variable', 'value', 'expected', 'test', 'verdict'];
  const rows = flags.map((flag) => [
    flag.city_id,
    flag.observed_at,
    flag.variable,
    formatValue(flag, flag.compared ?? flag.value),
    flag.expected === null ? '' : `${formatValue(flag, flag.expected)}${spreadOf(flag)}`,
    flag.test,
    flag.verdict,
  ]);
  const failed = new Set(
    flags
      .filter(({ verdict }) => verdict === 'fail')
      .map(({ city_id, observed_at, variable }) => `${city_id} ${observed_at} ${variable}`),
  );
  const table = flags.length === 0 ? '' : `${formatTable([header, ...rows])}\n`;
  const range = `from ${observed_from} to ${observed_to}`;
  const found = `${failed.size} values failed, ${flags.length} flags`;
  const summary = `${observations} observations of ${stations} stations ${range}: ${found}\n`;
  return table + summary + learningText(report);
}

function learningText({ learning, stations }: QualityReport): string {
  if (learning.length === 0) return '';
  const named = learning.slice(0, LEARNING_NAMED_MAX);
  const years = named.map(({ city_id, years }) => `${city_id} ${years}`).join(', ');
  const more = learning.length - named.length;
  return (
    `climatology is learning at ${learning.length} of ${stations} stations: it needs values of this ` +
    `season and hour from ${YEARS_LEAST} earlier years (${years}${more > 0 ? `, ${more} more` : ''})\n`
  );
}

function spreadOf(flag: QualityFlag): string {
  return flag.spread === null ? '' : ` ± ${formatValue(flag, flag.spread)}`;
}
