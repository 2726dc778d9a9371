/** A lake, a log and a sink in a temporary folder, for the tests of this room. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IsobarError } from '../../errors.ts';
import { openLocalStorage } from '../../lake/local.ts';
import type { Storage } from '../../lake/storage.ts';
import type { Log, LogRecord } from '../../log/log.ts';
import type { Observation } from '../../model/observation.ts';
import { openDuckdbEngine } from '../../sql/duckdb.ts';
import type { SqlEngine, SqlSession } from '../../sql/engine.ts';
import { type DeltaTable, openTable } from '../delta-table.ts';
import { openSink, type Sink, type SinkOptions } from '../landing.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from '../table.ts';
import { type VerifyReport, verifyLake } from '../verify.ts';
import { verifyOffsets } from '../verify-offsets.ts';

export interface TestLake extends AsyncDisposable {
  readonly folder: string;
  readonly engine: SqlEngine;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly log: MemoryLog;
  /** Tables and a sink as another process would open them, over the given storage. */
  open(storage?: Storage, options?: OpenOptions): Promise<Opened>;
  verify(): Promise<VerifyReport>;
}

interface OpenOptions extends Pick<SinkOptions, 'tracer' | 'traceIdsMax'> {
  readonly simulated?: boolean;
  readonly recordsMax?: number;
}

export interface Opened {
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly sink: Sink;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
}

export async function openTestLake(partitions = 2): Promise<TestLake> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-table-'));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const engine = await openDuckdbEngine({ memoryMib: 512, threads: 1, tempFolder: scratch });
  const storage = await openLocalStorage(join(folder, 'lake'));
  const session = await engine.session();
  const log = openMemoryLog(partitions);
  const sessions: SqlSession[] = [session];

  async function open(
    over: Storage = storage,
    { simulated = false, recordsMax = 1_000_000, ...traced }: OpenOptions = {},
  ): Promise<Opened> {
    const own = await engine.session();
    sessions.push(own);
    const common = { storage: over, session: own, scratch, simulated };
    const table = { ...common, checkpointCommits: 5, keepDays: 7 };
    const observations: DeltaTable = openTable({
      ...table,
      name: 'observations',
      columns: OBSERVATION_COLUMNS,
      partitionColumns: ['observed_month'],
      async prove(state) {
        const findings = { sums: {}, differences: [] };
        const tables = { session: own, observations, rejected };
        await verifyOffsets(tables, state, await rejected.refresh(), findings);
        return findings.differences;
      },
    });
    const rejected = openTable({
      ...table,
      name: 'rejected',
      columns: REJECTED_COLUMNS,
      partitionColumns: [],
    });
    const limits = { recordsMax, bytesMax: 1 << 28, fileBytesMax: 1 << 26 };
    const sink = await openSink({ ...common, ...limits, ...traced, log, observations, rejected });
    return { observations, rejected, sink, storage: over, session: own, scratch };
  }

  return {
    folder,
    engine,
    storage,
    session,
    scratch,
    log,
    open,
    async verify() {
      const { observations, rejected } = await open();
      const tables = [observations, rejected];
      return verifyLake({ tables, observations, rejected, storage, session, scratch });
    },
    async [Symbol.asyncDispose]() {
      for (const one of sessions) await one[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface MemoryLog extends Log {
  /** Appends values as they are, also what no collector would write. */
  put(partition: number, ...values: readonly (Observation | string | Uint8Array)[]): void;
  /** Forgets the oldest records, as a retention that went too far would. */
  lose(partition: number, below: bigint): void;
}

/** One partition for all records of a key. */
function partitionOf(key: string, count: number): number {
  return [...key].reduce((sum, character) => sum + (character.codePointAt(0) ?? 0), 0) % count;
}

/** A log in memory with chosen partitions: it holds what a real one refuses, too. */
export function openMemoryLog(partitionCount: number): MemoryLog {
  const records: LogRecord[][] = Array.from({ length: partitionCount }, () => []);
  const first: bigint[] = Array.from({ length: partitionCount }, () => 0n);
  const of = (partition: number) => records[partition] ?? [];
  return {
    id: 'memory-log',
    partitionCount,
    put(partition, ...values) {
      for (const value of values) {
        const bytes =
          value instanceof Uint8Array
            ? value
            : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
        const offset = BigInt(of(partition).length);
        of(partition).push({ offset, key: '', time: new Date(), value: bytes });
      }
    },
    lose(partition, below) {
      first[partition] = below;
    },
    async read(partition, from, limits) {
      const start = first[partition] ?? 0n;
      if (from < start) throw new IsobarError('LOG_GAP', `partition ${partition}`);
      return of(partition).slice(Number(from), Number(from) + limits.records);
    },
    range: async (partition) => ({
      first: first[partition] ?? 0n,
      next: BigInt(of(partition).length),
    }),
    timeOf: async (partition, offset) => of(partition)[Number(offset)]?.time ?? null,
    async *follow() {},
    async append(added) {
      for (const { key, value } of added) this.put(partitionOf(key, partitionCount), value);
      return [];
    },
    landed: async () => {},
    trim: async () => 0,
    size: async () => ({
      bytes: 0,
      bytesMax: 0,
      records: 0n,
      full: false,
      keptMs: null,
      waiting: null,
    }),
    async [Symbol.asyncDispose]() {},
  };
}

/** An observation with its times in seconds after 2024-10-31T22:00:00Z. */
export function observation(
  city_id: string,
  observedAt: number,
  { collectedAt = observedAt, ...more }: { collectedAt?: number } & Partial<Observation> = {},
): Observation {
  return {
    city_id,
    city: city_id.toUpperCase(),
    country: 'US',
    observed_at: timeAt(observedAt),
    collected_at: timeAt(collectedAt),
    source: 'openweathermap',
    interval_s: 600,
    utc_offset_s: -14_400,
    provider_city_id: 1,
    temperature_c: 10,
    humidity_pct: 50,
    condition_id: 800,
    condition: 'clear sky',
    response: '{"main":{"temp":10}}',
    ...more,
  };
}

export function timeAt(seconds: number): string {
  return new Date(Date.UTC(2024, 9, 31, 22) + seconds * 1_000).toISOString().replace('.000Z', 'Z');
}
