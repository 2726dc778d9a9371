import type { Command } from 'commander';
import { IsobarError } from '../../errors.ts';
import { openWorkspace } from '../../pipeline/workspace.ts';
import { type Environment, prepare } from '../environment.ts';
import { run } from './start.ts';

interface LandOptions {
  readonly once?: boolean;
  readonly acceptLoss?: string;
  readonly simulated?: boolean;
}

export function landCommand(program: Command, environment: Environment): void {
  program
    .command('land')
    .description('land what waits in the log; keep running unless --once')
    .option('--once', 'land what waits now and exit')
    .option(
      '--accept-loss <p:from-to>',
      'record offsets that the log lost, and continue after them',
    )
    .option('--simulated', 'use the simulated data')
    .addHelpText(
      'after',
      `
Examples:
  isobar land --once
  isobar land --accept-loss 2:118000-118499`,
    )
    .action(async (options: LandOptions, command: Command) => {
      if (options.once !== true && options.acceptLoss === undefined) {
        return run(environment, command, ['land']);
      }
      const { config, json } = prepare(environment, command);
      await using workspace = await openWorkspace(config, options.simulated === true);
      const sink = await workspace.sink();
      if (options.acceptLoss !== undefined) {
        const { partition, from, to } = parseLoss(options.acceptLoss);
        await sink.acceptLoss(partition, from, to);
        environment.print(
          `partition ${partition}: offsets ${from} to ${to} are recorded as lost\n`,
        );
        return;
      }
      const log = await workspace.log();
      const sums = { landings: 0, rows: 0, rejected: 0 };
      for (let partition = 0; partition < log.partitionCount; partition++) {
        for (;;) {
          const landed = await sink.land(partition, environment.signal);
          if (landed === null) break;
          sums.landings += 1;
          sums.rows += landed.rows;
          sums.rejected += landed.rejected;
        }
      }
      environment.print(
        json
          ? `${JSON.stringify(sums)}\n`
          : `${sums.landings} landings, ${sums.rows} rows landed, ${sums.rejected} rejected\n`,
      );
    });
}

/** `2:118000-118499` */
function parseLoss(text: string): { partition: number; from: bigint; to: bigint } {
  const match = /^(\d+):(\d+)-(\d+)$/.exec(text);
  if (match === null) {
    throw new IsobarError('USAGE', `--accept-loss ${text}: write partition:from-to`);
  }
  const [, partition = '', from = '', to = ''] = match;
  return { partition: Number(partition), from: BigInt(from), to: BigInt(to) };
}
