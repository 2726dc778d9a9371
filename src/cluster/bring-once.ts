import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes the folder `place` unless it is there, whole or not at all. `make` gets a draft, and resolves
 * with the folder that becomes `place`: the draft or one within it.
 */
export async function bringOnce(
  place: string,
  make: (draft: string) => Promise<string>,
): Promise<void> {
  if (existsSync(place)) return;
  await mkdir(dirname(place), { recursive: true });
  const draft = await mkdtemp(join(dirname(place), `.${basename(place)}-`));
  try {
    const made = await make(draft);
    // Another process may have been quicker, with the same.
    await rename(made, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
