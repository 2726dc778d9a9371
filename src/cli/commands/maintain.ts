import { Argument, type Command } from 'commander';
import { asIsobarError, isErrorCode } from '../../errors.ts';
import { openMaintenance } from '../../pipeline/maintenance.ts';
import { oneLine } from '../../printable.ts';
import { type Environment, openChosenWorkspace, prepare } from '../environment.ts';

const TASKS = ['compact', 'vacuum', 'export', 'archive'];

export function maintainCommand(program: Command, environment: Environment): void {
  program
    .command('maintain')
    .description(
      'compact small files, remove what is no longer used, bring the raw export up to date, archive',
    )
    .addArgument(new Argument('[task]', 'only this task').choices(TASKS))
    .option('--simulated', 'use the simulated data')
    .addHelpText('after', '\nExamples:\n  isobar maintain\n  isobar maintain compact')
    .action(
      async (task: string | undefined, options: { simulated?: boolean }, command: Command) => {
        const prepared = prepare(environment, command);
        await using workspace = await openChosenWorkspace(prepared, options.simulated);
        const maintenance = await openMaintenance(workspace);
        const { signal } = environment;
        const done: Record<string, unknown> = {};
        if (task === undefined || task === 'export') {
          done.exported_hours = await maintenance.exporter
            .run({ closing: true, signal })
            .catch((error) => {
              // Whoever lands now exports as well.
              if (task !== undefined || !isErrorCode(error, 'DATA_IN_USE')) throw error;
              environment.report(`${oneLine(asIsobarError(error).message)}\n`);
              return null;
            });
        }
        if (task === undefined || task === 'compact') {
          const groups = await maintenance.compact(signal);
          done.files_before = groups.reduce((sum, group) => sum + group.filesBefore, 0);
          done.files_after = groups.reduce((sum, group) => sum + group.filesAfter, 0);
        }
        if (task === undefined || task === 'vacuum') {
          const { dataFiles, commits, bytes } = await maintenance.vacuum(signal);
          Object.assign(done, {
            removed_files: dataFiles,
            removed_commits: commits,
            freed_bytes: bytes,
          });
        }
        if (task === undefined || task === 'archive') {
          const changed = await maintenance.archive(signal);
          if (task !== undefined || changed > 0) done.archived = changed;
        }
        const lines = Object.entries(done).map(
          ([name, value]) => `${name.replaceAll('_', ' ')}: ${value ?? 'left to that process'}`,
        );
        environment.print(prepared.json ? `${JSON.stringify(done)}\n` : `${lines.join('\n')}\n`);
      },
    );
}
