/** What became of an import's records: counted in the tables, not guessed. */

import type { ImportCounts } from '../model/imports.ts';
import { REJECTED_FIELD_TYPE } from '../model/validity.ts';
import { VARIABLE_NAMES } from '../model/variables.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import type { DataFile } from '../table/table.ts';

export interface Outcome extends ImportCounts {
  /** The commonest reasons of invalid records, without their values, and one with its value. */
  readonly reasons: readonly {
    readonly reason: string;
    readonly records: number;
    readonly example: string;
  }[];
  /** Fields that were not used, with their counts: the rest of their records landed. */
  readonly rejected_fields: readonly RejectedFieldCount[];
  /** Whether any landed row has a measurement. */
  readonly has_measurements: boolean;
}

interface RejectedFieldCount {
  readonly field: string;
  readonly reason: string;
  readonly records: number;
  /** One of the values. */
  readonly example: string;
}

export interface OutcomeOptions {
  readonly session: SqlSession;
  readonly observations: Readable;
  readonly rejected: Readable;
  /** The columns of both. */
  readonly columns: { readonly observations: Columns; readonly rejected: Columns };
}

interface Readable {
  readonly latest: { readonly files: readonly DataFile[] } | null;
  localPaths(files: readonly DataFile[]): Promise<string[]>;
}

const REASONS_MAX = 20;

/** Refresh both tables first. */
export async function readOutcome(options: OutcomeOptions, importId: number): Promise<Outcome> {
  const { session, observations, rejected, columns } = options;
  const paths = (table: Readable) => table.localPaths(table.latest?.files ?? []);
  await session.define('outcome_observations', await paths(observations), columns.observations);
  await session.define('outcome_rejected', await paths(rejected), columns.rejected);
  const measured = VARIABLE_NAMES.map((name) => `${name} IS NOT NULL`).join(' OR ');
  const [landed] = await session.query<{ rows: number; measured: number }>(`
    SELECT count(*) AS rows, count(*) FILTER (${measured} OR condition IS NOT NULL) AS measured
    FROM outcome_observations WHERE import_id = ${importId}`);
  const [counts] = await session.query<Omit<ImportCounts, 'landed'> & Record<string, unknown>>(`
    SELECT
      count(*) FILTER (reason = 'superseded' AND by_import_id = ${importId}
        AND import_id IS DISTINCT FROM ${importId}) AS replaced,
      count(*) FILTER (reason = 'duplicate' AND import_id = ${importId}) AS duplicate,
      count(*) FILTER (reason = 'superseded') AS superseded,
      count(*) FILTER (starts_with(reason, 'invalid: ') AND import_id = ${importId}) AS invalid
    FROM outcome_rejected
    WHERE import_id = ${importId} OR by_import_id = ${importId}`);
  const none = { replaced: 0, duplicate: 0, superseded: 0, invalid: 0 };
  return {
    landed: landed?.rows ?? 0,
    ...(counts ?? none),
    has_measurements: (landed?.measured ?? 0) > 0,
    reasons: await readReasons(session, importId),
    rejected_fields: await readFields(session, importId),
  };
}

/** Reasons without what stands in brackets at their end: the place and the value. */
function readReasons(session: SqlSession, importId: number): Promise<Outcome['reasons'][number][]> {
  return session.query(`
    SELECT regexp_replace(substr(reason, 10), ' \\(.*$', '') AS reason,
      count(*) AS records, substr(min_by(reason, log_offset), 10) AS example
    FROM outcome_rejected
    WHERE import_id = ${importId} AND starts_with(reason, 'invalid: ')
    GROUP BY 1 ORDER BY records DESC, 1 LIMIT ${REASONS_MAX}`);
}

function readFields(session: SqlSession, importId: number): Promise<RejectedFieldCount[]> {
  return session.query(`
    SELECT f.field AS field, f.reason AS reason, count(*) AS records,
      min_by(f.value, log_offset) AS example
    FROM (
      SELECT log_offset, unnest(from_json(rejected_fields, '${REJECTED_FIELD_TYPE}')) AS f
      FROM outcome_observations WHERE import_id = ${importId} AND rejected_fields IS NOT NULL
    )
    GROUP BY ALL ORDER BY records DESC, 1, 2 LIMIT ${REASONS_MAX}`);
}
