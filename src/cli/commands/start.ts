/** `start`, and its single steps as processes of their own: `collect`, `serve`. */
import type { Command } from 'commander';
import type { Role } from '../../pipeline/pipeline.ts';
import { untilAborted } from '../../waiting.ts';
import { type Environment, prepare } from '../environment.ts';

/**
 * On one's own machine what was collected is seen at once, before it lands; several observations
 * share a landing, so that an idle laptop stays idle.
 */
const START_DEFAULTS = { 'table.landing_age_s': 30, 'table.landing_records': 1_000 };

const STREAM_DEFAULTS = { 'streaming.enabled': true };

export function startCommands(program: Command, environment: Environment): void {
  program
    .command('start')
    .description('run everything in one process: collect, land, analyze, serve')
    .option('--port <number>', 'port of the page and the API (default 5000; 0: any free one)')
    .addHelpText(
      'after',
      `
Without a key the weather is made up, and labelled so everywhere. Without a key, but with real
data in the folder (imported, or polled before), that data is served and nothing is polled.

Example:
  isobar start --data /var/lib/isobar --port 8080`,
    )
    .action((_options, command: Command) => run(environment, command, null, START_DEFAULTS));
  program
    .command('collect')
    .description('only poll the provider and append to the log')
    .addHelpText('after', '\nExample:\n  isobar collect --data /var/lib/isobar')
    .action((_options, command: Command) => run(environment, command, ['collect']));
  program
    .command('stream')
    .description('only sum up the last hours on Spark, and compare the sums with the table')
    .addHelpText('after', '\nExample:\n  isobar stream --profile data/cluster/profile.yaml')
    .action((_options, command: Command) => run(environment, command, ['stream'], STREAM_DEFAULTS));
  program
    .command('serve')
    .description('only serve the page and the API')
    .option('--port <number>', 'port of the page and the API (default 5000; 0: any free one)')
    .addHelpText('after', '\nExample:\n  isobar serve --port 8080')
    .action((_options, command: Command) => run(environment, command, ['serve']));
}

/** Runs the steps, all of them unless some are named, until the process is asked to stop. */
export async function run(
  environment: Environment,
  command: Command,
  roles: readonly Role[] | null,
  defaults: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { config, logger } = prepare(environment, command, defaults);
  const startedAt = performance.now();
  // The server and its rooms are half of the program, and no other command needs them.
  const { findWebFolder, ROLES, startPipeline } = await import('../../pipeline/pipeline.ts');
  await using pipeline = await startPipeline({
    config,
    roles: roles ?? ROLES,
    logger,
    version: environment.version,
    command: `isobar ${command.name()}`,
    webFolder: findWebFolder(),
  });
  const kind = pipeline.simulated ? 'simulated weather' : 'real weather';
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  environment.report(`isobar ${environment.version} · ${kind} · data in ${pipeline.folder}\n`);
  if (pipeline.url === null) environment.report(`${command.name()} is running; Ctrl-C stops it\n`);
  else environment.report(`${pipeline.url} is up after ${seconds} s; Ctrl-C stops it\n`);
  await untilAborted(environment.signal);
  environment.report('stopping: landing what waits\n');
}
