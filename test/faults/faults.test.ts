/**
 * The fault suite: unique observations flow into Kafka and are landed on HDFS by several processes
 * while services and processes are killed, stopped, cut and slowed at random. After each fault all
 * that was acknowledged lands, and `verify` finds nothing; at the end each is there exactly once
 * and in order. Alert rules are on: each fault that one has to see opened an incident in time, and
 * nothing else did.
 *
 *     npm run test:faults -- --count 200 --seed 1
 *     npm run test:faults -- --minutes 60
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readPublication } from '../../src/analytics/publication.ts';
import { verifyWorkspace } from '../../src/cli/commands/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Incident } from '../../src/model/alerts.ts';
import { watchEngines } from '../../src/pipeline/engines.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { absent, control, service } from '../cluster/services.ts';
import { openLeash } from '../support/leash.ts';
import { createRandom } from '../support/random.ts';
import { until } from '../support/until.ts';
import { ALERT_FILE } from './expected.ts';
import { FAULTS, type FaultName, type Surroundings, startFailed } from './faults.ts';
import { incidentText, type PastFault, problemsOf, summaryOf } from './incidents.ts';
import { openProcesses, type Processes } from './processes.ts';
import { type CuttingProxy, openProxy } from './proxy.ts';
import { untilWell, type Wellness } from './wellness.ts';

const MINUTES = Number(process.env.ISOBAR_TEST_FAULTS_MINUTES ?? Number.POSITIVE_INFINITY);
const COUNT = Number(
  process.env.ISOBAR_TEST_FAULTS ?? (Number.isFinite(MINUTES) ? Number.POSITIVE_INFINITY : 14),
);
/** Whether incidents are waited for and compared with the faults. */
const IS_JUDGED = process.env.ISOBAR_TEST_FAULTS_RULES !== undefined;
const WANTED = Number.isFinite(COUNT) ? `${COUNT} faults` : `${MINUTES} minutes of faults`;
const SEED = Number(
  process.env.ISOBAR_TEST_SEED ?? process.env.ISOBAR_TEST_FAULTS_SEED ?? Date.now() % 1_000_000,
);
const RECOVERY_S = 150;
/** A refresh from all rows by executors that have just started took four minutes on two busy cores. */
const PUBLISHED_S = 480;
const SINKS = 3;
const POLL_MS = 200;
/** Faults on one table. */
const ROUND = 10;

const hdfs = service('hdfs');
const kafka = service('kafka');
const spark = service('spark');

