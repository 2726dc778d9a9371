/** A day of 200,000 cities through log, table and analytics, without the raw export. */
import type { Log } from '../src/log/log.ts';
import { silentLogger } from '../src/logger.ts';
import { formatRecord } from '../src/model/observation.ts';
import type { Measured } from './main.ts';
import { observationOf, openBenchWorkspace, range } from './observations.ts';

const CITIES = 200_000;

const BATCH = 2_000;

/**
 * An hour of all cities. The records are copies of one with the city and hour written over it, so
 * that making them up takes next to nothing of the time that is measured.
 */
async function appendHour(log: Log, hour: number): Promise<number> {
  const observation = observationOf(CITIES, hour);
  const mark = `city-${CITIES}`;
  const template = Buffer.from(formatRecord({ ...observation, provider_city_id: 1 }));
  const places = [template.indexOf(mark)];
  for (let from = 0; from < CITIES; from += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, index) => {
      const digits = String(100_000 + ((from + index) % CITIES)).padStart(6, '0');
      const value = Buffer.from(template);
      for (const place of places) value.write(digits, place + 5, 'latin1');
      return { key: `city-${digits}`, value };
    });
    await log.append(batch);
  }
  return CITIES;
}

export async function benchPlanetDay(): Promise<Measured[]> {
  await using bench = await openBenchWorkspace();
  const { workspace } = bench;
  const log = await workspace.log();
  const sink = await workspace.sink();
  const refresher = await workspace.refresher(silentLogger);
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 200);
  const startedAt = performance.now();
  let count = 0;
  let landing: Promise<unknown> = Promise.resolve();
  // Landing goes on beside collecting, as in the running program.
  for (const hour of range(0, 24)) {
    count += await appendHour(log, hour);
    if (hour % 3 !== 2) continue;
    await landing;
    landing = landAll();
  }
  await landing;
  await landAll();
  const publication = await refresher.refresh();
  const seconds = (performance.now() - startedAt) / 1_000;
  clearInterval(watch);
  if (publication?.datasets.city_statistics.rows !== CITIES) throw new Error('cities are missing');
  const mib = Math.round(most / 2 ** 20);

  async function landAll(): Promise<void> {
    for (let partition = 0; partition < log.partitionCount; partition++) {
      while ((await sink.land(partition)) !== null) {}
    }
  }

  return [
    {
      name: 'a planet-day (200,000 cities × 24 h)',
      figure: `${seconds.toFixed(0)} s, ${mib} MiB`,
      bar: '< 60 s, < 1,536 MiB',
      compared: `${Math.round(count / seconds).toLocaleString('en')} observations/s through all steps`,
      reached: seconds < 60 && mib < 1_536,
    },
  ];
}
