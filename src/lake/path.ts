import { IsobarError } from '../errors.ts';

/** Where engines keep files in the making; no path of the storage leads there. */
export const DRAFTS_FOLDER = '.tmp';

/** Longer names are refused by local file systems and by HDFS. */
const SEGMENT_BYTES_MAX = 240;
const PATH_BYTES_MAX = 1_000;

/**
 * The path, unless it is none that every engine can hold: relative, with `/`, of segments that are
 * neither empty nor `.` or `..`, without control characters, `\` and `:` (HDFS refuses colons).
 * The first segment is not `.tmp`. Throws PARAMETER_INVALID.
 */
export function assertPath(path: string): string {
  const wrong = findWrong(path);
  if (wrong === null) return path;
  throw new IsobarError('PARAMETER_INVALID', `path ${JSON.stringify(path)}: ${wrong}`, {
    details: { path },
  });
}

/** A folder's path: as a file's; the empty text is the whole storage. */
export function assertFolder(folder: string): string {
  return folder === '' ? folder : assertPath(folder);
}

export function isPath(text: string): boolean {
  return findWrong(text) === null;
}

function findWrong(path: string): string | null {
  if (!path.isWellFormed()) return 'it is not well-formed Unicode';
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) return `it is longer than ${PATH_BYTES_MAX} bytes`;
  if (path.startsWith('/')) return 'it is absolute';
  if (path.split('/')[0] === DRAFTS_FOLDER) return 'it is in the folder of files in making';
  for (const segment of path.split('/')) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return `it has the segment ${segment}`;
    if (hasForbidden(segment)) return 'it has a control character, a colon or a backslash';
    if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) return 'it has a segment that is too long';
  }
  return null;
}

function hasForbidden(segment: string): boolean {
  for (let i = 0; i < segment.length; i++) {
    const code = segment.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code === 0x3a || code === 0x5c) return true;
  }
  return false;
}

/**
 * What lies in the folder, by path, in the order of the full paths of all files: those below `a`
 * come after the file `a.b`. Names that are no path are left out.
 */
export function orderEntries<E extends { readonly name: string; readonly isFolder: boolean }>(
  folder: string,
  entries: readonly E[],
): (E & { readonly path: string })[] {
  return entries
    .map((entry) => ({ ...entry, path: folder === '' ? entry.name : `${folder}/${entry.name}` }))
    .filter(({ path }) => isPath(path))
    .map((entry) => ({ ...entry, order: entry.isFolder ? `${entry.path}/` : entry.path }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
}

/** Whether files below this folder are greater: all are, or none, unless `after` is below it. */
export function mayFollow(folder: string, after: string): boolean {
  return `${folder}/` > after || after.startsWith(`${folder}/`);
}
