import type { Command } from 'commander';
import { IsobarError } from '../../errors.ts';
import { isoTime } from '../../model/iso-time.ts';
import { readHistory, type Version } from '../../table/history.ts';
import { type Environment, formatTable, openChosenWorkspace, prepare } from '../environment.ts';
import { formatValues } from './import.ts';

export function historyCommand(program: Command, environment: Environment): void {
  program
    .command('history')
    .description('show every version of one observation, and why the others do not count')
    .argument('<city>', 'the id of the city, such as london')
    .argument('<time>', 'ISO 8601 with an offset, such as 2024-10-31T14:00:00Z')
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Example:
  isobar history oslo-no 2024-10-31T14:00:00Z`,
    )
    .action(
      async (city: string, time: string, options: { simulated?: boolean }, command: Command) => {
        const prepared = prepare(environment, command);
        const observedAt = parseTime(time);
        await using workspace = await openChosenWorkspace(prepared, options.simulated);
        const session = await workspace.session();
        const { observations, rejected } = workspace;
        const versions = await readHistory({ session, observations, rejected }, city, observedAt);
        if (versions.length === 0) {
          const text = `${city} has no observation at ${observedAt}`;
          throw new IsobarError('NOT_FOUND', text);
        }
        environment.print(
          prepared.json ? `${JSON.stringify(versions)}\n` : formatVersions(versions),
        );
      },
    );
}

export function parseTime(text: string): string {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.(\d{1,6}))?)?(?:Z|[+-]\d\d:\d\d)$/.exec(
    text,
  );
  const time = new Date(text);
  if (match !== null && !Number.isNaN(time.getTime())) {
    const seconds = BigInt(Math.floor(time.getTime() / 1_000));
    const iso = isoTime(seconds * 1_000_000n + BigInt((match[1] ?? '').padEnd(6, '0')));
    if (iso !== null) return iso;
  }
  throw new IsobarError(
    'USAGE',
    'time: expected an ISO 8601 time with an offset, for example 2024-10-31T14:00:00Z; ' +
      `got ${JSON.stringify(text)}`,
  );
}

function formatVersions(versions: readonly Version[]): string {
  const rows = versions.map((version) => [
    version.state,
    version.import_id === null ? 'live' : `import ${version.import_id}, row ${version.import_row}`,
    version.collected_at,
    version.source,
    `${version.log_partition}:${version.log_offset}`,
    formatValues(version.values),
  ]);
  return formatTable([['state', 'from', 'collected', 'source', 'offset', 'values'], ...rows]);
}
