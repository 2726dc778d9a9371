/** A Python with delta-rs, for the tests that let another program at our tables. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { madeOnce } from './made-once.ts';

const DELTALAKE = ['deltalake==1.6.6', 'pyarrow==26.0.1'];
const environment = join(import.meta.dirname, '..', '..', '.cache/python');
const own = join(environment, 'bin/python');

/** A Python with delta-rs in a virtual environment of the project's; null without Python. */
export async function findPython(): Promise<string | null> {
  try {
    // Two test files that begin at the same time would make it in each other's way.
    await madeOnce('python', makeEnvironment);
  } catch (error) {
    // In CI a skip would hide a missing reader.
    if (process.env.CI) throw error;
    return null;
  }
  return own;
}

function makeEnvironment(): void {
  if (!existsSync(own)) {
    execFileSync('python3', ['-m', 'venv', environment], { stdio: 'pipe' });
  }
  try {
    execFileSync(own, ['-c', 'import deltalake, pyarrow'], { stdio: 'pipe' });
  } catch {
    execFileSync(own, ['-m', 'pip', 'install', '--quiet', ...DELTALAKE], { stdio: 'pipe' });
  }
}
