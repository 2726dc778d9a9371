/** What became of an import's records: counted in the tables, not guessed. */
import type { SqlSession } from '../analytics/engine.ts';
import type { AppendedRange } from '../log/log.ts';
import { literal } from '../sql/text.ts';
import type { DataFile } from '../table/table.ts';

export interface Outcome {
  readonly landed: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly invalid: number;
  /** The commonest reasons of invalid records with their counts. */
  readonly reasons: readonly { readonly reason: string; readonly records: number }[];
}

export interface OutcomeOptions {
  readonly session: SqlSession;
  readonly logId: string;
  readonly observations: Readable;
  readonly setAside: Readable;
}

interface Readable {
  readonly latest: { readonly files: readonly DataFile[] } | null;
  localPaths(files: readonly DataFile[]): Promise<string[]>;
}

const COLUMNS = { log_id: 'VARCHAR', log_partition: 'INTEGER', log_offset: 'BIGINT' } as const;
const REASONS_MAX = 20;

export async function readOutcome(
  options: OutcomeOptions,
  ranges: readonly AppendedRange[],
): Promise<Outcome> {
  const { session, logId, observations, setAside } = options;
  if (ranges.length === 0) {
    return { landed: 0, duplicate: 0, superseded: 0, invalid: 0, reasons: [] };
  }
  const paths = (table: Readable) => table.localPaths(table.latest?.files ?? []);
  await session.define('outcome_observations', await paths(observations), COLUMNS);
  const withReason = { ...COLUMNS, reason: 'VARCHAR' } as const;
  await session.define('outcome_set_aside', await paths(setAside), withReason);
  const values = ranges.map(({ partition, first, last }) => `(${partition}, ${first}, ${last})`);
  await session.execute(
    'CREATE OR REPLACE TEMP TABLE outcome_ranges ' +
      '(log_partition INTEGER, first BIGINT, last BIGINT); ' +
      `INSERT INTO outcome_ranges VALUES ${values.join(', ')}`,
  );
  const within = (view: string) =>
    `FROM ${view} v JOIN outcome_ranges r ON v.log_partition = r.log_partition ` +
    `AND v.log_offset BETWEEN r.first AND r.last WHERE v.log_id = ${literal(logId)}`;
  const [landed] = await session.query<{ records: number }>(
    `SELECT count(*) AS records ${within('outcome_observations')}`,
  );
  const rows = await session.query<{ reason: string; records: number }>(
    `SELECT v.reason AS reason, count(*) AS records ${within('outcome_set_aside')} ` +
      'GROUP BY v.reason ORDER BY records DESC, reason',
  );
  const count = (reason: string) => rows.find((row) => row.reason === reason)?.records ?? 0;
  const invalid = rows.filter(({ reason }) => reason.startsWith('invalid: '));
  return {
    landed: landed?.records ?? 0,
    duplicate: count('duplicate'),
    superseded: count('superseded'),
    invalid: invalid.reduce((sum, { records }) => sum + records, 0),
    reasons: invalid.slice(0, REASONS_MAX),
  };
}
