import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Names inputs by their paths, lengths and times, and by how they are read. */
export async function fingerprintOf(paths: readonly string[], how: string): Promise<string> {
  const hash = createHash('sha256').update(how);
  for (const path of paths) {
    const { size, mtimeMs } = await stat(path);
    hash.update(`\n${resolve(path)}\n${size}\n${mtimeMs}`);
  }
  return hash.digest('hex');
}
