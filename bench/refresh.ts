/** The refresh after one landing: the engine's time, after a day and after five years of history. */

import { createRefresher } from '../src/analytics/refresh.ts';
import type { SqlSession } from '../src/sql/engine.ts';
import { OBSERVATION_COLUMNS } from '../src/table/table.ts';
import type { Measured } from './main.ts';
import { appendHours, openBenchWorkspace, range } from './observations.ts';

const CITIES = 36;
const DAY = 24;
const FIVE_YEARS = 5 * 8_766;
const LANDINGS = 12;
const MANY = { cities: 5_000, hours: 26, landings: 8 } as const;

export async function benchRefresh(): Promise<Measured[]> {
  const day = await refreshAfter(CITIES, DAY);
  const years = await refreshAfter(CITIES, FIVE_YEARS);
  const many = await refreshAfter(MANY.cities, MANY.hours, MANY.landings);
  return [
    {
      name: 'refresh after one landing, 36 cities',
      figure: `${day.engine.toFixed(0)} ms engine (${day.wall.toFixed(0)} ms in all) after a day, ${years.engine.toFixed(0)} ms (${years.wall.toFixed(0)} ms) after five years`,
      bar: '< 50 ms of engine time, the same after 1 day and 5 years',
      compared: `five years to one day: ${(years.engine / day.engine).toFixed(2)} ×`,
      reached: day.engine < 50 && years.engine < 50,
    },
    {
      name: 'refresh after one landing, 5,000 cities',
      figure: `${many.engine.toFixed(0)} ms engine (${many.wall.toFixed(0)} ms in all), ${many.statements.toFixed(0)} ms when the statements run again`,
      bar: '< 300 ms of engine time',
      compared: `36 cities: ${day.engine.toFixed(0)} ms; ${day.statements.toFixed(0)} ms when the statements run again`,
      reached: many.engine < 300,
    },
  ];
}

interface Refreshed {
  /** Medians over some landings of one more hour each. */
  readonly engine: number;
  readonly wall: number;
  /** Engine time of the first of them, which is computed by statements. */
  readonly statements: number;
}

async function refreshAfter(
  cities: number,
  hours: number,
  landings: number = LANDINGS,
): Promise<Refreshed> {
  await using bench = await openBenchWorkspace();
  const { workspace } = bench;
  const sink = await workspace.sink();
  const log = await workspace.log();
  const landAll = async () => {
    for (let partition = 0; partition < log.partitionCount; partition++) {
      while ((await sink.land(partition)) !== null) {}
    }
  };
  await appendHours(workspace, cities, range(0, hours));
  await landAll();
  const clock = { ms: 0 };
  const refresher = createRefresher({
    table: workspace.observations,
    columns: OBSERVATION_COLUMNS,
    storage: workspace.storage,
    session: timed(await workspace.session(), clock),
    engineName: 'duckdb',
    scratch: workspace.scratch,
  });
  await refresher.refresh();
  const engine: number[] = [];
  const wall: number[] = [];
  for (let landing = 0; landing < landings; landing++) {
    await appendHours(workspace, cities, [hours + landing]);
    await landAll();
    clock.ms = 0;
    const startedAt = performance.now();
    await refresher.refresh();
    wall.push(performance.now() - startedAt);
    engine.push(clock.ms);
  }
  return { engine: median(engine), wall: median(wall), statements: engine[0] ?? 0 };
}

/** The session, adding up the time in which a statement runs. */
function timed(session: SqlSession, clock: { ms: number }): SqlSession {
  const measure = async <T>(run: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await run();
    } finally {
      clock.ms += performance.now() - startedAt;
    }
  };
  return {
    define: (view, files, columns) => measure(() => session.define(view, files, columns)),
    query: (sql, parameters, signal) => measure(() => session.query(sql, parameters, signal)),
    async *stream(sql, parameters, signal) {
      const reading = session.stream(sql, parameters, signal)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await measure(() => reading.next());
          if (done) return;
          yield value;
        }
      } finally {
        await reading.return?.();
      }
    },
    materialize: (name, sql, signal) => measure(() => session.materialize(name, sql, signal)),
    drop: (view) => measure(() => session.drop(view)),
    execute: (sql, signal) => measure(() => session.execute(sql, signal)),
    copy: (sql, path, format, signal) => measure(() => session.copy(sql, path, format, signal)),
    copyInto: (sql, folder, signal) => measure(() => session.copyInto(sql, folder, signal)),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
