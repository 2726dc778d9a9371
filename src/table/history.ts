/** Every version of one observation that the table knows, the one that counts first. */

import { CONTENT_COLUMNS, contentOf } from '../model/observation.ts';
import type { Row, SqlSession } from '../sql/engine.ts';
import { literal } from '../sql/text.ts';
import type { DeltaTable } from './delta-table.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from './table.ts';

export interface Version {
  /** `current` for the one that counts, else why it does not. */
  readonly state: 'current' | 'duplicate' | 'superseded' | 'undone';
  readonly collected_at: string;
  readonly source: string;
  /** The import that it came with, and the one whose version took its place; null for live data. */
  readonly import_id: number | null;
  readonly import_row: number | null;
  readonly by_import_id: number | null;
  readonly log_id: string;
  readonly log_partition: number;
  readonly log_offset: number;
  /** The measurements that it has. */
  readonly values: Row;
}

export interface HistoryOptions {
  readonly session: SqlSession;
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
}

/** Versions at most: one that is corrected hourly for a year. */
const VERSIONS_MAX = 10_000;

/** `observedAt` is ISO 8601; the versions that do not count follow from the newest to the oldest. */
export async function readHistory(
  { session, observations, rejected }: HistoryOptions,
  cityId: string,
  observedAt: string,
): Promise<Version[]> {
  const state = await observations.refresh();
  const { files: rejectedFiles } = await rejected.refresh();
  const files = state.files.filter((file) => file.month === observedAt.slice(0, 7));
  await session.define('h_current', await observations.localPaths(files), OBSERVATION_COLUMNS);
  await session.define('h_other', await rejected.localPaths(rejectedFiles), REJECTED_COLUMNS);
  const identity = `city_id = ${literal(cityId)} AND observed_at = TIMESTAMPTZ ${literal(observedAt)}`;
  const content = CONTENT_COLUMNS.map((name) => `'${name}': ${name}`).join(', ');
  const rows = await session.query<Omit<Version, 'values'> & { payload: string }>(`
    SELECT 'current' AS state, collected_at, source, import_id, import_row,
      CAST(NULL AS BIGINT) AS by_import_id, log_id, log_partition, log_offset,
      CAST(to_json({${content}}) AS VARCHAR) AS payload
    FROM h_current WHERE ${identity}
    UNION ALL
    SELECT * FROM (
      SELECT reason, collected_at, bytes ->> 'source', import_id,
        TRY_CAST(bytes ->> 'import_row' AS BIGINT), by_import_id, log_id, log_partition,
        log_offset, bytes
      FROM h_other s WHERE ${identity} AND reason IN ('duplicate', 'superseded', 'undone')
        AND NOT EXISTS (SELECT 1 FROM h_current o WHERE o.log_id = s.log_id
          AND o.log_partition = s.log_partition AND o.log_offset = s.log_offset)
      ORDER BY import_id DESC NULLS FIRST, collected_at DESC, log_offset DESC
      LIMIT ${VERSIONS_MAX})`);
  return rows.map(({ payload, ...version }) => ({
    ...version,
    values: contentOf(JSON.parse(payload) as Row),
  }));
}
