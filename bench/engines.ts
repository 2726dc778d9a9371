/**
 * The same recompute of the same files by both engines: DuckDB within this process and Spark in two
 * threads of a server on this machine, at three sizes. Needs Java and Maven.
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
      results.push(compare(months.rows, duckdb, spark));
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
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    await using session = await engine.session();
    version += 1;
    const from = performance.now();
    await createRefresher({
      table: tableOf(files, storage, version),
      columns: OBSERVATION_COLUMNS,
      storage,
      session,
      engineName: engine.name,
      reach: engine.reach,
      scratch,
    }).refresh();
    times.push(performance.now() - from);
    process.stderr.write(`  ${engine.name}, ${rows} rows: ${times.at(-1)?.toFixed(0)} ms\n`);
  }
  return Math.min(...times);
}

function compare(rows: number, duckdb: number, spark: number): Measured {
  const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`;
  return {
    name: `all datasets of ${(rows / 1e6).toFixed(0)} M observations, DuckDB and Spark`,
    figure: `DuckDB ${seconds(duckdb)}`,
    bar: 'none: one machine; Spark is for more than one',
    compared: `Spark 4.2 local[2], warm: ${seconds(spark)}, ${(spark / duckdb).toFixed(1)} × its time`,
    reached: true,
  };
}
