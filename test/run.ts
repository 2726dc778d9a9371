/**
 * Runs the tests: `node test/run.ts` all but those that need more than Node or more than minutes,
 * `node test/run.ts --ci` these: the long form of the kill tests, foreign readers, the package.
 * Further arguments are files to run instead.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const isLong = args.includes('--ci');
const wanted = args.filter((arg) => !arg.startsWith('--'));

const short = globSync(['src/**/*.test.ts', 'web/src/**/*.test.ts', 'test/*.test.ts'], {
  cwd: root,
});
const long = globSync(['test/long/*.test.ts'], { cwd: root });
const files = wanted.length > 0 ? wanted : (isLong ? long : short).sort();

const child = spawn(
  process.execPath,
  ['--test', '--test-concurrency=2', `--test-timeout=${isLong ? 2_400_000 : 600_000}`, ...files],
  { cwd: root, stdio: 'inherit' },
);
child.on('exit', (code) => process.exit(code ?? 1));
