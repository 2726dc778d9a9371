/** Whether the files that a publication names hold what it says of them. */
import { createHash } from 'node:crypto';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import { fileLiteral } from '../sql/text.ts';
import {
  aggregatesOf,
  aggregatesProblem,
  filesOf,
  type Partial,
  type Publication,
  type PublishedFile,
} from './publication.ts';

export interface VerifyFilesOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
}

/** Every file is there, with the bytes and the number of rows that were published. */
export async function verifyFiles(
  { storage, session }: VerifyFilesOptions,
  publication: Publication,
): Promise<string[]> {
  const differences: string[] = [];
  for (const { path, sha256, rows } of filesOf(publication)) {
    if ((await storage.stat(path)) === null) {
      differences.push(`${path}: the file is missing`);
      continue;
    }
    const bytes = await storage.read(path);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
      differences.push(`${path}: its content was changed (sha256)`);
      continue;
    }
    const counted = path.endsWith('.jsonl')
      ? bytes.reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0)
      : await countRows(session, await storage.localPath(path));
    if (counted !== rows) {
      differences.push(`${path}: ${counted} rows, publication ${publication.version} says ${rows}`);
    }
  }
  return differences;
}

async function countRows(session: SqlSession, path: string): Promise<number | undefined> {
  const [found] = await session.query<{ rows: number }>(
    `SELECT count(*) AS rows FROM read_parquet(${fileLiteral(path)})`,
  );
  return found?.rows;
}

/**
 * The partial aggregates stand for the months that they name, with all of their rows; the view `observations`
 * holds those of the publication's version. Aggregates that cannot be gone on from cost time, not the
 * datasets; a wrong month would be merged into the next ones.
 */
export async function verifyAggregates(
  options: VerifyFilesOptions,
  publication: Publication,
): Promise<string[]> {
  const { version } = publication;
  const aggregates = aggregatesOf(publication);
  if (aggregates === null) return aggregatesProblem(publication);
  const counts = await countByMonth(options.session);
  const differences: string[] = [];
  const say = (problem: string) => differences.push(`publication ${version}: ${problem}`);
  const seen = new Set<string>();
  for (const partial of aggregates.partials) {
    for (const month of partial.months) {
      if (seen.has(month)) say(`two partial aggregates stand for ${month}`);
      if (!counts.has(month)) say(`a partial aggregate stands for ${month}, which has no row`);
      seen.add(month);
    }
    for (const [kind, file] of counted(partial.files)) {
      await comparePartial(options, partial, file, counts, (problem) => say(`${kind}: ${problem}`));
    }
  }
  for (const [kind, file] of counted(aggregates.rollup?.files ?? {})) {
    const months = aggregates.rollup?.months ?? [];
    const wanted = months.reduce((sum, month) => sum + (counts.get(month) ?? 0), 0);
    const [found] = await options.session.query<{ rows: number | null }>(
      `SELECT CAST(sum(observation_count) AS BIGINT) AS rows FROM ${await sourceOf(options, file)}`,
    );
    const rows = found?.rows ?? 0;
    if (rows !== wanted) say(`${kind}: the rollup holds ${rows} rows, its months have ${wanted}`);
  }
  return differences;
}

/**
 * The partial aggregates that hold the number of their rows; those of coverage hold only what is
 * missing, those of months of the city's clock no part of the rollup's last month.
 */
function counted(files: Readonly<Record<string, PublishedFile>>): [string, PublishedFile][] {
  const others = ['coverage', 'month_rows', 'calendar_months'];
  return Object.entries(files).filter(([kind]) => !others.includes(kind));
}

async function comparePartial(
  options: VerifyFilesOptions,
  partial: Partial,
  file: PublishedFile,
  counts: ReadonlyMap<string, number>,
  say: (problem: string) => void,
): Promise<void> {
  const rows = await options.session.query<{ month: string; rows: number }>(
    'SELECT month, CAST(sum(observation_count) AS BIGINT) AS rows ' +
      `FROM ${await sourceOf(options, file)} GROUP BY month`,
  );
  const found = new Map(rows.map((row) => [row.month, row.rows]));
  for (const month of partial.months) {
    const [held, wanted] = [found.get(month) ?? 0, counts.get(month) ?? 0];
    if (held !== wanted)
      say(`${month}: the partial aggregates hold ${held} rows, the table has ${wanted}`);
  }
  const others = [...found.keys()].filter((month) => !partial.months.includes(month));
  if (partial.whole && others.length > 0) say(`the file holds ${others.join(', ')}, too`);
}

async function countByMonth(session: SqlSession): Promise<Map<string, number>> {
  const rows = await session.query<{ month: string; rows: number }>(
    "SELECT strftime(observed_at, '%Y-%m') AS month, count(*) AS rows FROM observations GROUP BY ALL",
  );
  return new Map(rows.map(({ month, rows: count }) => [month, count]));
}

async function sourceOf({ storage }: VerifyFilesOptions, { path }: PublishedFile): Promise<string> {
  return `read_parquet(${fileLiteral(await storage.localPath(path))})`;
}
