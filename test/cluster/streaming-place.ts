/** Random records for a stream whose process and whose engine are killed, and the end of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { formatRecord, type Observation } from '../../src/model/observation.ts';
import type { StreamingStatus } from '../../src/model/status.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import { type Crew, type Member, openCrew } from '../support/crew.ts';
import { service } from './services.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const run = promisify(execFile);
const HOUR_MS = 3_600_000;
const CITIES = ['berlin', 'cairo', 'lima', 'oslo', 'tokyo'];
const TIMEOUT_MS = 240_000;

export interface StreamPlace extends AsyncDisposable {
  readonly crew: Crew;
  /** The process that runs the stream now. */
  stream: Member;
  /** Appends and lands some random records of the last hours. */
  append(): Promise<void>;
  /** The same for one observation of this age. */
  appendLate(hours: number): Promise<void>;
  status(): Promise<StreamingStatus>;
  /** Waits for a comparison that is begun from now on and is as wanted. */
  compared(isRight: (status: StreamingStatus) => boolean): Promise<StreamingStatus>;
  /** Hours of cities that the table has of live records. */
  hours(): Promise<number>;
}

export async function openStreamPlace(random: () => number): Promise<StreamPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-stream-'));
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, stringify(settingsOf(folder)));
  const { config } = loadConfig({ file: profile, env: {}, flags: {} });
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const workspace = stack.use(await openWorkspace(config, false));
  const crew = stack.use(openCrew(folder, profile));
  const log = await workspace.log();
  const sink = await workspace.sink();
  const made: Observation[] = [];

  async function put(records: readonly { key: string; value: Uint8Array }[]): Promise<void> {
    await log.append(records);
    for (let partition = 0; partition < log.partitionCount; partition += 1) {
      while ((await sink.land(partition)) !== null) {}
    }
  }

  async function status(): Promise<StreamingStatus> {
    const { stdout } = await run(process.execPath, [MAIN, 'status', '--json', '--config', profile]);
    return JSON.parse(stdout).streaming;
  }

  return {
    crew,
    stream: crew.start('stream'),
    async append() {
      const records = Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
        recordOf(random, made),
      );
      await put(records);
    },
    async appendLate(hours) {
      const one = observationOf(random, Date.now() - hours * HOUR_MS);
      await put([{ key: one.city_id, value: formatRecord(one) }]);
    },
    status,
    async compared(isRight) {
      const from = new Date().toISOString();
      for (const deadline = performance.now() + TIMEOUT_MS; ; await delay(1_000)) {
        const found = await status();
        if ((found.compared_at ?? '') > from && isRight(found)) return found;
        assert.ok(performance.now() < deadline, JSON.stringify(found));
      }
    },
    hours: () => hoursOf(workspace),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function settingsOf(folder: string): object {
  const [kafka, hdfs, spark] = [service('kafka'), service('hdfs'), service('spark')];
  const name = `stream-${randomUUID()}`;
  const brokers = kafka?.brokers ?? '';
  const replication = Math.min(3, brokers.split(',').length);
  return {
    data: join(folder, 'data'),
    collector: { source: 'none' },
    log: { engine: 'kafka', kafka: { brokers, topic: name, group: name, replication } },
    lake: {
      engine: 'hdfs',
      hdfs: { namenodes: hdfs?.namenodes, address: hdfs?.address, folder: `/test/${name}` },
    },
    analytics: { engine: 'spark', spark: { address: spark?.address, timeout_s: 10 } },
    streaming: { enabled: true, partitions: 2 },
  };
}

function observationOf(random: () => number, at: number): Observation {
  const city = CITIES[Math.floor(random() * CITIES.length)] ?? 'oslo';
  const seconds = Math.floor(at / 1_000);
  const value = (share: number, of: () => number) => (random() < share ? of() : null);
  return {
    city_id: city,
    city: city.toUpperCase(),
    country: 'XX',
    observed_at: new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z'),
    collected_at: new Date().toISOString(),
    source: 'test',
    interval_s: 600,
    utc_offset_s: 0,
    provider_city_id: null,
    temperature_c: value(0.9, () => Math.round(400 * random()) / 10 - 10),
    // Some are outside of what an instrument can report.
    humidity_pct: value(0.9, () => Math.round(115 * random())),
    wind_speed_ms: value(0.5, () => 20 * random()),
    response: '{}',
  };
}

/** New, again, corrected, or of no use. */
function recordOf(random: () => number, made: Observation[]): { key: string; value: Uint8Array } {
  const chance = random();
  const known = made[Math.floor(random() * made.length)];
  if (chance < 0.1 && known !== undefined) {
    return { key: known.city_id, value: formatRecord(known) };
  }
  if (chance < 0.2 && known !== undefined) {
    // Never at the very time of another version: then the content decides, which the stream lacks.
    const collected_at = new Date(Date.parse(known.collected_at) + 1_000).toISOString();
    const corrected = { ...known, collected_at, temperature_c: Math.round(300 * random()) / 10 };
    made[made.indexOf(known)] = corrected;
    return { key: known.city_id, value: formatRecord(corrected) };
  }
  if (chance < 0.25) return { key: 'oslo', value: Buffer.from('{"city_id":"oslo"') };
  if (chance < 0.3) {
    const early = observationOf(random, Date.now() + 2 * HOUR_MS);
    return { key: early.city_id, value: formatRecord(early) };
  }
  if (chance < 0.35) {
    const imported = { ...observationOf(random, Date.now() - HOUR_MS * random()) };
    const of = { ...imported, source: 'import:test', import_id: 1, import_row: made.length + 1 };
    return { key: of.city_id, value: formatRecord(of) };
  }
  const one = observationOf(random, Date.now() - 5 * HOUR_MS * random());
  made.push(one);
  return { key: one.city_id, value: formatRecord(one) };
}

async function hoursOf(workspace: Workspace): Promise<number> {
  const { observations } = workspace;
  const { files } = await observations.refresh();
  const session = await workspace.session();
  const { OBSERVATION_COLUMNS } = await import('../../src/table/table.ts');
  await session.define('live', await observations.localPaths(files), OBSERVATION_COLUMNS);
  const [found] = await session.query<{ hours: number }>(
    `SELECT count(*) AS hours FROM (SELECT DISTINCT city_id, date_trunc('hour', observed_at)
     FROM live WHERE NOT starts_with(source, 'import:'))`,
  );
  return found?.hours ?? 0;
}
