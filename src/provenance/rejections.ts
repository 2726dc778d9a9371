/** Rejected records: how many a city has, and those of one observation. */
import { contentOf } from '../model/observation.ts';
import type { Explanation } from '../model/provenance.ts';
import { parquetSql } from '../sql/text.ts';
import type { Sources } from './sources.ts';
import { conditionOf, type Selected } from './table-rows.ts';

type Version = Explanation['versions']['listed'][number];

/** Why a record is invalid begins like this; the rest names a value. */
const REASON = "CASE WHEN starts_with(reason, 'invalid') THEN 'invalid' ELSE reason END";
const REJECTIONS_MAX = 100;

export async function countRejected(
  sources: Sources,
  selected: Selected,
): Promise<Explanation['rejected']> {
  const source = await sourceOf(sources);
  if (source === null) return [];
  return sources.session.query(
    `SELECT ${REASON} AS reason, count(*) AS rows FROM ${source} WHERE ${conditionOf(selected)}
     GROUP BY ALL ORDER BY reason`,
  );
}

/** Of one observation, the newest first. */
export async function readRejections(sources: Sources, selected: Selected): Promise<Version[]> {
  const source = await sourceOf(sources);
  if (source === null) return [];
  const rows = await sources.session.query<Omit<Version, 'values'> & { payload: string | null }>(
    `SELECT reason AS state, collected_at,
       CASE WHEN json_valid(bytes) THEN bytes ->> 'source' END AS source, import_id,
       CASE WHEN json_valid(bytes) THEN TRY_CAST(bytes ->> 'import_row' AS BIGINT) END
         AS import_row,
       by_import_id, log_id, log_partition, log_offset, detail, bytes AS payload
     FROM ${source} WHERE ${conditionOf(selected)}
     ORDER BY collected_at DESC, log_offset DESC LIMIT ${REJECTIONS_MAX}`,
  );
  return rows.map(({ payload, ...version }) => ({ ...version, values: valuesOf(payload) }));
}

async function sourceOf({ rejected, rejectedColumns }: Sources): Promise<string | null> {
  const { files } = await rejected.refresh();
  if (files.length === 0) return null;
  return `${parquetSql(await rejected.localPaths(files), rejectedColumns)} AS r`;
}

/** Of a record as it came, which may be anything. */
function valuesOf(payload: string | null): Version['values'] {
  let record: unknown;
  try {
    record = JSON.parse(payload ?? '');
  } catch {
    return {};
  }
  if (typeof record !== 'object' || record === null) return {};
  return contentOf(record as Readonly<Record<string, unknown>>);
}
