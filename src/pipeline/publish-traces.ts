/**
 * The traces of a publication: one span per live record that landed since the one before, and some
 * ids for the log. They are found by the offsets that the two versions of the table hold, so that
 * any process may have landed them.
 */
import type { Publication } from '../analytics/publication.ts';
import { asIsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { RECORDS_TRACED_MAX, TRACES_LOGGED_MAX, traceIdOf } from '../model/trace.ts';
import type { SqlSession } from '../sql/engine.ts';
import { literal, parquetSql } from '../sql/text.ts';
import { readStateAt } from '../table/state-at.ts';
import { OBSERVATION_COLUMNS, type Snapshot } from '../table/table.ts';
import { parseLandingAppId } from '../table/transactions.ts';
import type { Begun } from '../tracing/tracer.ts';
import type { Workspace } from './workspace.ts';

export interface PublishTraces {
  /** What cannot be found out is left out. */
  note(publication: Publication, begun: Begun | undefined): void;
  /** Resolves once all that was noted is done. */
  settle(): Promise<void>;
}

interface Held {
  readonly tableVersion: number;
  /** Partition → last offset that has landed. */
  readonly offsets: ReadonlyMap<number, number>;
}

interface Range {
  readonly partition: number;
  /** Beyond this one. */
  readonly after: number;
  readonly last: number;
}

export async function openPublishTraces(
  workspace: Workspace,
  logger: Logger,
): Promise<PublishTraces> {
  const session = await workspace.session();
  const { id: logId } = await workspace.log();
  let before: Held | null = null;
  let turn = Promise.resolve();

  async function trace(publication: Publication, begun: Begun | undefined): Promise<void> {
    const { version, table_version } = publication;
    const snapshot = await snapshotAt(workspace, session, table_version);
    const held = { tableVersion: table_version, offsets: offsetsOf(snapshot, logId) };
    const known = before ?? (version === 1 ? { tableVersion: -1, offsets: new Map() } : null);
    before = held;
    if (known === null) return;
    const ranges = rangesBetween(known.offsets, held.offsets);
    const count = ranges.reduce((sum, { after, last }) => sum + last - after, 0);
    if (count === 0 || count > RECORDS_TRACED_MAX) return;
    const ids = await readTraceIds(workspace, session, {
      snapshot,
      from: known.tableVersion,
      ranges,
    });
    const attributes = {
      'isobar.publication.version': version,
      'isobar.table.version': table_version,
    };
    for (const id of ids) begun?.end(id, { attributes });
    const trace_ids = ids.slice(0, TRACES_LOGGED_MAX);
    logger.debug({ version, table_version, trace_ids }, 'published');
  }

  return {
    note(publication, begun) {
      turn = turn
        .then(() => trace(publication, begun))
        .catch((error: unknown) => {
          logger.debug(
            `tracing publication ${publication.version}: ${asIsobarError(error).message}`,
          );
        });
    },
    settle: () => turn,
  };
}

async function snapshotAt(
  { observations, storage }: Workspace,
  session: SqlSession,
  version: number,
): Promise<Snapshot> {
  const { latest } = observations;
  if (latest?.version === version) return latest;
  return readStateAt(observations, storage, session, version);
}

function offsetsOf({ transactions }: Snapshot, logId: string): Map<number, number> {
  return new Map(
    [...transactions].flatMap(([appId, last]) => {
      const landing = parseLandingAppId(appId);
      return landing?.logId === logId ? [[landing.partition, last] as const] : [];
    }),
  );
}

function rangesBetween(
  before: ReadonlyMap<number, number>,
  now: ReadonlyMap<number, number>,
): readonly Range[] {
  return [...now]
    .map(([partition, last]) => ({ partition, after: before.get(partition) ?? -1, last }))
    .filter(({ after, last }) => last > after);
}

interface Wanted {
  readonly snapshot: Snapshot;
  /** Version of the table of the publication before. */
  readonly from: number;
  readonly ranges: readonly Range[];
}

async function readTraceIds(
  workspace: Workspace,
  session: SqlSession,
  { snapshot, from, ranges }: Wanted,
): Promise<readonly string[]> {
  const { observations } = workspace;
  const changes = await observations.changes(from, snapshot);
  if (changes === null) return [];
  const months = new Set(changes.months);
  const files = changes.onlyAdded
    ? changes.added
    : snapshot.files.filter(({ month }) => months.has(month ?? ''));
  if (files.length === 0) return [];
  const paths = await observations.localPaths(files);
  const log = await workspace.log();
  const rows = await session.query<{ city_id: string; collected_at: string }>(
    traceRowsSql(paths, log.id, ranges),
  );
  return rows.map(traceIdOf);
}

/** One row per row of the files that was collected live and landed with one of these offsets. */
function traceRowsSql(paths: readonly string[], logId: string, ranges: readonly Range[]): string {
  const landed = ranges.map(({ partition, after, last }) => {
    return `(log_partition = ${partition} AND log_offset > ${after} AND log_offset <= ${last})`;
  });
  return `
    SELECT city_id, collected_at FROM ${parquetSql(paths, OBSERVATION_COLUMNS)}
    WHERE import_id IS NULL AND log_id = ${literal(logId)} AND (${landed.join(' OR ')})
    ORDER BY log_partition, log_offset`;
}
