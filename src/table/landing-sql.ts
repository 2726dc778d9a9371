/**
 * The relations of a landing, in the order in which they are made.
 *
 *     parsed     one row per staged record, with its fields and why it is invalid (parsing-sql.ts)
 *     existing   one row per row of the table that may share an identity with one (identities.ts)
 *     decided    one row per record or row of the table whose identity is matched more than once,
 *                with its `outcome`: NULL (it counts), `duplicate`, `superseded` or `undone`
 *     landing    one row per record that lands
 *     rejecting  one row per record that does not land, and per row of the table that is superseded
 *
 * `decided.log_offset` is −1 for rows of the table; `file` then names their file. `by_offset` and
 * `by_import_id` name the record that counts in the end.
 */
import { PRECEDENCE_IMPORTED, versionSql } from '../model/versions.ts';
import { literal, parquetSql } from '../sql/text.ts';
import { OBSERVATION_COLUMNS } from './table.ts';

/** From `parsed` and `existing`; of undone imports no record counts. */
export function decidedSql(undone: readonly number[]): string {
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

/** From `parsed` and `decided`. */
export const LANDING_SQL = `
  CREATE OR REPLACE TEMP VIEW landing AS
  SELECT * FROM parsed
  ANTI JOIN (SELECT log_offset FROM decided WHERE outcome IS NOT NULL) USING (log_offset)
  WHERE reason IS NULL`;

/** One row per file of the table that holds superseded rows. */
export const SUPERSEDED_FILES_SQL = `
  SELECT file, count(*) AS rows FROM decided
  WHERE log_offset < 0 AND outcome IS NOT NULL GROUP BY file`;

/** One row per observation that lands, with the table's columns in their order. */
export function landedRowsSql(logId: string, partition: number): string {
  const made: Partial<Record<string, string>> = {
    city: 'coalesce(city, city_id)',
    hour_utc: 'CAST(hour(observed_at) AS INTEGER)',
    hour_local: 'CAST(hour(observed_at + to_seconds(utc_offset_s)) AS INTEGER)',
    log_id: literal(logId),
    log_partition: `CAST(${partition} AS INTEGER)`,
  };
  const columns = Object.entries(OBSERVATION_COLUMNS).map(([name, type]) => {
    return `CAST(${made[name] ?? name} AS ${type}) AS ${name}`;
  });
  return `SELECT ${columns.join(', ')} FROM landing`;
}

/** One row per record of the batch that does not land. */
export function rejectedRecordsSql(logId: string, partition: number): string {
  return `
    SELECT ${literal(logId)} AS log_id, CAST(${partition} AS INTEGER) AS log_partition, log_offset,
      CAST(NULL AS BIGINT) AS log_offset_last,
      coalesce(parsed.reason, decided.outcome) AS reason, parsed.city_id, parsed.observed_at,
      collected_at, CAST(NULL AS VARCHAR) AS detail,
      CASE WHEN hex IS NOT NULL THEN 'hex:' || lower(hex)
        WHEN parsed.reason IS NULL OR strlen(text) <= 65536 THEN text
        ELSE left(text, 16384) END AS bytes,
      length, coalesce(nullif(parsed.sha256, ''), sha256(text)) AS sha256,
      import_id, by_import_id
    FROM parsed LEFT JOIN decided USING (log_offset)
    WHERE parsed.reason IS NOT NULL OR decided.outcome IS NOT NULL`;
}

/**
 * One row per record of the batch that was collected live, the first ones by offset: what its trace
 * is made from, and what became of it.
 */
export function tracedRecordsSql(limit: number): string {
  return `
    SELECT log_offset, parsed.city_id, collected_at,
      split_part(coalesce(parsed.reason, decided.outcome, 'landed'), ':', 1) AS outcome
    FROM parsed LEFT JOIN decided USING (log_offset)
    WHERE import_id IS NULL AND parsed.city_id IS NOT NULL AND collected_at IS NOT NULL
    ORDER BY log_offset LIMIT ${limit}`;
}

/** One row per row of the table that a record of the batch supersedes, with all of its content. */
export function supersededRowsSql(paths: readonly string[], partition: number): string {
  return `
    SELECT ${PAYLOAD_COLUMNS}, decided.outcome AS reason, by_import_id,
      'by offset ' || decided.by_offset || ' of partition ${partition}' AS detail
    FROM ${payloadSql(paths)} AS old
    JOIN decided ON decided.city_id = old.city_id AND decided.observed_at = old.observed_at
      AND decided.log_offset < 0 AND decided.outcome IS NOT NULL`;
}

/** One row per row of the import in these files. */
export function undoneRowsSql(paths: readonly string[], importId: number): string {
  return `
    SELECT ${PAYLOAD_COLUMNS}, 'undone' AS reason, CAST(NULL AS BIGINT) AS by_import_id,
      CAST(NULL AS VARCHAR) AS detail
    FROM ${payloadSql(paths)} AS old WHERE import_id = ${importId}`;
}

/** One row for all of the offsets. */
export function lostOffsetsSql(
  logId: string,
  partition: number,
  { from, to }: { readonly from: bigint; readonly to: bigint },
): string {
  return `
    SELECT ${literal(logId)} AS log_id, CAST(${partition} AS INTEGER) AS log_partition,
      CAST(${from} AS BIGINT) AS log_offset, CAST(${to} AS BIGINT) AS log_offset_last,
      'lost' AS reason, CAST(NULL AS VARCHAR) AS city_id,
      CAST(NULL AS TIMESTAMPTZ) AS observed_at, CAST(NULL AS TIMESTAMPTZ) AS collected_at,
      'accepted by an operator' AS detail, CAST(NULL AS VARCHAR) AS bytes,
      CAST(0 AS BIGINT) AS length, CAST(NULL AS VARCHAR) AS sha256,
      CAST(NULL AS BIGINT) AS import_id, CAST(NULL AS BIGINT) AS by_import_id`;
}

/** What `rejected` keeps of a row of the table. */
const PAYLOAD_COLUMNS =
  'old.log_id, old.log_partition, old.log_offset, CAST(NULL AS BIGINT) AS log_offset_last, ' +
  'old.city_id, old.observed_at, old.collected_at, payload AS bytes, ' +
  'CAST(strlen(payload) AS BIGINT) AS length, sha256(payload) AS sha256, old.import_id';

/** One row per row of the files, with the whole of it as JSON. */
function payloadSql(paths: readonly string[]): string {
  return `(SELECT *, CAST(to_json(r) AS VARCHAR) AS payload
    FROM ${parquetSql(paths, OBSERVATION_COLUMNS)} AS r)`;
}
