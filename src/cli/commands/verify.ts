import type { Command } from 'commander';
import { verifyPublication } from '../../analytics/verify.ts';
import { asIsobarError, IsobarError } from '../../errors.ts';
import { recountWorkspace } from '../../pipeline/recounting.ts';
import type { Workspace } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { readStateAt } from '../../table/state-at.ts';
import { OBSERVATION_COLUMNS } from '../../table/table.ts';
import { type VerifyReport, verifyLake } from '../../table/verify.ts';
import { type Environment, openChosenWorkspace, prepare } from '../environment.ts';

export function verifyCommand(program: Command, environment: Environment): void {
  program
    .command('verify')
    .description('prove from the files alone that every record is accounted for exactly once')
    .option('--deep', 'compute every published number again from the raw export alone')
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Compares the sets of offsets and identities, every file's length, checksum and rows, the chain of
commits, the raw export and the published analytics. Prints the sums; exits with 1 and a line for
each difference when something does not add up. With --deep another program than the publisher's SQL
computes all datasets from the lines of the raw export (docs/provenance.md).

Examples:
  isobar verify --data /var/lib/isobar
  isobar verify --deep`,
    )
    .action(async (options: { simulated?: boolean; deep?: boolean }, command: Command) => {
      const prepared = prepare(environment, command);
      await using workspace = await openChosenWorkspace(prepared, options.simulated);
      const onProgress = (text: string) => {
        if (process.stderr.isTTY) environment.report(`verifying ${text}\n`);
      };
      let report = await verifyWorkspace(workspace, onProgress);
      if (options.deep === true) {
        const deep = await recountWorkspace(workspace, onProgress, environment.signal);
        report = joinReports(report, deep);
      }
      const { sums, differences } = report;
      if (prepared.json) environment.print(`${JSON.stringify(report)}\n`);
      else {
        const width = Math.max(...Object.keys(sums).map((label) => label.length));
        for (const [label, value] of Object.entries(sums)) {
          environment.print(`${label.padEnd(width)}  ${oneLine(String(value))}\n`);
        }
        for (const difference of differences)
          environment.print(`DIFFERENCE  ${oneLine(difference)}\n`);
      }
      if (differences.length === 0) {
        if (!prepared.json) environment.print('everything adds up\n');
        return;
      }
      const count = differences.length;
      throw new IsobarError('VERIFY_FAILED', `${count} difference${count === 1 ? '' : 's'}`);
    });
}

function joinReports(one: VerifyReport, other: VerifyReport): VerifyReport {
  return {
    sums: { ...one.sums, ...other.sums },
    differences: [...one.differences, ...other.differences],
  };
}

export async function verifyWorkspace(
  workspace: Workspace,
  onProgress: (text: string) => void = () => {},
): Promise<VerifyReport> {
  const { observations, rejected, storage, scratch, tables } = workspace;
  const session = await workspace.session();
  const common = { storage, session };
  const report = await verifyLake({
    ...common,
    tables,
    observations,
    rejected,
    simulated: workspace.simulated,
    scratch,
    onProgress,
  });
  if (observations.latest === null) return report;
  onProgress('analytics');
  const { sums, differences } = report;
  try {
    const published = await verifyPublication({
      ...common,
      columns: OBSERVATION_COLUMNS,
      table: observations,
      places: () => workspace.cities.read(),
      filesOfVersion: (version) =>
        readStateAt(observations, storage, session, version).then(
          (state) => state.files,
          () => null,
        ),
    });
    return {
      sums: { ...sums, 'analytics version': published.version },
      differences: [...differences, ...published.differences],
    };
  } catch (error) {
    // A file that cannot be read is a finding here, too.
    const { code, message } = asIsobarError(error);
    return { sums, differences: [...differences, `analytics: ${code}: ${message}`] };
  }
}
