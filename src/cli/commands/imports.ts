import type { Command } from 'commander';
import { IsobarError } from '../../errors.ts';
import type { ImportEntry } from '../../model/imports.ts';
import { readImports, unfinishedImports } from '../../pipeline/import-states.ts';
import { undoNumbered } from '../../pipeline/importing.ts';
import { openWorkspace } from '../../pipeline/workspace.ts';
import { type Environment, formatTable, prepare } from '../environment.ts';

export function importsCommand(program: Command, environment: Environment): void {
  const imports = program
    .command('imports')
    .description('list what was imported, and take an import back')
    .addHelpText(
      'after',
      `
The counts are those at the end of each import. An import is "running" while its process is, and
"interrupted" when that was stopped or died: the same import command continues it.

Examples:
  isobar imports
  isobar imports undo 3`,
    )
    .action(async (_options: object, command: Command) => {
      const { config, json } = prepare(environment, command);
      await using workspace = await openWorkspace(config, false);
      const entries = await readImports(workspace);
      environment.print(json ? `${JSON.stringify(entries)}\n` : formatImports(entries));
    });
  imports
    .command('undo')
    .description('take an import back, as if it had never been')
    .argument('<number>', 'as "isobar imports" lists it')
    .addHelpText(
      'after',
      `
Each observation of the import gets the version that it would have without it: that of an earlier
or a later import, or none. The records stay in rejected as undone. An undo that was killed
continues when it is run again. Its files can be imported anew.`,
    )
    .action(async (number: string, _options: object, command: Command) => {
      const { config, json } = prepare(environment, command);
      if (!/^[1-9]\d{0,14}$/.test(number)) {
        throw new IsobarError('USAGE', `imports undo ${number}: expected a number of an import`);
      }
      await using workspace = await openWorkspace(config, false);
      const importId = Number(number);
      const { restored, removed } = await undoNumbered(workspace, importId, environment.signal);
      environment.print(
        json
          ? `${JSON.stringify({ import_id: importId, restored, removed })}\n`
          : `import ${importId} was undone: ${restored} observations have another version, ` +
              `${removed} have none\n`,
      );
    });
}

function formatImports(entries: readonly ImportEntry[]): string {
  if (entries.length === 0) return '(nothing was imported)\n';
  const header = ['import', 'started', 'state', 'source', 'files', 'read', 'landed', 'replaced'];
  const rows = entries.map((entry) => [
    String(entry.import_id),
    entry.started_at,
    entry.state,
    entry.source,
    formatFiles(entry),
    ...COUNTS.map((name) => String(entry[name])),
  ]);
  const table = formatTable([[...header, 'duplicate', 'superseded', 'invalid'], ...rows], RIGHT);
  return table + unfinishedImports(entries).map(formatWayOn).join('');
}

function formatWayOn({ import_id: number }: ImportEntry): string {
  return (
    `import ${number} was interrupted: import its files again, which adds what is missing, ` +
    `or take it back with "isobar imports undo ${number}"\n`
  );
}

const COUNTS = ['records', 'landed', 'replaced', 'duplicate', 'superseded', 'invalid'] as const;
const RIGHT = [0, 5, 6, 7, 8, 9, 10];

function formatFiles({ inputs }: ImportEntry): string {
  const [first] = inputs;
  return inputs.length > 1 ? `${first?.path} and ${inputs.length - 1} more` : (first?.path ?? '');
}
