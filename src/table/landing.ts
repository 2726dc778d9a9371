/**
 * Landing: what waits in one log partition becomes rows of `observations` and `rejected`,
 * exactly once.
 *
 *     stage    the log's records into a file                            (staging.ts)
 *     parse    the file into typed rows and reasons                     (parsing-sql.ts)
 *     decide   by identity what lands, supersedes or is a duplicate     (decide.ts)
 *     write    Parquet files                                            (landing-files.ts)
 *     commit   rejected first, then observations with the last offset  (here)
 *
 * A crash between the two commits is finished by the next landing: rows of rejected beyond the
 * transaction of observations do not count yet, and an offset there is not written again.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { Storage } from '../lake/storage.ts';
import type { Log } from '../log/log.ts';
import type { SqlSession } from '../sql/engine.ts';
import { decide, type Superseded } from './decide.ts';
import type { Action } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { openIdentities } from './identities.ts';
import { rewriteSuperseded, writeLandedFiles } from './landing-files.ts';
import { type MonthRange, monthRanges, overlapping } from './overlap.ts';
import { parsedSql } from './parsing-sql.ts';
import { commitRejected } from './rejected.ts';
import { assertWritable, dataFile, type TableState } from './snapshot.ts';
import { type Staged, stageRecords } from './staging.ts';
import type { DataFile } from './table.ts';

export interface SinkOptions {
  readonly log: Log;
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly storage: Storage;
  /** The sink's own: its temporary tables live there. */
  readonly session: SqlSession;
  readonly scratch: string;
  readonly simulated: boolean;
  readonly recordsMax: number;
  readonly bytesMax: number;
  readonly fileBytesMax: number;
  readonly clock?: () => Date;
}

export interface Sink {
  /**
   * Lands what waits in the partition, up to the limits; null when nothing waits or another process
   * landed it. Rejects with LOG_GAP when offsets are missing, and as the table does; what waits
   * stays in the log then.
   */
  land(partition: number, signal?: AbortSignal): Promise<Landed | null>;

  /** Records the offsets as lost, by an operator's word. They must be the next ones to land. */
  acceptLoss(partition: number, from: bigint, to: bigint): Promise<void>;
}

export interface Landed {
  readonly partition: number;
  readonly from: bigint;
  readonly last: bigint;
  /** Rows that landed. */
  readonly rows: number;
  /** Records rejected. */
  readonly rejected: number;
  readonly version: number;
  readonly months: readonly string[];
}

/** Everything of one try to land, worked out against one state of the table. */
export interface Attempt {
  readonly state: TableState;
  readonly appId: string;
  readonly partition: number;
  readonly staged: Staged;
  /** Of the rows to land: by month. */
  readonly months: readonly MonthRange[];
  /** Rows of the table that are superseded: file → their number. */
  readonly superseded: readonly { readonly file: DataFile; readonly rows: number }[];
}

const ATTEMPTS_MAX = 20;
const LANDING_MS_MAX = 3_600_000;

export function landingAppId(logId: string, partition: number): string {
  return `isobar-land-${logId}-${partition}`;
}

/** The log and partition of a landing's transaction; null for any other. */
export function parseLandingAppId(
  appId: string,
): { readonly logId: string; readonly partition: number } | null {
  const [, logId, partition] = /^isobar-land-(.+)-(\d+)$/.exec(appId) ?? [];
  return logId === undefined ? null : { logId, partition: Number(partition) };
}

/** The offset that lands next: one beyond the last that a commit holds. */
export function nextOffset(state: TableState, logId: string, partition: number): bigint {
  return BigInt(state.transactions.get(landingAppId(logId, partition)) ?? -1) + 1n;
}

const UNDO_APP_ID = 'isobar-undo-';

export function undoAppId(importId: number): string {
  return `${UNDO_APP_ID}${importId}`;
}

/** Imports that were undone; their records do not count. */
export function undoneImports(state: TableState): number[] {
  const appIds = [...state.transactions.keys()].filter((appId) => appId.startsWith(UNDO_APP_ID));
  return appIds.map((appId) => Number(appId.slice(UNDO_APP_ID.length)));
}

/** Thrown inside: the table changed so that this try must be worked out again. */
class AttemptOvertaken extends Error {}

