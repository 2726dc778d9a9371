/** The program: commands, their options and help; the one place that turns errors into exit codes. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { asIsobarError, ERRORS, IsobarError } from '../errors.ts';
import { stderr } from '../stderr.ts';
import { accessCommands } from './commands/access.ts';
import { alertsCommand } from './commands/alerts.ts';
import { analyzeCommand } from './commands/analyze.ts';
import { backupCommands } from './commands/backup.ts';
import { certificateCommand } from './commands/certificate.ts';
import { clusterCommand } from './commands/cluster.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { drillCommand } from './commands/drill.ts';
import { explainCommand } from './commands/explain.ts';
import { forecastCommand } from './commands/forecast.ts';
import { historyCommand } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { importsCommand } from './commands/imports.ts';
import { indexCommand } from './commands/index.ts';
import { kafkaCommand } from './commands/kafka.ts';
import { lakeCommand } from './commands/lake.ts';
import { landCommand } from './commands/land.ts';
import { maintainCommand } from './commands/maintain.ts';
import { metricsCommand } from './commands/metrics.ts';
import { qualityCommand } from './commands/quality.ts';
import { queryCommand } from './commands/query.ts';
import { simulateCommand } from './commands/simulate.ts';
import { startCommands } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { tableCommand } from './commands/table.ts';
import { verifyCommand } from './commands/verify.ts';
import { guardCrash } from './crash.ts';
import type { Environment } from './environment.ts';
import { openOutput } from './output.ts';

const ROOT_HELP = `
Examples:
  isobar start                              a live dashboard, with made-up weather
  ISOBAR_OPENWEATHER_KEY=… isobar start     the same with real weather
  isobar import ./recordings                bring your own history
  isobar query "SELECT city, temperature_c_mean FROM city_statistics"

Every setting is a variable too: api.port is ISOBAR_API_PORT. See \`isobar config\`.
Exit codes: 0 done, 1 failed, 2 not understood, 130 cancelled.`;

/** Runs the command line; sets the exit code and never throws. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const stop = new AbortController();
  listenToSignals(stop);
  const output = openOutput(process.stdout, stderr);
  const environment: Environment = {
    version: readVersion(),
    signal: stop.signal,
    env: process.env,
    ...output,
  };
  const program = buildProgram(environment);
  const end = (error: unknown) => reportError(error, argv.includes('--json'), environment);
  guardCrash(environment, end);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    if (output.failure !== null) throw output.failure;
  } catch (error) {
    process.exitCode = end(error);
  }
}

export function buildProgram(environment: Environment): Command {
  const program = new Command('isobar')
    .description(
      'Weather analytics from the provider’s answer to the picture:\n' +
        'collects observations, keeps them, lands each exactly once, and shows them live.',
    )
    .version(environment.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help, or that of a command')
    .helpCommand(false)
    .addHelpText('after', ROOT_HELP)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .configureOutput({
      writeOut: environment.print,
      writeErr: environment.report,
      outputError: (text, write) => write(text.replace(/^error: /, 'isobar: ')),
    })
    .showHelpAfterError('  See isobar --help.')
    .exitOverride();
  program
    .option('--data <folder>', 'folder that holds everything (default ./data)')
    .option('--config <file>', 'configuration file (default ./isobar.yaml when it is there)')
    .option(
      '--profile <name>',
      'engines to use: embedded, cluster (see `isobar cluster up`) or a file of settings',
    )
    .option('--set <setting=value>', 'any setting, such as api.port=8080; repeatable', collect)
    .option('--log-level <level>', 'lowest level of messages: debug, info, warn, error, silent')
    .option('--json', 'print results as JSON');
  program.commandsGroup('Run the pipeline:');
  startCommands(program, environment);
  program.commandsGroup('Run a step once, or look after the data:');
  landCommand(program, environment);
  analyzeCommand(program, environment);
  maintainCommand(program, environment);
  importCommand(program, environment);
  importsCommand(program, environment);
  historyCommand(program, environment);
  backupCommands(program, environment);
  tableCommand(program, environment);
  lakeCommand(program, environment);
  indexCommand(program, environment);
  certificateCommand(program, environment);
  kafkaCommand(program, environment);
  program.commandsGroup('Look at it:');
  alertsCommand(program, environment);
  statusCommand(program, environment);
  qualityCommand(program, environment);
  forecastCommand(program, environment);
  queryCommand(program, environment);
  explainCommand(program, environment);
  verifyCommand(program, environment);
  doctorCommand(program, environment);
  configCommand(program, environment);
  metricsCommand(program, environment);
  program.commandsGroup('Who may ask the server:');
  accessCommands(program, environment);
  program.commandsGroup('For development:');
  simulateCommand(program, environment);
  clusterCommand(program, environment);
  drillCommand(program, environment);
  return program;
}

/** The exit code; what the matter is and what to do goes to stderr. */
export function reportError(error: unknown, json: boolean, environment: Environment): number {
  const { signal } = environment;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const cancelled = signal.aborted && !(error instanceof IsobarError);
  const failure = cancelled
    ? new IsobarError('ABORTED', 'it was asked to stop')
    : asIsobarError(error);
  const row = ERRORS[failure.code];
  if (json) {
    const { code, message } = failure;
    environment.report(`${JSON.stringify({ code, message, remedy: row.remedy })}\n`);
  } else {
    const text = failure.message.replaceAll('\n', '\n  ');
    environment.report(`isobar: ${row.message}\n  ${text}\n  ${row.remedy}\n`);
    if (failure.code === 'INTERNAL' && failure.stack) environment.report(`${failure.stack}\n`);
  }
  return row.exit;
}

/** The first signal asks to stop; a second one ends the process at once. */
function listenToSignals(stop: AbortController): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  // What Node itself writes there (a warning) must not end the process either.
  process.stderr.on('error', () => {});
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return String(JSON.parse(readFileSync(file, 'utf8')).version);
}
