/** Kills the child of kill-child.ts again and again and lets `verify` judge what is left. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyWorkspace } from '../../src/cli/commands/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { FAULT_POINTS, type FaultPoint } from '../../src/fault.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from '../../src/table/table.ts';
import { createRandom } from './random.ts';
import { until } from './until.ts';

const CHILD = join(import.meta.dirname, 'kill-child.ts');
/** Points of rooms that the child does not have. */
const ELSEWHERE = [
  'alerts.',
  'budget.',
  'forecast.',
  'import.',
  'index.',
  'outbox.',
  'spool.',
  'undo.',
];
export const POINTS = FAULT_POINTS.filter(
  (point) => !ELSEWHERE.some((room) => point.startsWith(room)),
);

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Points to die at, one after the other; a kill without one comes at a random moment. */
  readonly points: readonly FaultPoint[];
}

export async function killAgainAndAgain(options: KillOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-kill-'));
  const random = createRandom(options.seed);
  const accepted: string[] = [];
  try {
    for (let kill = 0; kill < options.kills; kill++) {
      const point = options.points[kill] ?? null;
      const seed = Math.floor(random() * 1e9);
      const fault = point === null ? '' : `${point}:${1 + Math.floor(random() * 3)}`;
      const waited = point === null ? 600 + random() * 2_500 : 30_000;
      const label = `kill ${kill + 1}, seed ${options.seed}, ${fault === '' ? 'random moment' : fault}`;
      accepted.push(...(await runAndKill(folder, seed, fault, waited, label)));
      await assertSound(folder, accepted, label);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The names of the records that the child said were accepted before it died. */
async function runAndKill(
  folder: string,
  seed: number,
  fault: string,
  waited: number,
  label: string,
): Promise<string[]> {
  const child = startPipelineChild(folder, seed, fault, 'alone');
  const timer = setTimeout(() => child.kill(), waited);
  const signal = await child.ended;
  clearTimeout(timer);
  assert.equal(signal, 'SIGKILL', `${label}: the child ended by itself: ${child.errors()}`);
  return child.accepted();
}

/** A child that works on the folder until it is killed. */
function startPipelineChild(
  folder: string,
  seed: number,
  fault: string,
  company: 'alone' | 'together',
) {
  const child = spawn(process.execPath, [CHILD, folder, String(seed), company], {
    env: { ...process.env, ISOBAR_FAULT: fault },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return {
    pid: child.pid ?? 0,
    ended: new Promise((resolve) => child.on('close', (_code, name) => resolve(name))),
    errors: () => errors,
    // The last line may be cut: what it names was accepted, but the caller was not notified.
    accepted: () =>
      output
        .split('\n')
        .slice(0, -1)
        .flatMap((line) => line.split(' ')),
    rounds: () => output.split('\n').length - 1,
    kill: () => child.kill('SIGKILL'),
    wake: () => child.kill('SIGCONT'),
  };
}

/**
 * Two processes on one folder; one stops at the named step, the other goes on, then the first is
 * woken and goes on as well, until both are killed.
 */
export async function stopAndWake(point: FaultPoint, seed: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-stop-'));
  const label = `stopped at ${point}, seed ${seed}`;
  try {
    const sleeper = startPipelineChild(folder, seed, `${point}:2:stop`, 'together');
    await until(
      () => `${label}: it stops: ${sleeper.errors()}`,
      () => isStopped(sleeper.pid),
    );
    const other = startPipelineChild(folder, seed + 1, '', 'together');
    await until(
      () => `${label}: the other one goes on: ${other.errors()}`,
      () => other.rounds() >= 4,
    );
    const before = [sleeper.rounds(), other.rounds()] as const;
    sleeper.wake();
    await until(
      () => `${label}: both go on: ${sleeper.errors()} ${other.errors()}`,
      () => sleeper.rounds() > before[0] + 1 && other.rounds() > before[1] + 1,
    );
    sleeper.kill();
    other.kill();
    await Promise.all([sleeper.ended, other.ended]);
    await assertSound(folder, [...sleeper.accepted(), ...other.accepted()], label);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether the system says that the process is stopped by a signal. */
function isStopped(pid: number): boolean {
  return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

async function assertSound(folder: string, accepted: readonly string[], label: string) {
  const flags = { data: folder, 'analytics.threads': '1' };
  const { config } = loadConfig({ file: null, env: {}, flags });
  await using workspace = await openWorkspace(config, false);
  const sink = await workspace.sink();
  const log = await workspace.log();
  const before = await verifyWorkspace(workspace);
  assert.deepEqual(before.differences, [], `${label}: as it was left`);
  let waited = false;
  for (let partition = 0; partition < log.partitionCount; partition++) {
    waited = (await sink.land(partition)) !== null || waited;
  }
  const after = waited ? await verifyWorkspace(workspace) : before;
  assert.deepEqual(after.differences, [], `${label}: after landing what waited`);
  let appended = 0;
  for (let partition = 0; partition < log.partitionCount; partition++) {
    appended += Number((await log.range(partition)).next);
  }
  assert.equal(after.sums['offsets committed'], appended, label);
  const { observations, rejected } = workspace;
  const session = await workspace.session();
  const landed = await observations.localPaths((await observations.refresh()).files);
  await session.define('o', landed, OBSERVATION_COLUMNS);
  const rejectedPaths = await rejected.localPaths((await rejected.refresh()).files);
  await session.define('s', rejectedPaths, REJECTED_COLUMNS);
  const rows = await session.query<{ name: string }>(`
    SELECT DISTINCT unnest(regexp_extract_all(text, 'r[0-9a-z]{9,}')) AS name
    FROM (SELECT condition AS text FROM o UNION ALL SELECT bytes FROM s)`);
  const kept = new Set(rows.map(({ name }) => name));
  const lost = accepted.filter((name) => name !== '' && !kept.has(name));
  assert.deepEqual(lost, [], `${label}: records that were accepted and are nowhere`);
}
