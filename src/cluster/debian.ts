/**
 * Programs that Debian packages: those on this machine, else unpacked once into the cache folder,
 * with the libraries that are missing here. Nothing is installed, and no rights are needed.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { bringOnce } from './bring-once.ts';
import { runTool } from './tool.ts';

export interface DebianProgram {
  /** Path of the executable. */
  readonly path: string;
  /** What it needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
}

const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'lib/x86_64-linux-gnu'];
const FOLDERS = ['usr/bin', 'usr/sbin'];
const DOWNLOAD_MS = 600_000;

/** Rejects with CLUSTER_TOOL_MISSING where neither the program nor Debian's tools are. */
export async function resolveProgram(
  program: string,
  debianPackage: string,
  cache: string,
  signal?: AbortSignal,
): Promise<DebianProgram> {
  const installed = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
  if (installed !== undefined) return { path: installed, env: {} };
  const place = join(cache, `debian-${debianPackage}`);
  await bringOnce(place, (draft) => unpack(debianPackage, draft, signal));
  const found = FOLDERS.map((folder) => join(place, folder, program)).find((path) =>
    existsSync(path),
  );
  if (found === undefined) {
    throw new IsobarError(
      'CLUSTER_TOOL_MISSING',
      `the Debian package ${debianPackage} has no program ${program}`,
    );
  }
  const libraries = LIBRARIES.map((folder) => join(place, folder));
  return { path: found, env: { LD_LIBRARY_PATH: libraries.join(delimiter) } };
}

/** Resolves with the folder of what the packages hold. */
async function unpack(debianPackage: string, draft: string, signal?: AbortSignal): Promise<string> {
  const packages = await missingPackages(debianPackage, draft, signal);
  const options = { cwd: draft, timeoutMs: DOWNLOAD_MS, signal };
  await runTool('apt-get', [...listsIn(draft), 'download', ...packages], options);
  for (const name of await readdir(draft)) {
    if (!name.endsWith('.deb')) continue;
    await runTool('dpkg-deb', ['-x', name, 'root'], options);
  }
  return join(draft, 'root');
}

/** The package and those that it needs and that are not installed. */
async function missingPackages(
  debianPackage: string,
  draft: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const list = ['install', '--print-uris', '-qq', '-y', '--no-install-recommends', debianPackage];
  const options = { cwd: draft, timeoutMs: DOWNLOAD_MS, signal };
  const printed = await runTool('apt-get', list, options).catch(async (error) => {
    if (error instanceof IsobarError && error.code === 'CLUSTER_TOOL_MISSING') throw error;
    // A machine whose lists of packages were removed, as in images of containers.
    await mkdir(join(draft, 'lists', 'partial'), { recursive: true });
    await runTool('apt-get', [...listsIn(draft), '-qq', 'update'], options);
    return runTool('apt-get', [...listsIn(draft), ...list], options);
  });
  // 'http://…/redis-server_7.0.15-1_amd64.deb' redis-server_5%3a7.0.15-1_amd64.deb 72264 …
  const names = [...printed.matchAll(/^'[^']+' ([^_\s]+)_/gm)].map(([, name = '']) => name);
  if (names.length === 0) {
    throw new IsobarError('CLUSTER_FAILED', `apt-get knows no package ${debianPackage}`);
  }
  return names;
}

/** Lists of our own, once they were fetched. */
function listsIn(draft: string): string[] {
  const lists = join(draft, 'lists');
  return existsSync(lists) ? ['-o', `Dir::State::Lists=${lists}`] : [];
}
