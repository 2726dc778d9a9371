import type { Command } from 'commander';
import { verifyPublication } from '../../analytics/verify.ts';
import { asIsobarError, IsobarError } from '../../errors.ts';
import { verifyForecasts } from '../../forecast/verify.ts';
import { openValues } from '../../pipeline/forecasting.ts';
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
commits, the raw export, the published analytics, and the issued forecasts and their scores. Prints the
sums; exits with 1 and a line for each difference when something does not add up. With --deep another
program than the publisher's SQL computes all datasets from the lines of the raw export
(docs/provenance.md).

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
  const analytics = await guarded('analytics', async () => {
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
      sums: { 'analytics version': published.version },
      differences: published.differences,
    };
  });
  onProgress('forecasts');
  const forecasts = await guarded('forecasts', () => verifyIssued(workspace));
  return {
    sums: { ...report.sums, ...analytics.sums, ...forecasts.sums },
    differences: [report, analytics, forecasts].flatMap(({ differences }) => differences),
  };
}

/** A file that cannot be read is a finding, too. */
async function guarded(what: string, verify: () => Promise<VerifyReport>): Promise<VerifyReport> {
  try {
    return await verify();
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return { sums: {}, differences: [`${what}: ${code}: ${message}`] };
  }
}

async function verifyIssued(workspace: Workspace): Promise<VerifyReport> {
  const { storage, observations } = workspace;
  const values = await openValues(workspace);
  const files = observations.latest?.files ?? [];
  const { signal } = new AbortController();
  const found = await verifyForecasts({ storage, values, files, signal });
  if (found.forecasts === 0 && found.differences.length === 0) return { sums: {}, differences: [] };
  return {
    sums: {
      'forecasts issued': found.forecasts,
      'forecast days scored': found.days,
      'forecast values changed since': found.changedSince,
    },
    differences: [...found.differences],
  };
}
