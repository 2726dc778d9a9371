/** The reader: runs our queries over files of one version of the table. */
import { readFileSync } from 'node:fs';
import { IsobarError, isErrorCode } from '../errors.ts';
import { compareTimes } from '../model/iso-time.ts';
import type { Columns, Parameters, Row, SqlEngine, SqlSession } from '../sql/engine.ts';
import type { DataFile, Table } from '../table/table.ts';

export interface Reader extends AsyncDisposable {
  /**
   * All rows of a query over these files, which it knows as `observations`. Rejects with BUSY when
   * too many wait or it takes too long, ABORTED when it waited and `signal` aborted meanwhile,
   * otherwise as the engine does.
   */
  query<R = Row>(
    files: readonly DataFile[],
    sql: string,
    parameters: Parameters,
    signal?: AbortSignal,
  ): Promise<R[]>;
  readonly queryCount: number;
}

export interface ReaderOptions {
  readonly engine: Pick<SqlEngine, 'session'>;
  readonly table: Pick<Table, 'localPaths'>;
  readonly columns: Columns;
  readonly sessionsMax?: number;
  readonly waitingMax?: number;
  readonly timeoutMs?: number;
}

interface PooledSession {
  readonly session: SqlSession;
  /** What its view stands for, so that the same files are not defined again. */
  files: string;
  definedAt: number;
}

/** A cache of the lake keeps paths for a while after they were asked for (lake/file-cache.ts). */
const DEFINED_MS = 5 * 60_000;

export function openReader(options: ReaderOptions): Reader {
  const { sessionsMax = 2, waitingMax = 200, timeoutMs = 30_000 } = options;
  const free: PooledSession[] = [];
  const waiting: (() => void)[] = [];
  let busy = 0;
  let queryCount = 0;
  let closed = false;

  async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
    if (closed) throw new IsobarError('ABORTED', 'the server stops');
    if (busy < sessionsMax) {
      busy += 1;
      return;
    }
    if (waiting.length >= waitingMax) {
      throw new IsobarError('BUSY', `${waiting.length} queries wait already`);
    }
    // The one who leaves hands its turn over, so `busy` stays as it is.
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(notAwaited());
      };
      const go = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      waiting.push(go);
      signal?.addEventListener('abort', leave, { once: true });
    });
    if (closed) {
      passTurn();
      throw new IsobarError('ABORTED', 'the server stops');
    }
  }

  function passTurn(): void {
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  }

  async function takeSession(files: string): Promise<PooledSession> {
    const same = free.findIndex((pooled) => pooled.files === files);
    const pooled = free.splice(same === -1 ? 0 : same, 1)[0];
    return pooled ?? { session: await options.engine.session(), files: '\0', definedAt: 0 };
  }

  async function run<R>(
    files: readonly DataFile[],
    sql: string,
    parameters: Parameters,
  ): Promise<R[]> {
    const key = files.map((file) => file.storagePath).join('\n');
    const pooled = await takeSession(key);
    try {
      if (pooled.files !== key || performance.now() - pooled.definedAt > DEFINED_MS) {
        pooled.files = '\0';
        const paths = await options.table.localPaths(files);
        await pooled.session.define('observations', paths, options.columns);
        pooled.files = key;
        pooled.definedAt = performance.now();
      }
      queryCount += 1;
      return await pooled.session.query<R>(sql, parameters, AbortSignal.timeout(timeoutMs));
    } catch (error) {
      throw nameTimeout(error, timeoutMs);
    } finally {
      free.push(pooled);
    }
  }

  return {
    async query(files, sql, parameters, signal) {
      if (signal?.aborted) throw notAwaited();
      await takeTurn(signal);
      try {
        return await run(files, sql, parameters);
      } finally {
        passTurn();
      }
    },
    get queryCount() {
      return queryCount;
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      while (waiting.length > 0) waiting.shift()?.();
      await Promise.all(free.splice(0).map((pooled) => pooled.session[Symbol.asyncDispose]()));
    },
  };
}

export function notAwaited(): IsobarError {
  return new IsobarError('ABORTED', 'no client waits for it any more');
}

/** Only our own time limit cancels a query. */
export function nameTimeout(error: unknown, timeoutMs: number): unknown {
  if (!isErrorCode(error, 'ABORTED')) return error;
  return new IsobarError('BUSY', `the query took longer than ${timeoutMs / 1_000} s`, {
    cause: error,
  });
}

/** The text of `queries/<name>.sql`. */
export function loadQuery(name: string): string {
  return readFileSync(new URL(`queries/${name}.sql`, import.meta.url), 'utf8');
}

/** The text with what stands for its names in braces. */
export function fillQuery(text: string, parts: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (name, part: string) => parts[part] ?? name);
}

/** The files that may hold observations of these cities in this time, by their statistics. */
export function selectFiles(
  files: readonly DataFile[],
  selection: {
    readonly cities: readonly string[];
    readonly from: string | null;
    readonly to: string | null;
  },
): readonly DataFile[] {
  const { cities, from, to } = selection;
  return files.filter((file) => {
    const { observedAtMin, observedAtMax } = file;
    if (to !== null && observedAtMin !== null && compareTimes(observedAtMin, to) >= 0) return false;
    if (from !== null && observedAtMax !== null && compareTimes(observedAtMax, from) < 0)
      return false;
    const { cityIdMin, cityIdMax } = file;
    if (cities.length === 0 || cityIdMin === null || cityIdMax === null) return true;
    return cities.some((id) => id >= cityIdMin && id <= cityIdMax);
  });
}
