import type { Command } from 'commander';
import { followPublication } from '../../index/follow.ts';
import { anomalySource } from '../../pipeline/indexing.ts';
import { type Environment, openChosenWorkspace, prepare } from '../environment.ts';

export function indexCommand(program: Command, environment: Environment): void {
  program
    .command('index')
    .description('look after the index for searching anomalies')
    .helpCommand(false)
    .command('rebuild')
    .description('rebuild it from the newest publication')
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Until the new index is complete, searches are answered from the old one. A running server needs no
restart. An index that is missing, damaged or of another version of isobar is rebuilt by itself.

Example:
  isobar index rebuild`,
    )
    .action(async (options: { simulated?: boolean }, command: Command) => {
      const prepared = prepare(environment, command);
      const { logger, json } = prepared;
      await using workspace = await openChosenWorkspace(prepared, options.simulated);
      const index = await workspace.index();
      const published = await (await anomalySource(workspace, logger)).latest();
      const { signal } = environment;
      if (published !== null) {
        await followPublication(index, published, { replace: true, logger, signal });
      }
      const sums = { version: published?.version ?? 0, anomalies: published?.rowCount ?? 0 };
      environment.print(
        json
          ? `${JSON.stringify(sums)}\n`
          : `the index has version ${sums.version} of the analytics, ${sums.anomalies} anomalies\n`,
      );
    });
}
