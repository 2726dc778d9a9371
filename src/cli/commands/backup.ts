import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { IsobarError } from '../../errors.ts';
import { lockFolder } from '../../lake/folder-lock.ts';
import { openStorage } from '../../lake/open.ts';
import type { Storage } from '../../lake/storage.ts';
import { openTables, openWorkspace, rootOf, type Workspace } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { makeBackup, readBackup, restoreBackup, versionsOf } from '../../table/backup.ts';
import { verifyLake } from '../../table/verify.ts';
import { type Environment, openChosenWorkspace, type Prepared, prepare } from '../environment.ts';
import { openProgress } from '../progress.ts';
import { verifyWorkspace } from './verify.ts';

const PLACE_HELP = `
The place is a folder on this machine, or a file of settings (*.yaml) whose section \`lake\` names
another one, such as lake.engine: hdfs with its own lake.hdfs.folder.`;

export function backupCommands(program: Command, environment: Environment): void {
  program
    .command('backup <place>')
    .description('copy one version of the tables to another place, verified')
    .option('--table-version <n>', 'this version of the observations, not the newest', parseVersion)
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `${PLACE_HELP}
Where an older backup is, only what is new is copied. A backup consists of Delta tables.

Example:
  isobar backup /mnt/backup/isobar`,
    )
    .action(
      async (
        place: string,
        options: { tableVersion?: number; simulated?: boolean },
        command: Command,
      ) => {
        const prepared = prepare(environment, command);
        await using workspace = await openChosenWorkspace(prepared, options.simulated);
        await using to = await openPlace(environment, place, workspace.folder);
        assertApart(workspace.storage, to);
        await backUp(environment, prepared, workspace, to, options.tableVersion);
      },
    );
  program
    .command('restore <place>')
    .description('bring a backup into a lake that has no table, verified')
    .addHelpText(
      'after',
      `${PLACE_HELP}\n\nExample:\n  isobar restore /mnt/backup/isobar --data ./new`,
    )
    .action(async (place: string, _options, command: Command) => {
      const prepared = prepare(environment, command);
      await bringBack(environment, prepared, place);
    });
}

async function backUp(
  environment: Environment,
  prepared: Prepared,
  workspace: Workspace,
  to: Storage,
  version: number | undefined,
): Promise<void> {
  const { storage, scratch, simulated, config } = workspace;
  const session = await workspace.session();
  const progress = openProgress('files', environment.report);
  const done = await makeBackup({
    tables: workspace.tables,
    from: storage,
    to,
    session,
    scratch,
    simulated,
    version,
    onProgress: progress.update,
    signal: environment.signal,
  });
  progress.end();
  const tables = openTables(config, { storage: to, session, scratch, simulated });
  const { observations, rejected, cities } = tables;
  const all = [observations, rejected, cities];
  const report = await verifyLake({
    tables: all,
    observations,
    rejected,
    storage: to,
    session,
    scratch,
  });
  printDone(environment, prepared, to.location, done, report.differences);
}

async function bringBack(
  environment: Environment,
  prepared: Prepared,
  place: string,
): Promise<void> {
  await using from = await openPlace(environment, place, resolve(prepared.config.data));
  const { simulated } = await readBackup(from);
  const folder = rootOf(prepared.config, simulated);
  await using _lock = await lockFolder(folder, 'isobar restore');
  await using workspace = await openWorkspace(prepared.config, simulated);
  assertApart(workspace.storage, from);
  const progress = openProgress('files', environment.report);
  const done = await restoreBackup({
    tables: workspace.tables,
    from,
    to: workspace.storage,
    onProgress: progress.update,
    signal: environment.signal,
  });
  progress.end();
  const report = await verifyWorkspace(workspace);
  printDone(environment, prepared, workspace.storage.location, done, report.differences);
  if (!prepared.json) environment.print('`isobar analyze --once` makes the datasets\n');
}

function printDone(
  environment: Environment,
  prepared: Prepared,
  place: string,
  done: Awaited<ReturnType<typeof makeBackup>>,
  differences: readonly string[],
): void {
  const { files, bytes, present } = done;
  const versions = versionsOf(done.backup);
  if (prepared.json) {
    const result = { place, versions, files, bytes, present, differences };
    environment.print(`${JSON.stringify(result)}\n`);
  } else {
    const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    environment.print(`versions: ${names.join(', ')}\n`);
    environment.print(`files: ${files}, of which ${present} were there; ${bytes} bytes\n`);
    for (const difference of differences) environment.print(`DIFFERENCE  ${oneLine(difference)}\n`);
    if (differences.length === 0) environment.print(`everything adds up in ${place}\n`);
  }
  if (differences.length > 0) {
    throw new IsobarError('VERIFY_FAILED', `${place}: ${differences.length} differences`);
  }
}

/** A folder, or the lake that a file of settings names; a cache for it lies in `folder`. */
async function openPlace(
  environment: Environment,
  place: string,
  folder: string,
): Promise<Storage> {
  if (!/\.ya?ml$/.test(place)) {
    const { openLocalStorage } = await import('../../lake/local.ts');
    return openLocalStorage(resolve(place));
  }
  if (!existsSync(place)) throw new IsobarError('USAGE', `${place}: no such file`);
  const { config, secrets } = loadConfig({ file: place, env: {}, flags: {} });
  environment.keepSecret(secrets);
  const lake = config.lake.engine === 'local' ? resolve(config.data) : join(folder, 'backup');
  return openStorage(config.lake, join(lake, 'lake'));
}

function assertApart(one: Storage, other: Storage): void {
  if (one.location !== other.location) return;
  throw new IsobarError('USAGE', `${one.location}: the backup and the lake are in the same place`);
}

function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected the number of a version.');
  return Number(text);
}
