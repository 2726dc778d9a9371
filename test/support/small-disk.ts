/** A small disk for tests of what happens when it is full, or when it turns read-only. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  setReadOnly(readOnly: boolean): Promise<void>;
}

/** Null where this user may not mount: the test says so and is skipped. */
export async function mountSmallDisk(mib: number): Promise<SmallDisk | null> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder]);
  } catch {
    await rm(folder, { recursive: true });
    return null;
  }
  return {
    folder,
    setReadOnly: async (readOnly) => {
      await run('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, folder]);
    },
    [Symbol.asyncDispose]: async () => {
      await run('umount', [folder]);
      await rm(folder, { recursive: true });
    },
  };
}
