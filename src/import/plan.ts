/** Which files a command line names, and how they are read. */
import type { SqlSession } from '../sql/engine.ts';
import type { CityFinder } from './cities.ts';
import { HISTORY_UNITS, openHistoryTable } from './history.ts';
import { assertRegularFile, importError, type NamedFile, printable } from './input-file.ts';
import { listFiles } from './inputs.ts';
import { isKaggleFolder, KAGGLE_NAME, kaggleFiles, openKaggleFolder } from './kaggle.ts';
import { openMapped } from './mapped.ts';
import { loadMapping } from './mapping-file.ts';
import { METAR_FILES, METARS_NAME, openMetars, openMetarTable } from './metars.ts';
import {
  HISTORY_TABLES,
  isHistory,
  openResponses,
  RESPONSES_NAME,
  type ResponsesOptions,
} from './responses.ts';
import type { ImportPlan } from './source.ts';
import { assertColumns } from './table.ts';
import { timeFormatOf } from './time-check.ts';

export interface PlanOptions extends Pick<ResponsesOptions, 'parse' | 'units'> {
  /** The file of the mapping, for tables. */
  readonly mapping?: string | undefined;
  readonly finder: CityFinder;
  readonly session: () => Promise<SqlSession>;
  /** Folder for files in the making. */
  readonly scratch: string;
  /** Takes a line for people, such as what was skipped. */
  readonly report: (text: string) => void;
  readonly signal: AbortSignal;
}

const TABLES = /\.((csv|tsv|tab|txt|dat)(\.gz)?|parquet|parq|pq)$/i;
const RECORDINGS = /\.(json|jsonl|ndjson)(\.gz)?$/i;
const ANSWERS = new RegExp(`${RECORDINGS.source}|${HISTORY_TABLES.source}`, 'i');

export async function planImport(
  paths: readonly string[],
  options: PlanOptions,
): Promise<ImportPlan> {
  if (options.mapping !== undefined) return planTables(paths, options.mapping, options);
  const [folder] = paths;
  if (paths.length === 1 && folder !== undefined && isKaggleFolder(folder)) {
    const files = kaggleFiles(folder);
    for (const path of files) await assertRegularFile(path);
    return {
      name: KAGGLE_NAME,
      files,
      options: '{}',
      isDivisible: false,
      open: () => openKaggleFolder(folder, options.finder),
    };
  }
  return planKnown(paths, options);
}

async function planTables(
  paths: readonly string[],
  mappingPath: string,
  { finder, session, scratch, report, signal }: PlanOptions,
): Promise<ImportPlan> {
  const mapping = await loadMapping(mappingPath);
  const files = await listFiles(paths, { wanted: TABLES, except: mappingPath, report });
  if (files.length === 0) throw importError(paths.join(', '), 'no CSV or Parquet file there');
  const options = { mapping, finder, session: await session(), scratch };
  await assertColumns(files, options, signal, async (table) => {
    const { format } = await timeFormatOf(table, mapping, signal);
    if (format === (mapping.time.format ?? 'iso')) return;
    report(`reading the times of ${printable(table.file.name)} as ${format}\n`);
  });
  return {
    name: `import:${mapping.name}`,
    files: files.map(({ path }) => path),
    options: JSON.stringify(mapping),
    isDivisible: true,
    open: async (some) => openMapped(named(files, some), options),
  };
}

async function planKnown(paths: readonly string[], options: PlanOptions): Promise<ImportPlan> {
  const { report, signal } = options;
  const kinds = new Map<string, Kind | null>();
  const kindOf = async (file: NamedFile) => {
    const known = kinds.get(file.path);
    if (known !== undefined) return known;
    const kind = await kindOfFile(file, signal);
    kinds.set(file.path, kind);
    return kind;
  };
  const isWanted = async (file: NamedFile) => (await kindOf(file)) !== null;
  const files = await listFiles(paths, { wanted: ANSWERS, isWanted, report });
  if (files.length === 0) {
    throw importError(paths.join(', '), 'no JSON there; tables need --mapping, see docs/import.md');
  }
  let metars = 0;
  for (const file of files) {
    const kind = await kindOf(file);
    if (kind === null) throw importError(file.path, 'a table needs --mapping, see docs/import.md');
    if (kind === 'metars') metars += 1;
  }
  if (metars === 0) return planRecordings(files, options);
  if (metars === files.length) return planMetars(files, options);
  throw importError(
    paths.join(', '),
    'airport observations and recorded answers are together there; import one after the other',
  );
}

type Kind = 'answers' | 'metars';

async function kindOfFile(file: NamedFile, signal: AbortSignal): Promise<Kind | null> {
  if (!TABLES.test(file.path)) return 'answers';
  if (METAR_FILES.test(file.path) && (await openMetarTable(file, signal)) !== null) return 'metars';
  if (!HISTORY_TABLES.test(file.path)) return null;
  return (await openHistoryTable(file, signal)) === null ? null : 'answers';
}

function planMetars(files: readonly NamedFile[], options: PlanOptions): ImportPlan {
  return {
    name: METARS_NAME,
    files: files.map(({ path }) => path),
    options: '{}',
    isDivisible: true,
    open: (some) => openMetars(named(files, some), options),
  };
}

async function planRecordings(
  files: readonly NamedFile[],
  { finder, parse, units, scratch, signal }: PlanOptions,
): Promise<ImportPlan> {
  let hasHistory = false;
  for (const file of files) {
    hasHistory = (await isHistory(file, units, signal)) || hasHistory;
  }
  const read = { units: units ?? 'metric' };
  return {
    name: RESPONSES_NAME,
    files: files.map(({ path }) => path),
    options: JSON.stringify(hasHistory ? { ...read, history: units ?? HISTORY_UNITS } : read),
    isDivisible: true,
    open: (some) => openResponses(named(files, some), { finder, parse, units, scratch }),
  };
}

/** Those of the files that have these paths, in their order. */
function named(files: readonly NamedFile[], paths: readonly string[]): NamedFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return paths.flatMap((path) => byPath.get(path) ?? []);
}
