/**
 * One attempt to land a batch: what lands and what it supersedes, worked out against one state of the
 * table. When another process commits first, the attempt either still holds, or is made again.
 */
import { IsobarError } from '../errors.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { Identities } from './identities.ts';
import { decidedSql, LANDING_SQL, SUPERSEDED_FILES_SQL } from './landing-sql.ts';
import { type MonthRange, monthRanges, overlapping } from './overlap.ts';
import type { TableState } from './snapshot.ts';
import type { Staged } from './staging.ts';
import type { DataFile } from './table.ts';
import { nextOffset, undoneImports } from './transactions.ts';

export interface Batch {
  readonly logId: string;
  readonly appId: string;
  readonly partition: number;
  readonly staged: Staged;
}

export interface Attempt extends Batch {
  readonly state: TableState;
  /** Of the rows to land: by month. */
  readonly months: readonly MonthRange[];
  /** Files of the table that hold superseded rows, with the number of these. */
  readonly superseded: readonly { readonly file: DataFile; readonly rows: number }[];
}

/** The table changed so that the attempt must be made again. */
export class AttemptOvertaken extends Error {}

/** Makes `existing`, `decided` and `landing` from `parsed`. */
export async function makeAttempt(
  session: SqlSession,
  identities: Identities,
  batch: Batch,
  state: TableState,
): Promise<Attempt> {
  const candidates = await monthRanges(session, 'parsed WHERE reason IS NULL');
  const files = await identities.select(state, overlapping(state.files, candidates));
  await session.execute(`${decidedSql(undoneImports(state))}; ${LANDING_SQL}`);
  const found = await session.query<{ file: string; rows: number }>(SUPERSEDED_FILES_SQL);
  const superseded = found.map(({ file: name, rows }) => {
    const file = files.get(name);
    if (file === undefined) throw new IsobarError('INTERNAL', `no file is called ${name}`);
    return { file, rows };
  });
  return { ...batch, state, months: await monthRanges(session, 'landing'), superseded };
}

/** After a lost race: what was decided must hold against what came in between. */
export async function assertStillRight(
  session: SqlSession,
  identities: Identities,
  made: Attempt,
  newest: TableState,
): Promise<void> {
  const { state, superseded, months } = made;
  if (newest.version === state.version) return;
  const isOvertaken =
    nextOffset(newest, made.logId, made.partition) !== made.staged.from ||
    (newest.metadata?.id !== state.metadata?.id && state.version >= 0) ||
    superseded.some(({ file }) => !newest.adds.has(file.path)) ||
    undoneImports(newest).length !== undoneImports(state).length;
  if (isOvertaken) throw new AttemptOvertaken();
  const fresh = overlapping(newest.files, months).filter((file) => {
    return !state.adds.has(file.path) && newest.adds.get(file.path)?.dataChange === true;
  });
  if (fresh.length === 0) return;
  await identities.select(newest, fresh);
  const [found] = await session.query<{ matched: number }>(
    'SELECT count(*) AS matched FROM landing SEMI JOIN existing USING (city_id, observed_at)',
  );
  if (found?.matched !== 0) throw new AttemptOvertaken();
}
