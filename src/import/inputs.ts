/** The files that the paths of a command line name. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileProblem, importError, kindOf, type NamedFile, printable } from './input-file.ts';
import { assertNoTable, assertNotInTable } from './table-folders.ts';

const FILES_MAX = 200_000;
const SKIPPED_SHOWN_MAX = 5;

export interface ListOptions {
  /** Names of files that are taken from folders. */
  readonly wanted: RegExp;
  /** Of those, what their content says; all by default. */
  readonly isWanted?: (file: NamedFile) => Promise<boolean>;
  /** The mapping itself, should it lie in a folder. */
  readonly except?: string | undefined;
  /** Takes a line for people: what was skipped. */
  readonly report: (text: string) => void;
}

/**
 * The files that are named, and those of the folders and their subfolders, sorted by path. What is
 * not wanted in a folder is skipped with a word, as are folders that begin with `.` or `_`: programs
 * such as Spark keep unfinished files there.
 */
export async function listFiles(
  paths: readonly string[],
  { wanted, isWanted = async () => true, except, report }: ListOptions,
): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  const skipped: string[] = [];
  const visited = new Set<string>();
  const mapping = except === undefined ? null : await realpath(except).catch(() => null);
  for (const path of paths) {
    const entry = await look(path);
    if (entry.isDirectory()) {
      await assertNotInTable(path);
      await listFolder(path, path);
    } else if (entry.isFile()) files.push({ path, name: basename(path) });
    else throw importError(path, `expected a file or folder, got ${kindOf(entry)}`);
  }
  if (skipped.length > 0) report(`skipped ${skippedText(skipped)}\n`);
  return files;

  async function listFolder(folder: string, root: string): Promise<void> {
    const real = await realpath(folder);
    // A link to a folder that was read already would lead in a circle.
    if (visited.has(real)) return;
    visited.add(real);
    await assertNoTable(folder);
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      const file = { path, name: relative(root, path) };
      const entry = await stat(path).catch(() => null);
      if (entry?.isDirectory() && !/^[._]/.test(name)) await listFolder(path, root);
      else if (!entry?.isFile() || !isNamedSo(name) || (await realpath(path)) === mapping) {
        skipped.push(file.name);
      } else if (await isWanted(file)) files.push(file);
      else skipped.push(file.name);
      if (files.length > FILES_MAX) throw importError(root, `more than ${FILES_MAX} files`);
    }
  }

  function isNamedSo(name: string): boolean {
    return wanted.test(name) && !name.startsWith('.') && !/^readme\b/i.test(name);
  }
}

async function look(path: string) {
  return stat(path).catch((error) => {
    throw importError(path, fileProblem(error), error);
  });
}

/** Sorted so that a folder's files come in the order of their paths. */
async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error) => {
    throw importError(folder, fileProblem(error), error);
  });
  return names.sort();
}

function skippedText(skipped: readonly string[]): string {
  const shown = skipped.slice(0, SKIPPED_SHOWN_MAX).map((name) => `"${printable(name)}"`);
  const more = skipped.length - shown.length;
  const files = skipped.length === 1 ? '1 file' : `${skipped.length} files`;
  return `${files} of another kind: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
