/**
 * A preview of what records would do to the table, without writing anything: the landing's own
 * parsing and deciding, against the rows that are there and those of earlier batches of the preview.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTENT_COLUMNS } from '../model/observation.ts';
import { REJECTED_FIELD_TYPE } from '../model/validity.ts';
import type { Row, SqlSession } from '../sql/engine.ts';
import { parquetSql } from '../sql/text.ts';
import type { DeltaTable } from './delta-table.ts';
import { openIdentities } from './identities.ts';
import { decidedSql, LANDING_SQL } from './landing-sql.ts';
import { monthRanges, overlapping } from './overlap.ts';
import { parsedSql } from './parsing-sql.ts';
import { formatStaged } from './staging.ts';
import { OBSERVATION_COLUMNS } from './table.ts';
import { undoneImports } from './transactions.ts';

export interface Preview {
  /** Adds a batch, in order. */
  add(records: readonly Uint8Array[], signal: AbortSignal): Promise<void>;
  /** What the batches so far would do. */
  readonly counts: PreviewCounts;
  /** The first observations that would change, with what is there before; null: nothing. */
  readonly examples: readonly PreviewExample[];
}

interface PreviewCounts {
  landed: number;
  duplicate: number;
  /** Rows of the table and records. */
  superseded: number;
  /** Of those the rows of the table. */
  replaced: number;
  invalid: number;
  /** Reason without its place and value → records. */
  readonly reasons: Map<string, number>;
  /** `field: reason` → records. */
  readonly rejectedFields: Map<string, number>;
}

interface PreviewExample {
  readonly city_id: string;
  readonly observed_at: string;
  readonly before: Row | null;
  readonly after: Row;
}

export interface PreviewOptions {
  /** Of its own: its temporary tables live there. */
  readonly session: SqlSession;
  readonly observations: DeltaTable;
  readonly scratch: string;
  readonly simulated: boolean;
}

const EXAMPLES_MAX = 5;
const KEY = 'city_id, observed_at, imported, import_id, import_row, collected_at, content_hash';
/** In the column `file`, of rows that an earlier batch would land. */
const PREVIEWED = 'previewed';

export async function openPreview(options: PreviewOptions): Promise<Preview> {
  const { session, observations } = options;
  const state = await observations.refresh();
  const undone = undoneImports(state);
  const identities = await openIdentities(session, (files) => observations.localPaths(files));
  await session.execute(`CREATE OR REPLACE TEMP TABLE previewed (
    city_id VARCHAR, observed_at TIMESTAMPTZ, imported BOOLEAN, import_id BIGINT,
    import_row BIGINT, collected_at TIMESTAMPTZ, content_hash UBIGINT)`);
  const counts: PreviewCounts = {
    landed: 0,
    replaced: 0,
    duplicate: 0,
    superseded: 0,
    invalid: 0,
    reasons: new Map(),
    rejectedFields: new Map(),
  };
  const examples: PreviewExample[] = [];

  async function add(records: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const file = join(options.scratch, `preview-${randomUUID()}.tsv`);
    try {
      const lines = formatStaged(records.map((value, index) => ({ offset: BigInt(index), value })));
      await writeFile(file, lines, { signal });
      await session.execute(parsedSql(file, options.simulated), signal);
      const ranges = await monthRanges(session, 'parsed WHERE reason IS NULL');
      const files = overlapping(state.files, ranges);
      await identities.select(state, files);
      await session.execute(`
        CREATE OR REPLACE TEMP TABLE of_table AS SELECT * FROM existing
        SEMI JOIN parsed USING (city_id, observed_at);
        CREATE OR REPLACE TEMP VIEW existing AS
        SELECT * FROM of_table ANTI JOIN previewed USING (city_id, observed_at)
        UNION ALL SELECT *, '${PREVIEWED}' FROM previewed`);
      await session.execute(`${decidedSql(undone)}; ${LANDING_SQL}`);
      await count();
      if (examples.length < EXAMPLES_MAX) await takeExamples(await observations.localPaths(files));
      await session.execute(`
        DELETE FROM previewed WHERE (city_id, observed_at) IN
          (SELECT (city_id, observed_at) FROM landing);
        INSERT INTO previewed SELECT ${KEY} FROM landing`);
    } finally {
      await rm(file, { force: true });
    }
  }

  async function count(): Promise<void> {
    const outcomes = await session.query<{ outcome: string; rows: number }>(`
      SELECT CASE WHEN log_offset >= 0 THEN outcome
        WHEN file = '${PREVIEWED}' THEN 'taken back' ELSE 'replaced' END AS outcome,
        count(*) AS rows
      FROM decided WHERE outcome IS NOT NULL GROUP BY ALL`);
    const of = (outcome: string) => outcomes.find((row) => row.outcome === outcome)?.rows ?? 0;
    const [landing] = await session.query<{ rows: number }>('SELECT count(*) AS rows FROM landing');
    // What an earlier batch would land and this one replaces counts as superseded after all.
    counts.landed += (landing?.rows ?? 0) - of('taken back');
    counts.superseded += of('superseded') + of('taken back') + of('replaced');
    counts.replaced += of('replaced');
    counts.duplicate += of('duplicate');
    const reasons = await session.query<{ reason: string; rows: number }>(`
      SELECT regexp_replace(substr(reason, 10), ' \\(.*$', '') AS reason, count(*) AS rows
      FROM parsed WHERE reason IS NOT NULL GROUP BY 1`);
    for (const { reason, rows } of reasons) {
      counts.invalid += rows;
      counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + rows);
    }
    const fields = await session.query<{ field: string; rows: number }>(`
      SELECT f.field || ': ' || f.reason AS field, count(*) AS rows
      FROM (SELECT unnest(from_json(rejected_fields, '${REJECTED_FIELD_TYPE}')) AS f
        FROM parsed WHERE reason IS NULL AND rejected_fields IS NOT NULL)
      GROUP BY 1`);
    for (const { field, rows } of fields) {
      counts.rejectedFields.set(field, (counts.rejectedFields.get(field) ?? 0) + rows);
    }
  }

  async function takeExamples(paths: readonly string[]): Promise<void> {
    const columns = `city_id, observed_at, ${CONTENT_COLUMNS.join(', ')}`;
    const wanted = EXAMPLES_MAX - examples.length;
    await session.execute(`CREATE OR REPLACE TEMP TABLE examples AS
      SELECT log_offset, ${columns} FROM landing
      ANTI JOIN previewed USING (city_id, observed_at) ORDER BY log_offset LIMIT ${wanted}`);
    const after = await session.query<Row>(`SELECT ${columns} FROM examples ORDER BY log_offset`);
    const before =
      paths.length === 0
        ? []
        : await session.query<Row>(`SELECT ${columns}
            FROM ${parquetSql(paths, OBSERVATION_COLUMNS)}
            SEMI JOIN examples USING (city_id, observed_at)`);
    const keyOf = (row: Row) => `${row.city_id} ${row.observed_at}`;
    const known = new Map(before.map((row) => [keyOf(row), row]));
    for (const row of after) {
      const { city_id, observed_at, ...content } = row;
      const there = known.get(keyOf(row));
      const { city_id: _id, observed_at: _at, ...old } = there ?? {};
      examples.push({
        city_id: String(city_id),
        observed_at: String(observed_at),
        before: there === undefined ? null : old,
        after: content,
      });
    }
  }

  return { add, counts, examples };
}
