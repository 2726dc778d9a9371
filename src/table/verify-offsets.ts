/**
 * The sets of offsets and identities, compared by SQL over all files of both tables.
 *
 * A row of rejected counts up to the transaction of observations, and one that another version
 * outranks or repeats only when it is not in observations: a landing may have died between its two
 * commits, and the next one may have decided otherwise (more records waited, or an import was undone).
 */
import { literal } from '../sql/text.ts';
import { ROWS_KEY } from './foreign.ts';
import type { TableState } from './snapshot.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from './table.ts';
import { parseLandingAppId, undoneImports } from './transactions.ts';
import type { Findings, VerifyOptions } from './verify.ts';

/** How the detail of a row begins that an operator accepted as removed by another program. */
export const REMOVED_BY = 'removed by ';
const EXAMPLES_MAX = 5;
const WITHOUT_OFFSET = 'log_id IS NULL OR log_partition IS NULL OR log_offset IS NULL';

export type OffsetsOptions = Pick<VerifyOptions, 'session' | 'observations' | 'rejected'>;

export async function verifyOffsets(
  options: OffsetsOptions,
  observations: TableState,
  rejected: TableState,
  findings: Findings,
): Promise<void> {
  await definePlaces(options, observations, rejected);
  await sum(options, findings);
  await compareOffsets(options, findings);
  await compareIdentities(options, undoneImports(observations), findings);
  await compareForeignRows(options, observations, findings);
}

/**
 * Makes the views `v_observations` and `v_rejected` and the tables `committed` (one row per log
 * and partition) and `places` (one row per offset, or range of offsets, and place that holds it).
 */
export async function definePlaces(
  options: OffsetsOptions,
  observations: TableState,
  rejected: TableState,
): Promise<void> {
  const { session } = options;
  await session.define(
    'v_observations',
    await options.observations.localPaths(observations.files),
    OBSERVATION_COLUMNS,
  );
  await session.define(
    'v_rejected',
    await options.rejected.localPaths(rejected.files),
    REJECTED_COLUMNS,
  );
  const committed = [...observations.transactions].flatMap(([appId, last]) => {
    const landed = parseLandingAppId(appId);
    return landed === null ? [] : [{ ...landed, last }];
  });
  const values = committed.map(
    ({ logId, partition, last }) => `(${literal(logId)}, ${partition}, ${last})`,
  );
  await session.execute(`
    CREATE OR REPLACE TEMP TABLE committed (log_id VARCHAR, log_partition INTEGER, last BIGINT);
    ${values.length === 0 ? '' : `INSERT INTO committed VALUES ${values.join(', ')};`}
    CREATE OR REPLACE TEMP TABLE places AS
    SELECT log_id, log_partition, log_offset AS first, log_offset AS last, 'observations' AS place
    FROM v_observations WHERE NOT (${WITHOUT_OFFSET})
    UNION ALL
    SELECT log_id, log_partition, log_offset, coalesce(log_offset_last, log_offset), reason
    FROM v_rejected
    JOIN committed USING (log_id, log_partition)
    WHERE log_offset <= committed.last AND NOT (
      reason IN ('superseded', 'duplicate', 'undone') AND EXISTS (
        SELECT 1 FROM v_observations o
        WHERE o.log_id = v_rejected.log_id AND o.log_partition = v_rejected.log_partition
          AND o.log_offset = v_rejected.log_offset))`);
}

/** Rows that another program added and an operator accepted are of no log. */
async function compareForeignRows(
  { session }: OffsetsOptions,
  { metadata }: TableState,
  { sums, differences }: Findings,
): Promise<void> {
  const rows = await countForeignRows(session);
  const accepted = Number(metadata?.configuration[ROWS_KEY] ?? 0);
  if (rows > 0 || accepted > 0) sums['rows of other programs'] = rows;
  if (rows !== accepted) {
    differences.push(`${rows} rows are of no log, where ${accepted} were accepted`);
  }
}

/** Those that were superseded since are in `rejected`. */
export async function countForeignRows(session: OffsetsOptions['session']): Promise<number> {
  const [found] = await session.query<{ rows: number }>(
    `SELECT (SELECT count(*) FROM v_observations WHERE ${WITHOUT_OFFSET}) + (SELECT count(*) ` +
      `FROM v_rejected WHERE reason = 'superseded' AND (${WITHOUT_OFFSET})) AS rows`,
  );
  return found?.rows ?? 0;
}

async function sum({ session }: OffsetsOptions, { sums }: Findings): Promise<void> {
  const rows = await session.query<{ place: string; offsets: number }>(`
    SELECT CASE WHEN place LIKE 'invalid:%' THEN 'invalid' ELSE place END AS place,
      CAST(sum(last - first + 1) AS BIGINT) AS offsets
    FROM places GROUP BY ALL ORDER BY place`);
  const [all] = await session.query<{ committed: number | null }>(
    'SELECT CAST(sum(last + 1) AS BIGINT) AS committed FROM committed',
  );
  sums['offsets committed'] = all?.committed ?? 0;
  for (const { place, offsets } of rows) sums[`offsets ${place}`] = offsets;
}

