import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Units } from '../../collector/openweather/measurements.ts';
import { parseRecorded } from '../../collector/openweather/recorded.ts';
import { openCityFinder } from '../../import/cities.ts';
import { openInputs } from '../../import/inputs.ts';
import { type Outcome, readOutcome } from '../../import/outcome.ts';
import { runImport } from '../../import/run.ts';
import type { ImportSource } from '../../import/source.ts';
import { openMaintenance } from '../../maintenance.ts';
import { DEFAULT_CITIES } from '../../model/city.ts';
import { openWorkspace, type Workspace } from '../../workspace.ts';
import { type Environment, prepare } from '../environment.ts';
import { openProgress } from '../progress.ts';

interface ImportCommandOptions {
  readonly mapping?: string;
  readonly units: Units;
}

export function importCommand(program: Command, environment: Environment): void {
  program
    .command('import')
    .description('bring in history; the same files twice land nothing, a killed import goes on')
    .argument('<path...>', 'files or folders')
    .option('--mapping <file>', 'how to read a CSV or Parquet: see docs/import.md')
    .addOption(
      new Option('--units <units>', 'of recorded OpenWeatherMap answers')
        .choices(['metric', 'standard', 'imperial'])
        .default('metric'),
    )
    .addHelpText(
      'after',
      `
Reads recorded OpenWeatherMap answers (JSON, JSON lines, gzip), the folder of the Kaggle set
"Historical Hourly Weather", and any CSV or Parquet with a mapping.

Examples:
  isobar import ./recordings
  isobar import ./historical-hourly-weather
  isobar import station.csv --mapping station.yaml`,
    )
    .action(async (paths: string[], options: ImportCommandOptions, command: Command) => {
      const { config, json } = prepare(environment, command);
      await using workspace = await openWorkspace(config, false);
      const known = new Map(DEFAULT_CITIES.map((city) => [city.city_id, city]));
      for (const [id, city] of await workspace.cities.read()) known.set(id, city);
      const source = await openInputs(paths, {
        ...options,
        finder: openCityFinder(known.values()),
        parse: parseRecorded,
        session: () => workspace.session(),
        scratch: workspace.scratch,
        tell: environment.tell,
      });
      const { read, wasDone, outcome } = await importInto(workspace, source, environment);
      environment.print(
        json
          ? `${JSON.stringify({ read, imported_before: wasDone, ...outcome })}\n`
          : formatOutcome(read, wasDone, outcome),
      );
    });
}

async function importInto(workspace: Workspace, source: ImportSource, environment: Environment) {
  const log = await workspace.log();
  const lander = await workspace.lander();
  const { signal } = environment;
  const { observations, setAside } = workspace;
  const before = (await observations.refresh(signal)).version;
  const progress = openProgress('records', environment.tell);
  const { read, wasDone, ranges } = await runImport({
    source,
    log,
    folder: join(workspace.folder, 'import'),
    rememberCities: (cities) => workspace.cities.remember(cities),
    async land() {
      for (let partition = 0; partition < log.partitionCount; partition++) {
        while ((await lander.land(partition, signal)) !== null) {}
      }
    },
    signal,
    onProgress: progress.update,
  });
  progress.end();
  const snapshot = await observations.refresh();
  await setAside.refresh();
  const session = await workspace.session();
  const outcome = await readOutcome({ session, logId: log.id, observations, setAside }, ranges);
  // A history comes in by partition, so every month has got a few files: whoever reads it next
  // shall not open them all.
  const changes = await observations.changes(before, snapshot);
  const maintenance = await openMaintenance(workspace);
  await maintenance.compact(signal, changes?.months);
  const refresher = await workspace.refresher();
  await refresher.refresh(signal);
  return { read, wasDone, outcome };
}

function formatOutcome(read: number, wasDone: boolean, outcome: Outcome): string {
  const { landed, duplicate, superseded, invalid, reasons } = outcome;
  const lines = [
    ['read', read],
    ['landed', landed],
    ['duplicate', duplicate],
    ['superseded', superseded],
    ['invalid', invalid],
  ].map(([label, count]) => `${String(label).padEnd(11)}${String(count).padStart(12)}`);
  for (const { reason, records } of reasons)
    lines.push(`${String(records).padStart(23)}  ${reason}`);
  if (wasDone) lines.push('these files were imported before; nothing was done');
  return `${lines.join('\n')}\n`;
}
