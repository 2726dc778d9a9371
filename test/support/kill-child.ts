/**
 * A process for the kill tests: it appends, lands, exports, compacts, vacuums and publishes, round
 * after round, until it is killed. It says on stdout which records the log has accepted. What the
 * fault point of ISOBAR_FAULT belongs to is done every round, so that it is soon reached.
 *
 *     node test/support/kill-child.ts FOLDER SEED [alone|together]
 */
import { loadConfig } from '../../src/config/load.ts';
import { isErrorCode } from '../../src/errors.ts';
import { silentLogger } from '../../src/logger.ts';
import { openMaintenance } from '../../src/pipeline/maintenance.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';
import { compact } from '../../src/table/compaction.ts';
import { vacuum } from '../../src/table/vacuum.ts';
import { createRandom } from './random.ts';

const [folder = '', seedText = '1', company = 'alone'] = process.argv.slice(2);
/** Vacuum by a clock of next week would remove what the other process is writing now. */
const alone = company === 'alone';
const random = createRandom(Number(seedText));
const whole = (below: number) => Math.floor(random() * below);
const fault = process.env.ISOBAR_FAULT ?? '';
const isDue = (room: string, oneOf: number) => whole(oneOf) === 0 || fault.startsWith(room);

const checkpointCommits = fault.startsWith('checkpoint.') ? '2' : '4';
const flags = {
  data: folder,
  'table.checkpoint_commits': checkpointCommits,
  'analytics.threads': '1',
};
const { config } = loadConfig({ file: null, env: {}, flags });
await using workspace = await openWorkspace(config, false);
const { storage, scratch, observations } = workspace;
const log = await workspace.log();
const sink = await workspace.sink();
const session = await workspace.session();
const maintenance = await openMaintenance(workspace);
const refresher = await workspace.refresher(silentLogger);
const ROUNDS_MAX = 1_000;

/** Eight days on: what was removed today may go. */
const later = () => new Date(Date.now() + 8 * 86_400_000);

for (let round = 0; round < ROUNDS_MAX; round++) {
  const records = Array.from({ length: 1 + whole(30) }, makeRecord);
  await log.append(records.map(({ city, text }) => ({ key: city, value: Buffer.from(text) })));
  process.stdout.write(`${records.map(({ name }) => name).join(' ')}\n`);
  for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
  if (isDue('export.', 2)) {
    await maintenance.exporter.run({ closing: true }).catch((error) => {
      // The other one of two processes is at it.
      if (!isErrorCode(error, 'DATA_IN_USE')) throw error;
    });
  }
  if (isDue('publish.', 2)) await refresher.refresh();
  if (isDue('compaction.', 3)) {
    await compact({ observations, storage, session, scratch, simulated: false, fileBytesMax: 1e6 });
  }
  if (alone && isDue('vacuum.', 4)) {
    for (const table of workspace.tables) {
      await vacuum({ table, storage, keepDays: 7, clock: later });
    }
  }
}

/** Few cities and hours, so that versions of one observation meet; now and then garbage. */
function makeRecord(): { city: string; name: string; text: string } {
  const city = `city-${whole(6)}`;
  const name = `r${Date.now().toString(36)}${whole(1e9).toString(36)}`;
  if (whole(12) === 0) return { city, name, text: `{"garbage": "${name}"` };
  const observed = Date.UTC(2024, 8, 30) + whole(100) * 1_800_000;
  const iso = (at: number) => new Date(at).toISOString();
  const text = JSON.stringify({
    city_id: city,
    city,
    country: 'US',
    observed_at: iso(observed),
    collected_at: iso(observed + whole(5) * 60_000),
    source: 'openweathermap',
    interval_s: 1_800,
    utc_offset_s: 3_600,
    temperature_c: whole(300) / 10,
    humidity_pct: whole(101),
    condition: name,
  });
  return { city, name, text };
}
