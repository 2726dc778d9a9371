/** Which files a command line names, and how they are read. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqlSession } from '../analytics/engine.ts';
import type { Units } from '../collector/openweather/measurements.ts';
import { IsobarError } from '../errors.ts';
import type { CityFinder } from './cities.ts';
import { isKaggleFolder, KAGGLE_NAME, kaggleFiles, openKaggleFolder } from './kaggle.ts';
import { openMapped } from './mapped.ts';
import { loadMapping } from './mapping.ts';
import { openResponses, RESPONSES_NAME, type ResponsesOptions } from './responses.ts';
import type { ImportPlan } from './source.ts';

export interface PlanOptions {
  /** The file of the mapping, for tables. */
  readonly mapping?: string | undefined;
  /** Of recorded answers. */
  readonly units: Units;
  readonly finder: CityFinder;
  readonly parse: ResponsesOptions['parse'];
  readonly session: () => Promise<SqlSession>;
}

export async function planImport(
  paths: readonly string[],
  options: PlanOptions,
): Promise<ImportPlan> {
  const { finder, parse, units } = options;
  if (options.mapping !== undefined) {
    const mapping = loadMapping(options.mapping);
    return {
      name: `import:${mapping.name}`,
      files: await listFiles(paths),
      options: JSON.stringify(mapping),
      isDivisible: true,
      open: async (files) =>
        openMapped(files, { mapping, finder, session: await options.session() }),
    };
  }
  const [folder] = paths;
  if (paths.length === 1 && folder !== undefined && isKaggleFolder(folder)) {
    return {
      name: KAGGLE_NAME,
      files: kaggleFiles(folder),
      options: '{}',
      isDivisible: false,
      open: () => openKaggleFolder(folder, finder),
    };
  }
  const files = (await listFiles(paths)).filter((file) =>
    /\.(json|jsonl|ndjson)(\.gz)?$/i.test(file),
  );
  if (files.length === 0) {
    throw new IsobarError(
      'IMPORT_INVALID',
      `${paths.join(', ')}: no JSON there; a table needs --mapping`,
    );
  }
  return {
    name: RESPONSES_NAME,
    files,
    options: JSON.stringify({ units }),
    isDivisible: true,
    open: (some) => openResponses(some, { finder, parse, units }),
  };
}

/** The files themselves, and those directly in the folders, by name. */
async function listFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    let entry: Awaited<ReturnType<typeof stat>>;
    try {
      entry = await stat(path);
    } catch (error) {
      throw new IsobarError('IMPORT_INVALID', `${path}: ${(error as Error).message}`);
    }
    if (!entry.isDirectory()) {
      files.push(path);
      continue;
    }
    for (const name of (await readdir(path)).sort()) {
      if ((await stat(join(path, name))).isFile()) files.push(join(path, name));
    }
  }
  return files;
}
