/** A Python with delta-rs, for the tests that let another program at our tables. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const DELTALAKE = ['deltalake==1.6.6', 'pyarrow==26.0.1'];
const root = join(import.meta.dirname, '..');

/** A Python with delta-rs in a virtual environment of the project's; null without Python. */
export function findPython(): string | null {
  const environment = join(root, '.cache/python');
  const own = join(environment, 'bin/python');
  try {
    if (!existsSync(own)) {
      execFileSync('python3', ['-m', 'venv', environment], { stdio: 'pipe' });
    }
  } catch (error) {
    // In CI a skip would hide a missing reader.
    if (process.env.CI) throw error;
    return null;
  }
  try {
    execFileSync(own, ['-c', 'import deltalake, pyarrow'], { stdio: 'pipe' });
  } catch {
    execFileSync(own, ['-m', 'pip', 'install', '--quiet', ...DELTALAKE], { stdio: 'pipe' });
  }
  return own;
}
