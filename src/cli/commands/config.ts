import type { Command } from 'commander';
import { describeConfig, formatConfig } from '../../config/load.ts';
import { type Environment, prepare } from '../environment.ts';

export function configCommand(program: Command, environment: Environment): void {
  program
    .command('config')
    .description('print every setting in effect, with where it comes from; secrets masked')
    .addHelpText('after', '\nExample:\n  isobar config > isobar.yaml')
    .action((_options, command: Command) => {
      const prepared = prepare(environment, command);
      environment.print(
        prepared.json
          ? `${JSON.stringify(describeConfig(prepared), null, 2)}\n`
          : formatConfig(prepared).trimStart(),
      );
    });
}
