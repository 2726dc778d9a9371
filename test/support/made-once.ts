/**
 * What is slow to make and the same for many tests is made once a run, by the first test that
 * asks for it; the others wait for it. The runner names the folder in ISOBAR_TEST_MADE and removes
 * it at the end; a file that is run without the runner makes its own.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The runner's variable. */
export const MADE_VARIABLE = 'ISOBAR_TEST_MADE';
const DEADLINE_MS = 300_000;
let own: string | null = null;

/** The folder that `make` has filled, in this process or in another one; it is only read. */
export async function madeOnce(name: string, make: (folder: string) => unknown): Promise<string> {
  const folder = join(process.env[MADE_VARIABLE] ?? ownFolder(), name);
  const unfinished = `${folder}.unfinished`;
  const deadline = performance.now() + DEADLINE_MS;
  while (!existsSync(folder)) {
    if (lease(unfinished)) {
      try {
        await make(unfinished);
        renameSync(unfinished, folder);
      } catch (error) {
        rmSync(unfinished, { recursive: true });
        throw error;
      }
    } else if (performance.now() > deadline) {
      throw new Error(`another process has not made ${name} within ${DEADLINE_MS / 1_000} s`);
    } else await delay(50);
  }
  return folder;
}

/** Whether this process is the one that makes it. */
function lease(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function ownFolder(): string {
  if (own === null) {
    const made = mkdtempSync(join(tmpdir(), 'isobar-made-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    own = made;
  }
  return own;
}
