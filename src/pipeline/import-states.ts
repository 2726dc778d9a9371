/** What has become of each import, those too whose process ended without a word. */
import { hasEnded, nameThisProcess } from '../lake/this-process.ts';
import { openLeasesReader, type ReadLease } from '../leases/leases-reader.ts';
import type { ImportEntry } from '../model/imports.ts';
import type { Workspace } from './workspace.ts';

/** What the holder of the lease of imports is doing. */
export const IMPORT = 'isobar import';
export const UNDO = 'isobar imports undo';

/**
 * The imports in the order of their numbers. The table says `running` until an import has finished;
 * here that is `interrupted` unless a process is at it.
 */
export async function readImports(
  workspace: Pick<Workspace, 'imports' | 'storage'>,
): Promise<readonly ImportEntry[]> {
  const isOpen = (entry: ImportEntry) => entry.state === 'running';
  const first = await workspace.imports.read();
  if (!first.some(isOpen)) return first;
  const leases = await openLeasesReader({ storage: workspace.storage }).read();
  if (leases.some(isImporting)) return workspace.imports.read();
  // Read after the lease: an import that ended meanwhile has finished.
  const entries = await workspace.imports.read();
  return entries.map((entry) => (isOpen(entry) ? { ...entry, state: 'interrupted' } : entry));
}

/** Where its process can be seen, whether that is there; elsewhere, whether it lately gave a sign. */
function isImporting({ role, text, isSilent }: ReadLease): boolean {
  if (role !== 'import' || text.command !== IMPORT) return false;
  const { place } = nameThisProcess();
  const isSeen = place !== '' && text.place === place && text.began !== '';
  return isSeen ? !hasEnded(text) : !isSilent;
}

/** Interrupted imports with a file that was not imported later in the same way. */
export function unfinishedImports(entries: readonly ImportEntry[]): readonly ImportEntry[] {
  return entries.filter(({ state, import_id, inputs, options }) => {
    if (state !== 'interrupted') return false;
    const later = entries.filter(
      (other) =>
        other.import_id > import_id && other.state === 'finished' && other.options === options,
    );
    const read = new Set(later.flatMap((other) => other.inputs.map(({ sha256 }) => sha256)));
    return inputs.some(({ sha256 }) => !read.has(sha256));
  });
}
