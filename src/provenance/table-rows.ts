/** The rows of the table behind a number: in which files, from which offsets and sources. */
import type { ImportEntry } from '../model/imports.ts';
import { type Explanation, listEnds } from '../model/provenance.ts';
import type { Row } from '../sql/engine.ts';
import { literal, parquetSql } from '../sql/text.ts';
import type { TableState } from '../table/snapshot.ts';
import type { DataFile } from '../table/table.ts';
import type { Sources } from './sources.ts';

/** Commits that are looked through for those of the listed files. */
const COMMITS_MAX = 5_000;
const COMMITS_AT_ONCE = 32;

export interface Selected {
  readonly cityId: string;
  /** One observation; null for all. */
  readonly observedAt: string | null;
  /** ISO 8601; `from` is inclusive, `to` exclusive. */
  readonly from?: string | null;
  readonly to?: string | null;
}

type Counted = Pick<
  Explanation,
  'row_count' | 'observed_from' | 'observed_to' | 'files' | 'offsets' | 'sources'
> & {
  readonly city: string | null;
  /** Months that hold rows, in order. */
  readonly months: readonly string[];
};

export async function countRows(
  sources: Sources,
  state: TableState,
  selected: Selected,
  signal?: AbortSignal,
): Promise<Counted> {
  const { session } = sources;
  const from = await sourceOf(sources, state, selected);
  const where = conditionOf(selected);
  const files = await session.query<FileRow>(
    `SELECT filename, max_by(city, observed_at) AS city, count(*) AS rows,
       min(observed_at) AS observed_from, max(observed_at) AS observed_to
     FROM ${from.sql} WHERE ${where} GROUP BY filename ORDER BY observed_from, filename`,
    {},
    signal,
  );
  const offsets = await session.query<Explanation['offsets']['listed'][number]>(
    `SELECT log_id, log_partition, min(log_offset) AS first_offset,
       max(log_offset) AS last_offset, count(*) AS count
     FROM ${from.sql} WHERE ${where} GROUP BY ALL ORDER BY first_offset`,
    {},
    signal,
  );
  const origins = await session.query<Omit<SourceRow, 'imported_at' | 'inputs'>>(
    `SELECT source, import_id, count(*) AS rows, min(observed_at) AS observed_from,
       max(observed_at) AS observed_to
     FROM ${from.sql} WHERE ${where} GROUP BY ALL ORDER BY observed_from, source, import_id`,
    {},
    signal,
  );
  const ends = listEnds(files.map((row) => ({ ...row, file: from.fileOf(row.filename) })));
  const commits = await commitsOf(
    sources,
    state.version,
    ends.listed.map(({ file }) => file.path),
  );
  const imports = origins.some(({ import_id }) => import_id !== null)
    ? await sources.imports()
    : [];
  const withInputs = listEnds(origins);
  return {
    city: files.at(-1)?.city ?? null,
    months: [...new Set(files.map(({ filename }) => from.fileOf(filename).month ?? ''))].sort(),
    row_count: files.reduce((sum, { rows }) => sum + rows, 0),
    observed_from: files[0]?.observed_from ?? null,
    observed_to: latest(files.map(({ observed_to }) => observed_to)),
    files: {
      total: ends.total,
      listed: ends.listed.map(({ file, rows, observed_from, observed_to }) => ({
        path: file.storagePath,
        ...{ rows, observed_from, observed_to },
        sha256: state.adds.get(file.path)?.tags?.['isobar.sha256'] ?? null,
        commit: commits.get(file.path) ?? null,
      })),
    },
    offsets: listEnds(offsets),
    sources: {
      total: withInputs.total,
      listed: withInputs.listed.map((row) => withImport(row, imports)),
    },
  };
}

interface FileRow {
  readonly filename: string;
  readonly city: string | null;
  readonly rows: number;
  readonly observed_from: string;
  readonly observed_to: string;
}

type SourceRow = Explanation['sources']['listed'][number];

/** The whole row of one observation; null when the table has none. */
export async function readObservation(
  sources: Sources,
  state: TableState,
  selected: Selected,
): Promise<Row | null> {
  const { sql } = await sourceOf(sources, state, selected);
  const names = Object.keys(sources.columns).join(', ');
  const [row] = await sources.session.query(
    `SELECT ${names} FROM ${sql} WHERE ${conditionOf(selected)} LIMIT 1`,
  );
  return row ?? null;
}

