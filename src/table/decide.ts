/**
 * Deciding: by identity and version, what lands, what falls in the table, and what is rejected.
 *
 * Reads the relations `parsed` (the records of a batch) and `existing` (the rows of the table that
 * may share an identity with them); makes
 *
 *     decided   one row per record or row of the table whose identity is matched more than once, with
 *               its `outcome`: NULL (it counts), `duplicate`, `superseded` or `undone`
 *     landing   one row per record that lands
 *
 * `decided.log_offset` is −1 for rows of the table; `file` then is where they lie. `by_offset` and
 * `by_import_id` name the record that counts in the end.
 */

import { PRECEDENCE_IMPORTED, versionSql } from '../model/versions.ts';
import type { SqlSession } from '../sql/engine.ts';

/** A file of the table from which rows fall, by its name in `existing`. */
export interface Superseded {
  readonly file: string;
  readonly rows: number;
}

export async function decide(
  session: SqlSession,
  undone: readonly number[],
): Promise<readonly Superseded[]> {
  await session.execute(`${decidedSql(undone)}; ${LANDING}`);
  return session.query<Superseded & Record<string, unknown>>(
    'SELECT file, count(*) AS rows FROM decided ' +
      'WHERE log_offset < 0 AND outcome IS NOT NULL GROUP BY file',
  );
}

const LANDING = `
  CREATE OR REPLACE TEMP VIEW landing AS
  SELECT * FROM parsed
  ANTI JOIN (SELECT log_offset FROM decided WHERE outcome IS NOT NULL) USING (log_offset)
  WHERE reason IS NULL`;

function decidedSql(undone: readonly number[]): string {
  const known = { imported: 'imported', hash: 'content_hash' };
  const version = versionSql('', undone, known);
  const undoneRecords =
    undone.length === 0
      ? ''
      : `UNION SELECT city_id, observed_at FROM parsed
         WHERE reason IS NULL AND import_id IN (${undone.join(', ')})`;
  return `
    CREATE OR REPLACE TEMP TABLE decided AS
    WITH matched AS (
      SELECT city_id, observed_at FROM parsed WHERE reason IS NULL
      GROUP BY ALL HAVING count(*) > 1
      UNION
      SELECT city_id, observed_at FROM parsed SEMI JOIN existing USING (city_id, observed_at)
      WHERE reason IS NULL
      ${undoneRecords}
    ),
    versions AS (
      SELECT log_offset, city_id, observed_at, NULL AS file, ${version} AS version
      FROM parsed SEMI JOIN matched USING (city_id, observed_at) WHERE reason IS NULL
      UNION ALL
      SELECT -1, city_id, observed_at, file, ${version}
      FROM existing SEMI JOIN matched USING (city_id, observed_at)
    ),
    ranked AS (
      SELECT *, max(version) OVER (PARTITION BY city_id, observed_at ORDER BY log_offset
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM versions
    ),
    compared AS (
      SELECT *,
        CASE
          WHEN log_offset < 0 THEN NULL
          WHEN version.precedence = 0 THEN 'undone'
          WHEN before IS NULL THEN NULL
          WHEN version <= before AND version.content_hash <> before.content_hash THEN 'superseded'
          WHEN version <= before OR (version.content_hash = before.content_hash
            AND version.precedence = ${PRECEDENCE_IMPORTED}
            AND before.precedence = ${PRECEDENCE_IMPORTED}) THEN 'duplicate'
        END AS refused
      FROM ranked
    ),
    counting AS (
      SELECT *,
        max({'log_offset': log_offset, 'import_id': version.import_id})
          FILTER (refused IS NULL) OVER (PARTITION BY city_id, observed_at) AS counts
      FROM compared
    )
    SELECT log_offset, city_id, observed_at, file,
      CASE
        WHEN refused IS NOT NULL THEN refused
        WHEN log_offset < counts.log_offset AND version.precedence = 0 THEN 'undone'
        WHEN log_offset < counts.log_offset THEN 'superseded'
      END AS outcome,
      counts.log_offset AS by_offset, nullif(counts.import_id, 0) AS by_import_id
    FROM counting`;
}
