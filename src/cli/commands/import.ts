import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Units } from '../../collector/openweather/measurements.ts';
import { parseRecorded } from '../../collector/openweather/recorded.ts';
import { IsobarError } from '../../errors.ts';
import { openCityFinder } from '../../import/cities.ts';
import { isKaggleFolder, openKaggleFolder } from '../../import/kaggle.ts';
import { openMapped } from '../../import/mapped.ts';
import { loadMapping } from '../../import/mapping.ts';
import { type Outcome, readOutcome } from '../../import/outcome.ts';
import { openResponses } from '../../import/responses.ts';
import { runImport } from '../../import/run.ts';
import type { ImportSource } from '../../import/source.ts';
import { openMaintenance } from '../../maintenance.ts';
import { DEFAULT_CITIES } from '../../model/city.ts';
import { oneLine } from '../../printable.ts';
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
      const source = await openSource(paths, options, workspace, [...known.values()]);
      const { read, wasDone, outcome } = await importInto(workspace, source, environment);
      environment.print(
        json
          ? `${JSON.stringify({ read, imported_before: wasDone, ...outcome })}\n`
          : formatOutcome(read, wasDone, outcome),
      );
    });
}

async function openSource(
  paths: readonly string[],
  options: ImportCommandOptions,
  workspace: Workspace,
  known: Parameters<typeof openCityFinder>[0],
): Promise<ImportSource> {
  const finder = openCityFinder(known);
  if (options.mapping !== undefined) {
    const mapping = loadMapping(options.mapping);
    const session = await workspace.session();
    return openMapped(await listFiles(paths), { mapping, session, finder });
  }
  const [folder] = paths;
  if (paths.length === 1 && folder !== undefined && isKaggleFolder(folder)) {
    return openKaggleFolder(folder, finder);
  }
  const files = (await listFiles(paths)).filter((file) =>
    /\.(json|jsonl|ndjson)(\.gz)?$/i.test(file),
  );
  if (files.length === 0) {
    throw new IsobarError(
      'IMPORT_INVALID',
      `${paths.join(', ')}: no JSON there; a table needs --mapping`,
    );
  }
  return openResponses(files, { finder, parse: parseRecorded, units: options.units });
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

/** The files themselves, and those directly in the folders, by name. */
async function listFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    let entry: Awaited<ReturnType<typeof stat>>;
    try {
      entry = await stat(path);
    } catch (error) {
      throw new IsobarError('IMPORT_INVALID', `${path}: ${(error as Error).message}`);
    }
    if (!entry.isDirectory()) {
      files.push(path);
      continue;
    }
    for (const name of (await readdir(path)).sort()) {
      if ((await stat(join(path, name))).isFile()) files.push(join(path, name));
    }
  }
  return files;
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
    lines.push(`${String(records).padStart(23)}  ${oneLine(reason)}`);
  if (wasDone) lines.push('these files were imported before; nothing was done');
  return `${lines.join('\n')}\n`;
}