async function compareOffsets({ session }: OffsetsOptions, findings: Findings): Promise<void> {
  const doubled = await session.query<Record<string, unknown>>(`
    SELECT log_id, log_partition, first, string_agg(place, ' and ' ORDER BY place) AS found
    FROM places GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT ${EXAMPLES_MAX}`);
  for (const row of doubled) {
    findings.differences.push(`offset ${at(row)} is in more than one place: ${row.found}`);
  }
  const beyond = await session.query<Record<string, unknown>>(`
    SELECT log_id, log_partition, max(places.last) AS first
    FROM places LEFT JOIN committed USING (log_id, log_partition)
    WHERE committed.last IS NULL OR places.last > committed.last
    GROUP BY ALL LIMIT ${EXAMPLES_MAX}`);
  for (const row of beyond) {
    findings.differences.push(`offset ${at(row)} is in a row, but no commit says that it landed`);
  }
  const gaps = await session.query<Record<string, unknown>>(
    `${GAPS} ORDER BY ALL LIMIT ${EXAMPLES_MAX}`,
  );
  for (const row of gaps) {
    findings.differences.push(`offsets ${at(row)} to ${row.last} are in no place`);
  }
}

/**
 * One row per stretch of committed offsets that are in no place: where a place begins more than one
 * after all places before it ended.
 */
export const GAPS = `
    WITH ends AS (
      SELECT log_id, log_partition, first, last FROM places
      UNION ALL SELECT log_id, log_partition, last + 1, last + 1 FROM committed
    ),
    walked AS (
      SELECT *, coalesce(max(last) OVER (PARTITION BY log_id, log_partition ORDER BY first
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1) AS reached
      FROM ends
    )
    SELECT log_id, log_partition, reached + 1 AS first, first - 1 AS last
    FROM walked WHERE first > reached + 1`;

async function compareIdentities(
  { session }: OffsetsOptions,
  undone: readonly number[],
  findings: Findings,
): Promise<void> {
  const twice = await session.query<Record<string, unknown>>(`
    SELECT city_id, observed_at, count(*) AS rows FROM v_observations
    GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT ${EXAMPLES_MAX}`);
  for (const { city_id, observed_at, rows } of twice) {
    findings.differences.push(`observation ${city_id} ${observed_at} is there ${rows} times`);
  }
  const orphans = await session.query<Record<string, unknown>>(`
    SELECT log_id, log_partition, log_offset AS first, reason FROM v_rejected
    JOIN committed USING (log_id, log_partition)
    ANTI JOIN (
      SELECT city_id, observed_at FROM v_observations
      UNION ALL SELECT city_id, observed_at FROM v_rejected WHERE reason = 'lost'
    ) USING (city_id, observed_at)
    WHERE reason IN ('duplicate', 'superseded') AND log_offset <= committed.last
      AND NOT coalesce(list_contains([${undone.join(', ')}]::BIGINT[], import_id), false)
      -- Whose rows another program removed is not known where its files are gone, too.
      AND NOT EXISTS (FROM v_rejected AS l WHERE l.reason = 'lost' AND l.city_id IS NULL
        AND starts_with(l.detail, ${literal(REMOVED_BY)}))
    ORDER BY ALL LIMIT ${EXAMPLES_MAX}`);
  for (const row of orphans) {
    findings.differences.push(`offset ${at(row)} is ${row.reason}, but of no observation there`);
  }
  if (undone.length > 0) {
    const left = await session.query<Record<string, unknown>>(`
      SELECT import_id, count(*) AS rows FROM v_observations
      WHERE import_id IN (${undone.join(', ')}) GROUP BY ALL ORDER BY ALL`);
    for (const { import_id, rows } of left) {
      findings.differences.push(
        `${rows} rows of import ${import_id}, which was undone, are still there; ` +
          `run isobar imports undo ${import_id} again`,
      );
    }
  }
  const odd = await session.query<Record<string, unknown>>(`
    SELECT reason, count(*) AS rows FROM v_rejected
    WHERE reason IS NULL OR NOT (reason IN ('duplicate', 'superseded', 'undone', 'lost')
      OR starts_with(reason, 'invalid: '))
    GROUP BY ALL LIMIT ${EXAMPLES_MAX}`);
  for (const { reason, rows } of odd) {
    findings.differences.push(`rejected holds ${rows} rows with the unknown reason ${reason}`);
  }
}

function at(row: Record<string, unknown>): string {
  return `${row.first} of partition ${row.log_partition} of log ${row.log_id}`;
}