/** Times of the observations just before and after one that is not there. */
export async function readNeighbours(
  sources: Sources,
  state: TableState,
  { cityId, observedAt }: { readonly cityId: string; readonly observedAt: string },
): Promise<{ readonly before: string | null; readonly after: string | null }> {
  const { sql } = await sourceOf(sources, state, { cityId, observedAt: null });
  const time = `TIMESTAMPTZ ${literal(observedAt)}`;
  const [found] = await sources.session.query<{ before: string | null; after: string | null }>(
    `SELECT max(observed_at) FILTER (observed_at < ${time}) AS before,
       min(observed_at) FILTER (observed_at > ${time}) AS after
     FROM ${sql} WHERE city_id = ${literal(cityId)}`,
  );
  return found ?? { before: null, after: null };
}

export function conditionOf({ cityId, observedAt, from = null, to = null }: Selected): string {
  const at = (operator: string, time: string | null) =>
    time === null ? [] : [`observed_at ${operator} TIMESTAMPTZ ${literal(time)}`];
  const times = [...at('=', observedAt), ...at('>=', from), ...at('<', to)];
  return [`city_id = ${literal(cityId)}`, ...times].join(' AND ');
}

/** The files that may hold the rows, and which of them a path on this machine is. */
async function sourceOf(
  { observations, columns }: Sources,
  { files }: TableState,
  { cityId, observedAt }: Selected,
) {
  const fitting = files.filter(({ cityIdMin, cityIdMax, month }) => {
    if (observedAt !== null && month !== null && month !== observedAt.slice(0, 7)) return false;
    return cityIdMin === null || cityIdMax === null || (cityIdMin <= cityId && cityId <= cityIdMax);
  });
  const paths = await observations.localPaths(fitting);
  const byPath = new Map<string, DataFile>();
  for (const [index, path] of paths.entries()) {
    const file = fitting[index];
    if (file !== undefined) byPath.set(path, file);
  }
  return {
    sql: `${selectSql(paths, { ...columns, filename: 'VARCHAR' })} AS explained`,
    fileOf(path: string): DataFile {
      const file = byPath.get(path);
      if (file === undefined)
        throw new Error(`${path}: the engine named a file that was not asked`);
      return file;
    },
  };
}

function selectSql(paths: readonly string[], columns: Readonly<Record<string, string>>): string {
  if (paths.length > 0) return parquetSql(paths, columns);
  const none = Object.entries(columns).map(([name, type]) => `CAST(NULL AS ${type}) AS ${name}`);
  return `(SELECT ${none.join(', ')} WHERE false)`;
}

/** The newest commit up to this version that added each file; those are left out that are gone. */
async function commitsOf(
  { observations }: Sources,
  version: number,
  paths: readonly string[],
): Promise<ReadonlyMap<string, CommitOfFile>> {
  const wanted = new Set(paths);
  const found = new Map<string, CommitOfFile>();
  const last = Math.max(0, version - COMMITS_MAX);
  for (let next = version; next >= last && wanted.size > 0; next -= COMMITS_AT_ONCE) {
    const count = Math.min(COMMITS_AT_ONCE, next - last + 1);
    const numbers = Array.from({ length: count }, (_, index) => next - index);
    const commits = await Promise.all(numbers.map((number) => observations.readCommit(number)));
    for (const [index, actions] of commits.entries()) {
      // Those below are gone as well.
      if (actions === null) return found;
      const info = actions.find((action) => 'commitInfo' in action)?.commitInfo;
      for (const action of actions) {
        if (!('add' in action) || !wanted.delete(action.add.path)) continue;
        found.set(action.add.path, {
          version: next - index,
          at: info === undefined ? null : new Date(info.timestamp).toISOString(),
          operation: info?.operation ?? '',
        });
      }
    }
  }
  return found;
}

type CommitOfFile = NonNullable<Explanation['files']['listed'][number]['commit']>;

function withImport(
  row: Omit<SourceRow, 'imported_at' | 'inputs'>,
  imports: readonly ImportEntry[],
): SourceRow {
  const entry = imports.find(({ import_id }) => import_id === row.import_id);
  if (entry === undefined) return { ...row, imported_at: null, inputs: null };
  // The path on the machine of whoever imported it is theirs.
  const inputs = entry.inputs.map(({ path, sha256 }) => ({
    name: path.split(/[\\/]/).at(-1) ?? path,
    sha256,
  }));
  return { ...row, imported_at: entry.started_at, inputs: listEnds(inputs) };
}

/** Texts of the same form sort as their times do. */
function latest(times: readonly string[]): string | null {
  return times.reduce<string | null>(
    (last, time) => (last === null || Date.parse(time) > Date.parse(last) ? time : last),
    null,
  );
}
