/**
 * Files that hold a secret: they are read only when no other user can read or change them.
 *
 * The rights are those that PostgreSQL asks of a private key: the file is for its owner alone (0600,
 * 0400), or it is of root and readable by a group (0640, 0440), since that is how root gives a file to
 * a process, and how a volume of Kubernetes with `fsGroup` reaches one. Below /run/secrets lies what
 * Docker, Podman and Kubernetes mount into a container, as they like; only root can put files there.
 */
import { realpathSync, type Stats } from 'node:fs';
import { sep } from 'node:path';
import { IsobarError } from '../errors.ts';
import { shellWord } from '../printable.ts';
import { readRegularFileSync } from '../regular-file.ts';
import { decodeSecret } from './secret.ts';

const SECRET_FILE_BYTES_MAX = 4_096;
const MOUNTS = '/run/secrets';
const OF_GROUP_AND_OTHERS = 0o077;
const READING_BY_GROUP = 0o040;

/** The text of such a file. Throws CONFIG_INVALID, which names the file and what is wrong with it. */
export function readSecretFile(path: string): string {
  try {
    const text = decodeSecret(readGuardedFile(path, SECRET_FILE_BYTES_MAX));
    if (text === '') throw new Error('the file is empty');
    return text;
  } catch (error) {
    throw new IsobarError('CONFIG_INVALID', fileProblem(path, error), { cause: error });
  }
}

/** Its bytes; throws for a file that others can read or change, as reading does. */
export function readGuardedFile(path: string, bytesMax: number): Buffer {
  const inspect = (found: Stats) => {
    const problem = rightsProblem(path, found);
    if (problem !== null) throw new Error(problem);
  };
  return readRegularFileSync(path, { bytesMax, inspect });
}

/** Who else can read or change the file, and what to do; null when its rights are as they should be. */
export function rightsProblem(
  path: string,
  { mode, uid }: Pick<Stats, 'mode' | 'uid'>,
  { user = process.geteuid?.(), mounts = MOUNTS }: Surroundings = {},
): string | null {
  // Windows has no such rights.
  if (user === undefined) return null;
  const isGiven = uid === 0 && user !== 0;
  const foreign = isGiven ? OF_GROUP_AND_OTHERS & ~READING_BY_GROUP : OF_GROUP_AND_OTHERS;
  if ((mode & foreign) === 0 || isBelow(path, mounts)) return null;
  const rights = (mode & 0o777).toString(8).padStart(3, '0');
  return `others may read or change it (mode ${rights}); run chmod 600 ${shellWord(path)}`;
}

/** Why a file that a setting names cannot be read, in our words; begins with the path. */
export function fileProblem(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof IsobarError) return message;
  if (code === undefined) return `${path}: ${message}`;
  return `${path}: ${PROBLEMS[code] ?? `the file cannot be read (${code})`}`;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  ENOTDIR: 'the file does not exist',
  EACCES: 'this user may not read the file; give it to the user that runs isobar',
  EPERM: 'this user may not read the file; give it to the user that runs isobar',
};

interface Surroundings {
  /** Number of the user that runs isobar; undefined on Windows. */
  readonly user?: number | undefined;
  /** Folder of what is mounted into a container. */
  readonly mounts?: string;
}

/** Links are followed: one in the folder may lead out of it. */
function isBelow(path: string, folder: string): boolean {
  try {
    return realpathSync(path).startsWith(folder + sep);
  } catch {
    return false;
  }
}
