/**
 * The programs of the real services: Java archives that Maven brings, once, into a cache folder.
 * What belongs together is one pom under `cluster/`; a pom that changed is another folder.
 */
import { createHash } from 'node:crypto';
import { cpSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { bringOnce } from './bring-once.ts';
import { runTool } from './tool.ts';

export type Distribution = 'kafka' | 'kafka39' | 'hadoop' | 'spark' | 'opensearch';

const POMS = join(import.meta.dirname, '..', '..', 'cluster');
const JAVA_MIN = 17;
const MAVEN_MS = 900_000;
const COMPILE_MS = 120_000;

/** `$ISOBAR_CLUSTER_CACHE`, else the user's cache folder. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  if (env.ISOBAR_CLUSTER_CACHE) return env.ISOBAR_CLUSTER_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'isobar', 'cluster');
}

/** Rejects with CLUSTER_TOOL_MISSING unless Java of the right age and Maven answer. */
export async function checkTools(signal?: AbortSignal): Promise<void> {
  const version = await runTool('java', ['-version'], { timeoutMs: 30_000, signal });
  const major = Number(/version "(\d+)/.exec(version)?.[1] ?? 0);
  if (major < JAVA_MIN) {
    throw new IsobarError('CLUSTER_TOOL_MISSING', `java is of version ${major}`);
  }
  await runTool('mvn', ['-v'], { timeoutMs: 30_000, signal });
}

/** The folder of the distribution (`lib/*.jar`, `classes/`), brought on the first call. */
export function resolveDistribution(
  distribution: Distribution,
  cache: string,
  signal?: AbortSignal,
): Promise<string> {
  return resolvePom(join(POMS, distribution), cache, signal);
}

/** The same for the folder of any pom; Java sources below its `src` are compiled to `classes`. */
export async function resolvePom(
  source: string,
  cache: string,
  signal?: AbortSignal,
): Promise<string> {
  const place = join(cache, `${basename(source)}-${fingerprint(source)}`);
  await bringOnce(place, async (draft) => {
    cpSync(source, draft, { recursive: true });
    const lib = join(draft, 'lib');
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime'];
    await runTool('mvn', ['-B', '-q', ...copy, `-DoutputDirectory=${lib}`], {
      cwd: draft,
      timeoutMs: MAVEN_MS,
      signal,
    });
    await compileStubs(draft, signal);
    // Spark looks for its archives under this name.
    await symlink('lib', join(draft, 'jars'));
    return draft;
  });
  return place;
}

/** Our own few classes, which stand in for what a distribution names but does not need. */
async function compileStubs(folder: string, signal?: AbortSignal): Promise<void> {
  const classes = join(folder, 'classes');
  mkdirSync(classes);
  const sources = globSync('src/**/*.java', { cwd: folder });
  if (sources.length === 0) return;
  await runTool('javac', ['-nowarn', '-d', classes, '-cp', join(folder, 'lib', '*'), ...sources], {
    cwd: folder,
    timeoutMs: COMPILE_MS,
    signal,
  });
}

function fingerprint(source: string): string {
  const hash = createHash('sha256');
  for (const file of globSync('**/*.{xml,java}', { cwd: source }).sort()) {
    hash.update(file).update(readFileSync(join(source, file)));
  }
  return hash.digest('hex').slice(0, 12);
}
