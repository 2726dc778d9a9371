/**
 * What is left of a process that dies of a mistake: a text on stderr, and where Node.js was started
 * with flags for it, a report or a dump. The first two hold no secret.
 */
import type { Environment } from './environment.ts';

/** These write the memory of the process to a file, and secrets with it. */
const DUMPS = /--(?:heapsnapshot-[\w-]+|abort-on-uncaught-exception)/;

/** `end` writes the error and gives the exit code. */
export function guardCrash(environment: Environment, end: (error: unknown) => number): void {
  // A report would list the variables, those with secrets among them.
  Object.assign(process.report, { excludeEnv: true });
  // Node.js would write the error with all that hangs on it, past what masks secrets.
  process.on('uncaughtException', (error) => process.exit(end(error)));
  const [flag] = DUMPS.exec([...process.execArgv, environment.env.NODE_OPTIONS].join(' ')) ?? [];
  if (flag === undefined) return;
  environment.report(
    `isobar: with ${flag} this process can write its memory to a file, secrets included; ` +
      'guard that file as you guard them\n',
  );
}
