/**
 * The fault suite: unique observations flow into Kafka and are landed on HDFS by several processes
 * while services and processes are killed, stopped, cut and slowed at random. After each fault all
 * that was acknowledged lands, and `verify` finds nothing; at the end each is there exactly once
 * and in order.
 *
 *     npm run test:faults -- --count 200 --seed 1
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { verifyWorkspace } from '../../src/cli/commands/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace.ts';
import { absent, control, service } from '../cluster/services.ts';
import { createRandom } from '../random.ts';
import { FAULTS } from './faults.ts';
import { openProcesses, type Processes } from './processes.ts';
import { type CuttingProxy, openProxy } from './proxy.ts';

const COUNT = Number(process.env.ISOBAR_TEST_FAULTS ?? 14);
const SEED = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000);
const RECOVERY_MS = 150_000;
const LANDERS = 3;

const hdfs = service('hdfs');
const kafka = service('kafka');
const spark = service('spark');

test(`nothing is lost or doubled whatever goes wrong (${COUNT} faults, seed ${SEED})`, {
  skip: (hdfs === null || kafka === null || spark === null) && absent('hdfs'),
}, async (context) => {
  if (hdfs === null || kafka === null || spark === null) return;
  const folder = mkdtempSync(join(tmpdir(), 'isobar-faults-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const proxies: CuttingProxy[] = [];
  for (const address of hdfs.namenodes.split(',')) {
    proxies.push(stack.use(await openProxy(Number(new URL(address).port))));
  }
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, stringify(settingsOf(proxies)));
  const { config } = loadConfig({
    file: profile,
    env: {},
    flags: { data: join(folder, 'judge'), 'lake.hdfs.namenodes': hdfs.namenodes },
  });
  const workspace = stack.use(await openWorkspace(config, false));
  const processes = stack.use(openProcesses(profile, folder));
  try {
    processes.startProducer(0);
    for (let lander = 0; lander < LANDERS; lander += 1) processes.startLander();
    processes.startAnalyzer();
    await recover(workspace, processes, 'the start');
    const random = createRandom(SEED);
    const services = await control();
    for (let at = 0; at < COUNT; at += 1) {
      const name = nextFault(at, random);
      await FAULTS[name]?.({ services, processes, proxies, random });
      const seconds = await recover(workspace, processes, name);
      await assertSound(workspace, name);
      // The runner tells diagnostics at the end only, and this may take hours.
      process.stderr.write(`${at + 1}. ${name}: caught up after ${seconds.toFixed(1)} s\n`);
    }
    await processes.stopProducer();
    await recover(workspace, processes, 'the end');
    await assertSound(workspace, 'at the end');
    await assertEachOnceInOrder(workspace, processes.acknowledged());
    context.diagnostic(`${processes.acknowledged()} observations, 0 lost, 0 doubled`);
  } catch (error) {
    context.diagnostic(processes.said());
    throw error;
  }
});

/** A profile of its own: topic and folder that nobody else uses. */
function settingsOf(proxies: readonly CuttingProxy[]) {
  const name = `faults_${process.pid}_${SEED}`;
  return {
    collector: { source: 'none' },
    log: {
      engine: 'kafka',
      kafka: { brokers: kafka?.brokers, replication: 3, topic: name, group: name },
    },
    lake: {
      engine: 'hdfs',
      hdfs: {
        namenodes: proxies.map(({ port }) => `http://127.0.0.1:${port}`).join(','),
        address: hdfs?.address,
        folder: `/${name}`,
      },
    },
    table: { landing_age_s: 1, checkpoint_commits: 10, raw_export: false },
    analytics: { engine: 'spark', refresh_delay_s: 2, spark: { address: spark?.address } },
  };
}

/** Each of them once, in an order that the seed decides, then at random. */
function nextFault(at: number, random: () => number): string {
  const names = Object.keys(FAULTS);
  if (at % names.length === 0) {
    order = names
      .map((name) => ({ name, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ name }) => name);
  }
  return order[at % names.length] ?? '';
}
let order: string[] = [];

/** Seconds until all that is acknowledged now is in the table. */
async function recover(workspace: Workspace, processes: Processes, told: string): Promise<number> {
  const from = performance.now();
  let wanted = processes.acknowledged();
  for (;;) {
    // At the start nothing is acknowledged yet.
    if (wanted === 0) wanted = processes.acknowledged();
    const landed = await rowsOf(workspace).catch(() => 0);
    if (wanted > 0 && landed >= wanted) return (performance.now() - from) / 1_000;
    assert.ok(
      performance.now() - from < RECOVERY_MS,
      `${told}: ${landed} of ${wanted} landed after ${RECOVERY_MS / 1_000} s`,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function rowsOf({ observations }: Workspace): Promise<number> {
  const { files } = await observations.refresh();
  return files.reduce((sum, { rows }) => sum + rows, 0);
}

async function assertSound(workspace: Workspace, told: string): Promise<void> {
  const { differences } = await verifyWorkspace(workspace);
  assert.deepEqual(differences, [], told);
}

/** Each number up to `count` has one row, and those of a city came in the order of the log. */
async function assertEachOnceInOrder(workspace: Workspace, count: number): Promise<void> {
  const { observations } = workspace;
  const session = await workspace.session();
  const paths = await observations.localPaths((await observations.refresh()).files);
  await session.define('landed', paths, OBSERVATION_COLUMNS);
  const [sums] = await session.query<Record<string, number>>(`
    SELECT count(*) AS rows, count(DISTINCT provider_city_id) AS numbers,
      min(provider_city_id) AS least, max(provider_city_id) AS most FROM landed`);
  assert.deepEqual(sums, { rows: count, numbers: count, least: 0, most: count - 1 });
  const [disorder] = await session.query<{ count: number }>(`
    SELECT count(*) AS count FROM (
      SELECT log_offset, lag(log_offset) OVER (PARTITION BY city_id ORDER BY observed_at) AS before
      FROM landed) WHERE log_offset <= before`);
  assert.equal(disorder?.count, 0, 'observations of a city that are out of order');
}
