/**
 * Landing: what waits in one log partition becomes rows of `observations` and `rejected`,
 * exactly once.
 *
 *     stage    the log's records into a file                            (staging.ts)
 *     parse    the file into typed rows and reasons                     (parsing-sql.ts)
 *     decide   by identity what lands, supersedes or is a duplicate     (attempt.ts)
 *     write    Parquet files                                            (landing-files.ts)
 *     commit   rejected first, then observations with the last offset   (here)
 *
 * The relations that carry it from step to step are in landing-sql.ts.
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
import type { Begun, Tracer } from '../tracing/tracer.ts';
import {
  type Attempt,
  AttemptOvertaken,
  assertStillRight,
  type Batch,
  makeAttempt,
} from './attempt.ts';
import type { Action } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { type Identities, openIdentities } from './identities.ts';
import { rewriteSuperseded, writeLandedFiles } from './landing-files.ts';
import { traceLanding } from './landing-traces.ts';
import { parsedSql } from './parsing-sql.ts';
import { commitRejected } from './rejected.ts';
import { assertWritable, dataFile } from './snapshot.ts';
import { type Staged, stageRecords } from './staging.ts';
import { landingAppId, nextOffset } from './transactions.ts';

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
  readonly tracer?: Tracer | undefined;
  /** Trace ids that a landing names for the log at most; none by default. */
  readonly traceIdsMax?: number;
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
  /** Of some of its live records, when the log wants them. */
  readonly traceIds: readonly string[];
}

const ATTEMPTS_MAX = 20;
const LANDING_MS_MAX = 3_600_000;

export async function openSink(options: SinkOptions): Promise<Sink> {
  const { observations, session } = options;
  const identities = await openIdentities(session, (files) => observations.localPaths(files));
  return new LandingSink(options, identities);
}

class LandingSink implements Sink {
  readonly #options: SinkOptions;
  readonly #identities: Identities;
  readonly #clock: () => Date;
  /** One landing at a time works in the session; reading the log for the next goes on meanwhile. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SinkOptions, identities: Identities) {
    this.#options = options;
    this.#identities = identities;
    this.#clock = options.clock ?? (() => new Date());
  }

  async land(partition: number, signal?: AbortSignal): Promise<Landed | null> {
    const { log, observations, scratch, simulated } = this.#options;
    const state = await observations.refresh(signal);
    assertWritable(state, observations.folder, simulated);
    const from = nextOffset(state, log.id, partition);
    if (!(await somethingWaits(log, partition, from))) return null;
    const startedAt = this.#clock().getTime();
    const begun = this.#options.tracer?.begin('land');
    const file = join(scratch, `staged-${randomUUID()}.tsv`);
    try {
      const limits = { records: this.#options.recordsMax, bytes: this.#options.bytesMax };
      const staged = await stageRecords(log, partition, from, limits, file, signal);
      if (staged.records === 0) return null;
      reachFaultPoint('landing.staged');
      const batch = { logId: log.id, appId: landingAppId(log.id, partition), partition, staged };
      const landing = this.#turn.then(() => this.#landStaged(batch, { startedAt, begun }, signal));
      this.#turn = landing.catch(() => {});
      const landed = await landing;
      if (landed !== null) await log.landed(partition, landed.last + 1n);
      return landed;
    } finally {
      await rm(file, { force: true });
    }
  }

  async #landStaged(
    batch: Batch,
    { startedAt, begun }: { readonly startedAt: number; readonly begun: Begun | undefined },
    signal?: AbortSignal,
  ): Promise<Landed | null> {
    const { log, observations, session, simulated, traceIdsMax: idsMax = 0 } = this.#options;
    const { partition, staged } = batch;
    await session.execute(parsedSql(staged.file, simulated), signal);
    await assertAllStaged(session, staged);
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
      signal?.throwIfAborted();
      // The newest that is known will do for the first attempt: the commit looks again.
      const { latest } = observations;
      const state = attempts === 0 && latest !== null ? latest : await observations.refresh();
      if (nextOffset(state, log.id, partition) !== staged.from) return null;
      try {
        const made = await makeAttempt(session, this.#identities, batch, state);
        const landed = await this.#write(made, startedAt);
        const traced = { begun, idsMax };
        const traceIds = await traceLanding(session, batch, landed.version, traced);
        await session.execute('DROP TABLE parsed');
        return { ...landed, traceIds };
      } catch (error) {
        if (!(error instanceof AttemptOvertaken)) throw error;
      }
    }
    throw new IsobarError('COMMIT_CONFLICT', `landing partition ${partition}: always overtaken`);
  }

  /** Writes the files and commits: first what is rejected, then what lands, with the last offset. */
  async #write(made: Attempt, startedAt: number): Promise<Omit<Landed, 'traceIds'>> {
    const options = this.#options;
    const { observations, session } = options;
    const rejected = await commitRejected(options, made);
    const adds = await writeLandedFiles(options, made);
    const rewritten = await rewriteSuperseded(options, made);
    reachFaultPoint('landing.files-written');
    const { appId, partition, staged, months } = made;
    const actions: Action[] = [
      ...adds.map(({ add }) => ({ add })),
      ...rewritten,
      { txn: { appId, version: Number(staged.last), lastUpdated: this.#clock().getTime() } },
    ];
    if (rewritten.length > 0) reachFaultPoint('superseding.before-commit');
    const committed = await observations.commit('WRITE', async (newest) => {
      if (this.#clock().getTime() - startedAt > LANDING_MS_MAX) {
        throw new IsobarError('LANDING_STALE', `landing partition ${partition}`);
      }
      await assertStillRight(session, this.#identities, made, newest);
      reachFaultPoint('landing.before-commit');
      return actions;
    });
    reachFaultPoint('landing.after-commit');
    for (const { add, condition } of adds) {
      await this.#identities.remember(dataFile(observations.folder, add), condition);
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

  async acceptLoss(partition: number, from: bigint, to: bigint): Promise<void> {
    const { log, observations } = this.#options;
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
    await commitRejected(this.#options, { state, appId, partition, lost: { from, to } });
    await observations.commit('WRITE', async (newest) => {
      if (nextOffset(newest, log.id, partition) !== from) {
        throw new IsobarError('COMMIT_CONFLICT', `${place}: another process landed meanwhile`);
      }
      return [{ txn: { appId, version: Number(to), lastUpdated: this.#clock().getTime() } }];
    });
  }
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
