/** A full recompute of 10 million observations beside what one would write by hand. */
import { createRefresher } from '../src/analytics/refresh.ts';
import { OBSERVATION_COLUMNS } from '../src/table/table.ts';
import { runByHand } from './by-hand.ts';
import { seconds } from './figures.ts';
import type { Measured } from './main.ts';
import { tableOf, writeMonths } from './months.ts';
import { openBenchWorkspace } from './observations.ts';

const CITIES = 228;

export async function benchRecompute(): Promise<Measured[]> {
  await using bench = await openBenchWorkspace();
  const { workspace } = bench;
  const { storage } = workspace;
  const session = await workspace.session();
  const { files, rows } = await writeMonths(session, storage, CITIES);
  const startedAt = performance.now();
  await createRefresher({
    table: tableOf(files, storage),
    columns: OBSERVATION_COLUMNS,
    storage,
    session,
    engineName: 'duckdb',
    scratch: workspace.scratch,
  }).refresh();
  const ours = performance.now() - startedAt;
  const { jobs, beyond } = await byHand(
    files.map(({ storagePath }) => storage.address(storagePath)),
    workspace,
  );
  const peer = jobs + beyond;
  return [
    {
      name: `full recompute of ${(rows / 1e6).toFixed(1)} M observations`,
      figure: seconds(ours),
      bar: '< 1.5 × what is written by hand for the same',
      compared:
        `DuckDB by hand: ${seconds(peer)}, ${(ours / peer).toFixed(2)} × its time; ` +
        `three jobs of it: ${seconds(jobs)}`,
      reached: ours < 1.5 * peer,
    },
  ];
}

/** On DuckDB results stay in memory: no file is written. */
async function byHand(
  paths: readonly string[],
  workspace: Awaited<ReturnType<typeof openBenchWorkspace>>['workspace'],
) {
  const session = await workspace.session();
  await session.define('rows', paths, OBSERVATION_COLUMNS);
  return runByHand(session, (name, sql) => session.materialize(`kept_${name}`, sql));
}
