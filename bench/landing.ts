/** Log → table, exactly once, beside DuckDB turning the same lines into Parquet with no guarantee. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { formatRecord } from '../src/model/observation.ts';
import { fileLiteral } from '../src/sql/text.ts';
import { perSecond } from './figures.ts';
import type { Measured } from './main.ts';
import { appendHours, observationOf, openBenchWorkspace, range } from './observations.ts';

const CITIES = 20_000;
const HOURS = 30;

export async function benchLanding(): Promise<Measured[]> {
  await using bench = await openBenchWorkspace();
  const { workspace } = bench;
  const count = await appendHours(workspace, CITIES, range(0, HOURS));
  const log = await workspace.log();
  const sink = await workspace.sink();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  let rows = 0;
  // The partitions side by side, as in the running program: one is read while another is parsed.
  const partitions = Array.from({ length: log.partitionCount }, (_, partition) => partition);
  await Promise.all(
    partitions.map(async (partition) => {
      for (;;) {
        const landed = await sink.land(partition);
        if (landed === null) return;
        rows += landed.rows;
      }
    }),
  );
  const took = performance.now() - startedAt;
  const used = process.cpuUsage(cpu);
  if (rows !== count) throw new Error(`${rows} rows of ${count} landed`);
  const peer = await copyWithDuckdb(bench);
  const cpuUs = (used.user + used.system) / count;
  return [
    {
      name: 'log → table, exactly once',
      figure: `${perSecond(count, took)} (${cpuUs.toFixed(1)} µs CPU each)`,
      bar: '≥ 100,000/s on 2 cores',
      compared: `DuckDB JSON lines → sorted zstd Parquet, no guarantee: ${perSecond(count, peer)}, ${(took / peer).toFixed(2)} × its time`,
      reached: count / took >= 100,
    },
  ];
}

/** The peer: one COPY from a file of the same records, sorted as the table is. */
async function copyWithDuckdb({
  workspace,
  folder,
}: Awaited<ReturnType<typeof openBenchWorkspace>>) {
  const file = join(folder, 'peer.jsonl');
  const stream = createWriteStream(file);
  for (const hour of range(0, HOURS)) {
    const lines: string[] = [];
    for (let city = 0; city < CITIES; city++) {
      lines.push(`${Buffer.from(formatRecord(observationOf(city, hour))).toString('utf8')}\n`);
    }
    if (!stream.write(lines.join('')))
      await new Promise<void>((resolve) => stream.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve) => stream.end(() => resolve()));
  const session = await workspace.session();
  const startedAt = performance.now();
  await session.copy(
    `SELECT * FROM read_json(${fileLiteral(file)}, format = 'newline_delimited') ORDER BY city_id, observed_at`,
    join(folder, 'peer.parquet'),
    'parquet',
  );
  return performance.now() - startedAt;
}
