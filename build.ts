/**
 * Builds what is shipped: `node build.ts --web` the page (web/dist), `node build.ts` the page and
 * the program (dist/*.js, since Node strips no types below node_modules).
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const here = import.meta.dirname;

run('vite', ['build', 'web', '--logLevel', 'warn']);
if (!process.argv.includes('--web')) {
  rmSync(join(here, 'dist'), { recursive: true, force: true });
  run('tsc', ['-p', 'tsconfig.build.json']);
  for (const file of globSync('src/**/*.{sql,json,csv,html}', { cwd: here })) {
    if (file.includes('testcases') || file.includes('fixtures')) continue;
    const target = join(here, file.replace(/^src/, 'dist'));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(here, file), target);
  }
  chmodSync(join(here, 'dist/cli/main.js'), 0o755);
}

function run(tool: string, args: readonly string[]): void {
  const bin = join(here, 'node_modules/.bin', tool);
  // An installed package has its page and program already, and not the tools to build them.
  if (!existsSync(bin)) return;
  const { status } = spawnSync(bin, args, { cwd: here, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