export async function openSink(options: SinkOptions): Promise<Sink> {
  const { log, observations, session, clock = () => new Date() } = options;
  const identities = await openIdentities(session, (files) => observations.localPaths(files));
  // One landing at a time works in the session; reading the log for the next goes on meanwhile.
  let turn: Promise<unknown> = Promise.resolve();

  async function land(partition: number, signal?: AbortSignal): Promise<Landed | null> {
    const state = await observations.refresh(signal);
    assertWritable(state, observations.folder, options.simulated);
    const from = nextOffset(state, log.id, partition);
    if (!(await somethingWaits(log, partition, from))) return null;
    const startedAt = clock().getTime();
    const file = join(options.scratch, `staged-${randomUUID()}.tsv`);
    try {
      const limits = { records: options.recordsMax, bytes: options.bytesMax };
      const staged = await stageRecords(log, partition, from, limits, file, signal);
      if (staged.records === 0) return null;
      reachFaultPoint('landing.staged');
      const landing = turn.then(() => landStaged(partition, staged, startedAt, signal));
      turn = landing.catch(() => {});
      const landed = await landing;
      if (landed !== null) await log.landed(partition, landed.last + 1n);
      return landed;
    } finally {
      await rm(file, { force: true });
    }
  }

  async function landStaged(
    partition: number,
    staged: Staged,
    startedAt: number,
    signal?: AbortSignal,
  ): Promise<Landed | null> {
    await session.execute(parsedSql(staged.file, options.simulated), signal);
    await assertAllStaged(session, staged);
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
      signal?.throwIfAborted();
      const state = await observations.refresh();
      if (nextOffset(state, log.id, partition) !== staged.from) return null;
      try {
        const landed = await attempt(partition, staged, state, startedAt);
        await session.execute('DROP TABLE parsed');
        return landed;
      } catch (error) {
        if (!(error instanceof AttemptOvertaken)) throw error;
      }
    }
    throw new IsobarError('COMMIT_CONFLICT', `landing partition ${partition}: always overtaken`);
  }

  async function attempt(
    partition: number,
    staged: Staged,
    state: TableState,
    startedAt: number,
  ): Promise<Landed | null> {
    const appId = landingAppId(log.id, partition);
    const candidates = await monthRanges(session, 'parsed WHERE reason IS NULL');
    const names = await identities.select(state, overlapping(state.files, candidates));
    const superseded = supersededFiles(await decide(session, undoneImports(state)), names);
    const months = await monthRanges(session, 'landing');
    const made: Attempt = { state, appId, partition, staged, months, superseded };
    const rejected = await commitRejected(options, made);
    const adds = await writeLandedFiles(options, made);
    const rewritten = await rewriteSuperseded(options, made);
    reachFaultPoint('landing.files-written');
    const actions: Action[] = [
      ...adds.map(({ add }) => ({ add })),
      ...rewritten,
      { txn: { appId, version: Number(staged.last), lastUpdated: clock().getTime() } },
    ];
    if (rewritten.length > 0) reachFaultPoint('superseding.before-commit');
    const committed = await observations.commit('WRITE', async (newest) => {
      if (clock().getTime() - startedAt > LANDING_MS_MAX) {
        throw new IsobarError('LANDING_STALE', `landing partition ${partition}`);
      }
      if (newest.version !== state.version) await assertStillRight(made, newest);
      reachFaultPoint('landing.before-commit');
      return actions;
    });
    reachFaultPoint('landing.after-commit');
    for (const { add, condition } of adds) {
      await identities.remember(dataFile(observations.folder, add), condition);
    }
    return {
      partition,
      from: staged.from,
      last: staged.last,
      rows: months.reduce((sum, { rows }) => sum + rows, 0),
      rejected,
      version: committed.version,
      months: months.map(({ month }) => month),
    };
  }

  /** After a lost race: what was decided must hold against what came in between, or it is redone. */
  async function assertStillRight(made: Attempt, newest: TableState): Promise<void> {
    const { state, superseded, months } = made;
    if (nextOffset(newest, log.id, made.partition) !== made.staged.from)
      throw new AttemptOvertaken();
    if (newest.metadata?.id !== state.metadata?.id && state.version >= 0)
      throw new AttemptOvertaken();
    if (superseded.some(({ file }) => !newest.adds.has(file.path))) throw new AttemptOvertaken();
    if (undoneImports(newest).length !== undoneImports(state).length) throw new AttemptOvertaken();
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

  async function acceptLoss(partition: number, from: bigint, to: bigint): Promise<void> {
    const appId = landingAppId(log.id, partition);
    const place = `partition ${partition}: ${from} to ${to}`;
    const state = await observations.refresh();
    const next = nextOffset(state, log.id, partition);
    if (next !== from || to < from) {
      throw new IsobarError('USAGE', `${place}: the next offset to land is ${next}`);
    }
    const { first, next: end } = await log.range(partition);
    if (first <= to && first < end) {
      throw new IsobarError('USAGE', `${place}: the log still holds offsets from ${first} on`);
    }
    await commitRejected(options, { state, appId, partition, lost: { from, to } });
    await observations.commit('WRITE', async (newest) => {
      if (nextOffset(newest, log.id, partition) !== from) {
        throw new IsobarError('COMMIT_CONFLICT', `${place}: another process landed meanwhile`);
      }
      return [{ txn: { appId, version: Number(to), lastUpdated: clock().getTime() } }];
    });
  }

  return { land, acceptLoss };
}

async function somethingWaits(log: Log, partition: number, from: bigint): Promise<boolean> {
  const { first, next } = await log.range(partition);
  if (next < from) {
    throw new IsobarError(
      'LOG_GAP',
      `partition ${partition}: the log ends at offset ${next}, but ${from} is the next to land; ` +
        'the log is older than the table',
    );
  }
  if (first > from) {
    throw new IsobarError(
      'LOG_GAP',
      `partition ${partition}: offsets ${from} to ${first - 1n} are gone before they landed`,
      { details: { partition, from: String(from), to: String(first - 1n) } },
    );
  }
  return next > from;
}

async function assertAllStaged(session: SqlSession, staged: Staged): Promise<void> {
  const [sum] = await session.query<{ records: number; offsets: number }>(
    'SELECT count(*) AS records, count(DISTINCT log_offset) AS offsets FROM parsed',
  );
  if (sum?.records !== staged.records || sum.offsets !== staged.records) {
    throw new IsobarError(
      'INTERNAL',
      `staging offsets ${staged.from} to ${staged.last}: ${staged.records} records were written, ` +
        `${sum?.records} read`,
    );
  }
}

function supersededFiles(
  superseded: readonly Superseded[],
  names: ReadonlyMap<string, DataFile>,
): Attempt['superseded'] {
  return superseded.map(({ file, rows }) => {
    const found = names.get(file);
    if (found === undefined) throw new IsobarError('INTERNAL', `no file is called ${file}`);
    return { file: found, rows };
  });
}
