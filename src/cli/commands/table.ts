import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { IsobarError } from '../../errors.ts';
import { TABLES, type TableName } from '../../lake/layout.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { acceptForeign } from '../../table/accept-foreign.ts';
import { listCommits } from '../../table/commit-list.ts';
import type { DeltaTable } from '../../table/delta-table.ts';
import { formatOrigin } from '../../table/foreign.ts';
import type { RepairOptions } from '../../table/repair.ts';
import { restoreVersion } from '../../table/restore-version.ts';
import { type Environment, formatTable, openChosenWorkspace, prepare } from '../environment.ts';

interface TableCommandOptions {
  readonly table: TableName;
  readonly simulated?: boolean;
  readonly partial?: boolean;
  readonly limit?: number;
}

const HELP = `
Another program (delta-rs, Spark, …) may read the tables, compact and vacuum them at any time. When
it changes rows, isobar stops writing until you decide: keep what it did, or go back.`;

export function tableCommand(program: Command, environment: Environment): void {
  const group = program
    .command('table')
    .description('look at the versions of a table, keep or undo what another program did')
    .helpCommand(false)
    .addHelpText('after', HELP);
  add('history', 'the newest commits: which program did what, and what waits for a decision')
    .option('--limit <n>', 'at most this many commits', parseVersion, 20)
    .action(async (options: TableCommandOptions, command: Command) => {
      await history(environment, options, command);
    });
  add('accept-foreign', 'keep the rows of other programs, up to this commit')
    .addArgument(new Argument('<commit>', 'number of the commit').argParser(parseVersion))
    .action(async (commit: number, options: TableCommandOptions, command: Command) => {
      await accept(environment, commit, options, command);
    });
  add('restore', 'make the table what it was at this version, by a new commit')
    .addArgument(new Argument('<version>', 'number of the version').argParser(parseVersion))
    .option('--partial', 'also when files of that version are gone')
    .action(async (version: number, options: TableCommandOptions, command: Command) => {
      await restore(environment, version, options, command);
    });

  function add(name: string, description: string): Command {
    return group
      .command(name)
      .description(description)
      .addOption(new Option('--table <name>', 'the table').choices(TABLES).default('observations'))
      .option('--simulated', 'use the simulated data');
  }
}

async function history(
  environment: Environment,
  options: TableCommandOptions,
  command: Command,
): Promise<void> {
  const prepared = prepare(environment, command);
  await using workspace = await openChosenWorkspace(prepared, options.simulated);
  const table = tableOf(workspace, options.table);
  const rows = await listCommits(table, options.limit ?? 20);
  if (prepared.json) {
    environment.print(`${JSON.stringify(rows)}\n`);
    return;
  }
  const lines = rows.map(({ version, at, operation, engine, added, removed, note }) => [
    String(version),
    at ?? '',
    engine,
    operation,
    String(added),
    String(removed),
    note,
  ]);
  const header = ['version', 'when', 'program', 'operation', 'files added', 'removed', ''];
  environment.print(formatTable([header, ...lines], [0, 4, 5]));
}

async function accept(
  environment: Environment,
  commit: number,
  options: TableCommandOptions,
  command: Command,
): Promise<void> {
  const prepared = prepare(environment, command);
  await using workspace = await openChosenWorkspace(prepared, options.simulated);
  const done = await acceptForeign(await repairOf(workspace, options), commit);
  if (prepared.json) {
    environment.print(`${JSON.stringify(done)}\n`);
    return;
  }
  for (const one of done.commits) environment.print(`accepted: ${oneLine(formatOrigin(one))}\n`);
  if (done.lostOffsets > 0) {
    environment.print(`recorded as lost: ${done.lostOffsets} records whose rows are gone\n`);
  }
  if (done.foreignRows > 0) {
    environment.print(`rows that no log of isobar brought: ${done.foreignRows}\n`);
  }
  environment.print(`${options.table} is at version ${done.version}\n`);
}

async function restore(
  environment: Environment,
  version: number,
  options: TableCommandOptions,
  command: Command,
): Promise<void> {
  const prepared = prepare(environment, command);
  await using workspace = await openChosenWorkspace(prepared, options.simulated);
  const { partial = false } = options;
  const done = await restoreVersion(await repairOf(workspace, options), version, { partial });
  if (prepared.json) {
    environment.print(`${JSON.stringify(done)}\n`);
    return;
  }
  const { filesBack, filesRemoved, rowsBefore, rowsAfter, missing, landAgain } = done;
  environment.print(
    `${options.table} is at version ${done.version}, as it was at ${version}: ${rowsAfter} rows ` +
      `(${rowsBefore} before), ${filesBack} files back, ${filesRemoved} removed\n`,
  );
  for (const path of missing) environment.print(`missing: ${oneLine(path)}\n`);
  if (landAgain > 0) {
    environment.print(
      `what landed since in ${landAgain} partitions lands again from the log, as far as it is kept\n`,
    );
  }
  environment.print(
    'the datasets follow with the next refresh; `isobar analyze --once` makes it\n',
  );
}

async function repairOf(
  workspace: Workspace,
  { table }: TableCommandOptions,
): Promise<RepairOptions> {
  const { observations, rejected, storage, scratch } = workspace;
  return {
    table: tableOf(workspace, table),
    observations,
    rejected,
    storage,
    session: await workspace.session(),
    scratch,
  };
}

function tableOf({ tables }: Workspace, name: TableName): DeltaTable {
  const table = tables.find((one) => one.name === name);
  if (table === undefined) throw new IsobarError('USAGE', `unknown table ${name}`);
  return table;
}

function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}