test(`nothing is lost or doubled whatever goes wrong (${WANTED}, seed ${SEED})`, {
  skip: (hdfs === null || kafka === null || spark === null) && absent('hdfs'),
}, async (context) => {
  if (hdfs === null || kafka === null || spark === null) return;
  const folder = mkdtempSync(join(tmpdir(), 'isobar-faults-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  stack.use(openLeash(folder));
  const proxies: CuttingProxy[] = [];
  const brokerProxies: CuttingProxy[] = [];
  for (const { from, to } of kafka.proxies) {
    brokerProxies.push(stack.use(await openProxy(to, from)));
  }
  for (const address of hdfs.namenodes.split(',')) {
    proxies.push(stack.use(await openProxy(Number(new URL(address).port))));
  }
  const random = createRandom(SEED);
  const services = await control();
  const story: Story = {
    from: performance.now(),
    ...{ faults: 0, observations: 0, seconds: new Map() },
    ...{ past: [], incidents: [], problems: [] },
  };
  report(`${WANTED}, seed ${SEED}`);
  for (let round = 0; !isEnough(story); round += 1) {
    const place = join(folder, `round-${round}`);
    mkdirSync(place);
    const rules = join(place, 'alerts.yaml');
    writeFileSync(rules, ALERT_FILE);
    const settings = {
      ...settingsOf(`faults_${process.pid}_${SEED}_${round}`, proxies, brokerProxies),
      ...watchingOf(rules),
    };
    await runRound(place, settings, { services, proxies, brokerProxies, random }, story);
    rmSync(place, { recursive: true, force: true });
  }
  for (const [name, seconds] of story.seconds) {
    report(`${seconds.length} × ${name}: caught up after ${medianAndMost(seconds)}`);
  }
  for (const line of summaryOf(story.past, story.incidents)) report(line);
  const label =
    `${story.faults} faults, ${story.observations} observations, 0 lost, 0 doubled; caught up ` +
    `after ${medianAndMost([...story.seconds.values()].flat())}; ` +
    (IS_JUDGED
      ? `${story.incidents.length} incidents, ${story.problems.length} wrong or missing`
      : 'incidents are not judged');
  report(label);
  context.diagnostic(label);
  assert.deepEqual(story.problems, []);
});

interface Story {
  /** On the clock of `performance`. */
  readonly from: number;
  faults: number;
  observations: number;
  /** Until all was caught up, after each fault of a kind. */
  readonly seconds: Map<string, number[]>;
  readonly past: PastFault[];
  readonly incidents: Incident[];
  /** What is wrong with the incidents: it is found out to the end. */
  readonly problems: string[];
}

function isEnough({ from, faults }: Story): boolean {
  return faults >= COUNT || performance.now() - from >= MINUTES * 60_000;
}

function medianAndMost(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1]?.toFixed(1);
  return `${median} s (median), ${sorted.at(-1)?.toFixed(1)} s (most)`;
}

/** Some faults on a table of its own, so that checking does not take longer each time. */
async function runRound(
  folder: string,
  settings: object,
  around: Omit<Surroundings, 'processes'>,
  story: Story,
): Promise<void> {
  const profile = join(folder, 'profile.yaml');
  writeFileSync(profile, stringify(settings));
  const { config } = loadConfig({
    file: profile,
    env: {},
    // The judge is not disturbed.
    flags: {
      data: join(folder, 'judge'),
      'lake.hdfs.namenodes': hdfs?.namenodes ?? '',
      'log.kafka.brokers': kafka?.brokers ?? '',
      // It looks when it is asked to.
      'engines.interval_s': '3600',
    },
  });
  await using workspace = await openWorkspace(config, false);
  await using watch = await watchEngines(workspace);
  await using processes = openProcesses(profile, folder);
  const wellness = { workspace, processes, watch };
  const past: PastFault[] = [];
  try {
    processes.startProducer();
    for (let sink = 0; sink < SINKS; sink += 1) processes.startSink();
    processes.startAnalyzer();
    await recover(workspace, processes, 1, 'the start');
    processes.startEvaluator();
    await untilRunning(processes);
    if (IS_JUDGED) await untilWell(wellness, null);
    for (let at = 0; at < ROUND && !isEnough(story); at += 1) {
      const name = nextFault(story.faults, around.random);
      report(await disturb(name, wellness, { ...around, processes }, story, past));
    }
    // Without a producer nothing lands, which is an incident as well.
    if (IS_JUDGED) judge(past, await workspace.incidents.read(), story);
    await processes.stopProducer();
    const count = processes.acknowledged();
    await recover(workspace, processes, count, 'the end');
    await assertSound(workspace, 'at the end');
    await assertInOrder(workspace, 'at the end');
    story.observations += count;
  } catch (error) {
    report(processes.said());
    throw error;
  }
}

/** Compares the incidents of a round with its faults. */
function judge(past: readonly PastFault[], incidents: readonly Incident[], story: Story): void {
  const problems = problemsOf(past, incidents);
  for (const problem of problems) report(`WRONG: ${problem}`);
  story.past.push(...past);
  story.incidents.push(...incidents);
  story.problems.push(...problems);
}

/** One fault, and all that has to hold after it; resolves with a line about it. */
async function disturb(
  name: FaultName,
  wellness: Wellness,
  surroundings: Surroundings,
  story: Story,
  past: PastFault[],
): Promise<string> {
  const { processes } = surroundings;
  const { workspace } = wellness;
  const begin = Date.now();
  const lap = stopwatch();
  const chosen = await FAULTS[name](surroundings);
  const took = lap();
  const end = Date.now();
  const wanted = processes.acknowledged();
  const recovery = await recover(workspace, processes, wanted, name);
  lap();
  const published = OF_ANALYTICS.test(name) ? await untilPublished(workspace, name) : null;
  lap();
  await assertSound(workspace, name);
  await assertInOrder(workspace, name);
  await untilRunning(processes);
  // Not part of the fault, but what it brought about later.
  const gone = await startFailed(surroundings.services);
  const checked = lap();
  const incidents = IS_JUDGED ? await untilWell(wellness, { name, begin }) : [];
  past.push({ name, begin, end, wellAt: Date.now() });
  story.faults += 1;
  story.seconds.set(name, [...(story.seconds.get(name) ?? []), recovery]);
  return (
    `${story.faults}. ${name}${chosen ? ` (${chosen})` : ''}: ${took.toFixed(1)} s, caught up ` +
    `after ${recovery.toFixed(1)} s, ` +
    (published === null ? '' : `published after ${published.toFixed(1)} s more, `) +
    `checked ${wanted} in ${checked.toFixed(1)} s, well after ${lap().toFixed(1)} s more` +
    (gone.length === 0 ? '' : `; started again: ${gone.join(', ')}`) +
    (IS_JUDGED ? `; ${incidentText({ name, begin }, incidents)}` : '')
  );
}

async function untilRunning(processes: Processes): Promise<void> {
  await until('every process runs', () => {
    processes.assertAlive();
    return processes.areRunning();
  });
}

/** Each call returns the seconds since the one before. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1_000;
    last = now;
    return seconds;
  };
}

/** After these it counts that Spark publishes again. */
const OF_ANALYTICS = /Spark|worker|analyzer/;

/** Seconds until there is a publication of what is landed now. */
async function untilPublished(
  { observations, storage }: Workspace,
  label: string,
): Promise<number> {
  const from = performance.now();
  const { version } = await observations.refresh();
  for (;;) {
    const publication = await readPublication(storage);
    const seconds = (performance.now() - from) / 1_000;
    if ((publication?.table_version ?? -1) >= version) return seconds;
    assert.ok(
      seconds < PUBLISHED_S,
      `${label}: the newest publication is of version ${publication?.table_version}, the table ` +
        `was at ${version} ${PUBLISHED_S} s ago`,
    );
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** At once: the runner prints diagnostics at the end only, and this may take hours. */
function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A profile of its own: topic and folder that no other run uses. */
function settingsOf(
  name: string,
  proxies: readonly CuttingProxy[],
  brokerProxies: readonly CuttingProxy[],
) {
  return {
    collector: { source: 'none' },
    log: {
      engine: 'kafka',
      kafka: {
        brokers: brokerProxies.map(({ port }) => `127.0.0.1:${port}`).join(','),
        replication: 3,
        topic: name,
        group: name,
      },
    },
    lake: {
      engine: 'hdfs',
      // Taken over after two and a half of these: so that a sink may sleep longer.
      heartbeat_s: 4,
      hdfs: {
        namenodes: proxies.map(({ port }) => `http://127.0.0.1:${port}`).join(','),
        address: hdfs?.address,
        folder: `/${name}`,
      },
    },
    table: { landing_age_s: 2, checkpoint_commits: 10, raw_export: false },
    // Spark computes every refresh, so that each fault meets it.
    analytics: {
      engine: 'spark',
      refresh_delay_s: 0.1,
      spark: { address: spark?.address, rows_least: 0 },
    },
  };
}

/** What the process that evaluates the rules needs. */
function watchingOf(rules: string) {
  return {
    engines: {
      interval_s: 1,
      timeout_s: 5,
      hdfs: { journalnode_urls: hdfs?.journalNodes },
      spark: { ui_url: spark?.ui, master_url: spark?.master ?? '' },
    },
    alerts: { file: rules, interval_s: 1 },
  };
}

/** Each of them once, in an order that the seed decides, then at random. */
function nextFault(at: number, random: () => number): FaultName {
  const names = Object.keys(FAULTS) as FaultName[];
  if (at % names.length === 0) {
    order = names
      .map((name) => ({ name, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ name }) => name);
  }
  return order[at % names.length] ?? 'a broker is killed';
}
let order: FaultName[] = [];

/** Seconds until each number below `wanted` is in the table; no number is there twice. */
async function recover(
  workspace: Workspace,
  processes: Processes,
  wanted: number,
  label: string,
): Promise<number> {
  const from = performance.now();
  for (;;) {
    processes.assertAlive();
    const rows = await rowsOf(workspace).catch(() => 0);
    const lost = rows < wanted ? wanted - rows : await countLost(workspace, wanted, label);
    const seconds = (performance.now() - from) / 1_000;
    if (lost === 0) return seconds;
    assert.ok(
      seconds < RECOVERY_S,
      `${label}: ${lost} of ${wanted} not there after ${RECOVERY_S} s`,
    );
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function rowsOf({ observations }: Workspace): Promise<number> {
  const { files } = await observations.refresh();
  return files.reduce((sum, { rows }) => sum + rows, 0);
}

/** Numbers below `count` that the table lacks. */
async function countLost(workspace: Workspace, count: number, label: string): Promise<number> {
  const sql = `SELECT count(*) - count(DISTINCT provider_city_id) AS doubled,
      count(DISTINCT CASE WHEN provider_city_id < ${count} THEN provider_city_id END) AS there
    FROM landed`;
  const sums = await queryLanded<{ doubled: number; there: number }>(workspace, sql);
  assert.equal(sums?.doubled, 0, `${label}: numbers that are there twice`);
  return count - (sums?.there ?? 0);
}

/** The observations of a city came in the order of the log. */
async function assertInOrder(workspace: Workspace, label: string): Promise<void> {
  const sql = `SELECT count(*) AS count FROM (
      SELECT log_offset, lag(log_offset) OVER (PARTITION BY city_id ORDER BY observed_at) AS before
      FROM landed) WHERE log_offset <= before`;
  const disorder = await queryLanded<{ count: number }>(workspace, sql);
  assert.equal(disorder?.count, 0, `${label}: observations of a city that are out of order`);
}

/** The one row of this query over what has landed. */
async function queryLanded<R>(workspace: Workspace, sql: string): Promise<R | undefined> {
  const { observations, engine } = workspace;
  await using session = await engine.session();
  const paths = await observations.localPaths((await observations.refresh()).files);
  await session.define('landed', paths, OBSERVATION_COLUMNS);
  const [row] = await session.query<R>(sql);
  return row;
}

async function assertSound(workspace: Workspace, label: string): Promise<void> {
  const { differences } = await verifyWorkspace(workspace);
  assert.deepEqual(differences, [], label);
}
