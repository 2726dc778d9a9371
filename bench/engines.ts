/**
 * The same recompute of the same files by both engines, at three sizes: DuckDB within this process
 * and Spark in two threads of a server on this machine, beside what one would write by hand
 * for Spark. Needs Java and Maven.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRefresher } from '../src/analytics/refresh.ts';
import { cacheFolder } from '../src/cluster/artifacts.ts';
import { startCluster } from '../src/cluster/cluster.ts';
import type { Workspace } from '../src/pipeline/workspace.ts';
import type { SqlEngine } from '../src/sql/engine.ts';
import { OBSERVATION_COLUMNS } from '../src/table/table.ts';
import { type ByHand, runByHand } from './by-hand.ts';
import { seconds } from './figures.ts';
import type { Measured } from './main.ts';
import { type Months, tableOf, writeMonths } from './months.ts';
import { openBenchWorkspace } from './observations.ts';

/** Of hourly observations over five years: 1, 10 and 50 million. */
const CITIES = [23, 228, 1_141];
const SPARK_HEAP_MIB = 6_144;
/** The first run of an engine pays for compiling; the better of the runs counts. */
const RUNS = 2;

export async function benchEngines(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-'));
  await using cluster = await startCluster({
    folder,
    kinds: ['spark'],
    ha: false,
    sparkLocal: true,
    sparkHeapMib: SPARK_HEAP_MIB,
    cache: cacheFolder(process.env),
    report: (line) => void process.stderr.write(`  ${line}\n`),
  });
  const results: Measured[] = [];
  try {
    for (const cities of CITIES) {
      await using bench = await openBenchWorkspace({
        'analytics.engine': 'spark',
        'analytics.spark.address': cluster.addresses.spark?.address ?? '',
      });
      const { workspace } = bench;
      const session = await workspace.session();
      const months = await writeMonths(session, workspace.storage, cities);
      const duckdb = await recompute(workspace, workspace.engine, months);
      const spark = await recompute(workspace, workspace.computing, months);
      const hand = await byHand(workspace, months);
      results.push(compare(months.rows, duckdb, spark, hand));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

let version = 0;

/** Milliseconds of the best run. */
async function recompute(
  workspace: Workspace,
  engine: SqlEngine,
  { files, rows }: Months,
): Promise<number> {
  const { storage, scratch } = workspace;
  return bestOf(`${engine.name}, ${rows} rows`, async () => {
    await using session = await engine.session();
    version += 1;
    return await timed(() =>
      createRefresher({
        table: tableOf(files, storage, version),
        columns: OBSERVATION_COLUMNS,
        storage,
        session,
        engineName: engine.name,
        reach: engine.reach,
        scratch,
      }).refresh(),
    );
  });
}

/** Of the run that took less in all. */
async function byHand(workspace: Workspace, { files, rows }: Months): Promise<ByHand> {
  const { storage, computing } = workspace;
  const runs: ByHand[] = [];
  for (let at = 0; at < RUNS; at += 1) {
    await using session = await computing.session();
    const paths = files.map(({ storagePath }) => storage.address(storagePath));
    await session.define('rows', paths, OBSERVATION_COLUMNS);
    version += 1;
    const { jobs, beyond } = await runByHand(session, (name, sql) =>
      session.copyInto(sql, storage.address(`bench/${name}-${version}`)),
    );
    process.stderr.write(
      `  by hand, ${rows} rows: three jobs ${jobs.toFixed(0)} ms, the rest ${beyond.toFixed(0)} ms\n`,
    );
    runs.push({ jobs, beyond });
  }
  const [best] = runs.sort((a, b) => a.jobs + a.beyond - b.jobs - b.beyond);
  return best as ByHand;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

async function bestOf(name: string, run: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < RUNS; at += 1) {
    times.push(await run());
    process.stderr.write(`  ${name}: ${times.at(-1)?.toFixed(0)} ms\n`);
  }
  return Math.min(...times);
}

function compare(rows: number, duckdb: number, spark: number, { jobs, beyond }: ByHand): Measured {
  const ratio = spark / (jobs + beyond);
  return {
    name: `all datasets of ${(rows / 1e6).toFixed(0)} M observations on Spark, local[2], warm`,
    figure: `${seconds(spark)}, ${ratio.toFixed(2)} × the same by hand`,
    bar: 'at most 1.2 × what is written by hand for the same',
    compared:
      `by hand: ${seconds(jobs + beyond)}, of which three jobs ${seconds(jobs)} ` +
      `(${(spark / jobs).toFixed(1)} × their time); DuckDB: ${seconds(duckdb)}`,
    reached: ratio <= 1.2,
  };
}
