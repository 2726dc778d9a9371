/** `drill NAME`: breaks the running cluster on purpose and proves that nothing was lost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type ClusterControl, connectControl } from '../../cluster/control.ts';
import { freePort } from '../../cluster/ports.ts';
import { PROFILE } from '../../cluster/profile.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import {
  DRILL_NAMES,
  type Drill,
  type DrillProcesses,
  type DrillRole,
  type Look,
} from '../../drill/drill.ts';
import { DRILLS } from '../../drill/drills.ts';
import { openStory } from '../../drill/story.ts';
import { IsobarError } from '../../errors.ts';
import { openWorkspace } from '../../pipeline/workspace.ts';
import { type Environment, prepare } from '../environment.ts';
import { permitIsobar } from './cluster-permissions.ts';
import { verifyWorkspace } from './verify.ts';

const LOOK_MS = 8_000;
const STOP_MS = 60_000;
/** An observation of each city every two seconds: what stands still is noticed soon. */
const SETTINGS = {
  'collector.source': 'simulator',
  'simulator.interval_s': '2',
  'simulator.history_days': '0',
  'table.landing_age_s': '2',
  'table.raw_export': 'false',
  'analytics.refresh_interval_s': '5',
  'analytics.spark.recompute_interval_s': '5',
  // Watched from this machine, whatever certificate the settings name.
  'api.tls.certificate_file': '',
  'api.tls.key_file': '',
  'api.tls.redirect_port': '0',
} as const;

export function drillCommand(program: Command, environment: Environment): void {
  program
    .command('drill <name>')
    .description('break the running cluster on purpose and prove that nothing was lost')
    .addHelpText(
      'after',
      `
Drills:
${DRILLS.map(({ name, description }) => `  ${name.padEnd(18)} ${description}`).join('\n')}

Needs \`isobar cluster up\`. Runs its own isobar with made-up weather in a topic and a folder of its
own, reports every second what happens, then verifies and prints a summary. Exits with 0
only if nothing was lost and the system said what it should; what was broken is repaired either
way.

Example:
  isobar cluster up && isobar drill broker-down`,
    )
    .action((name: string, _options, command: Command) => run(environment, command, name));
}

async function run(environment: Environment, command: Command, name: string): Promise<void> {
  const drill = DRILLS.find((one) => one.name === name);
  if (drill === undefined) {
    throw new IsobarError('USAGE', `drill ${name}: there are ${DRILL_NAMES.join(', ')}`);
  }
  const { config: given } = prepare(environment, command);
  const cluster = resolve(given.data, 'cluster');
  const services = await connectControl(cluster);
  const profile = join(cluster, PROFILE);
  const flags = await ownSettings(drill, cluster, profile, services);
  const from = performance.now();
  const report = (line: string) => {
    const seconds = ((performance.now() - from) / 1_000).toFixed(1).padStart(6);
    environment.print(`${seconds} s  ${line.replaceAll('\n', `\n${' '.repeat(10)}`)}\n`);
  };
  const story = openStory();
  report(`${name}: ${drill.description}`);
  const { config } = loadConfig({ file: profile, env: {}, flags });
  await permitIsobar(config, services.note.addresses);
  {
    await using stack = new AsyncDisposableStack();
    const processes = await startProcesses(drill.roles, profile, flags);
    // What it says of its end is asked for below; after a failure it is not the matter any more.
    stack.defer(() => processes.stop().catch(() => {}));
    const { signal } = environment;
    const ready = await readyServices(services);
    // Whatever becomes of the drill, what it broke is made whole.
    stack.defer(() => startAgain(services, ready));
    const look = () => lookAt(Number(flags['api.port']));
    const page = (url: URL) => readPage(config, url, signal);
    await Promise.race([
      drill.run({ services, processes, look, page, report, story, signal }),
      processes.died,
    ]);
    report('stopping isobar: it lands what waits');
    await processes.stop();
  }
  report('verifying: every record in exactly one place, by the files alone');
  await using workspace = await openWorkspace(config, true);
  const { sums, differences } = await verifyWorkspace(workspace);
  const counted = Object.entries(sums).map(([label, value]) => [label, String(value)] as const);
  const said = [...story.summary(), ...counted];
  const width = Math.max(...said.map(([label]) => label.length));
  report('in short');
  for (const [label, text] of said) {
    environment.print(`${' '.repeat(10)}${label.padEnd(width)}  ${text}\n`);
  }
  if (differences.length > 0) throw new IsobarError('VERIFY_FAILED', differences.join('\n'));
  report('everything adds up: nothing was lost, nothing is there twice');
}

/** The library for logins with Kerberos is loaded only where a page is asked for. */
async function readPage({ lake }: Config, url: URL, signal: AbortSignal): Promise<string> {
  const { openHdfsPages } = await import('../../lake/hdfs-pages.ts');
  await using pages = await openHdfsPages(lake.hdfs);
  return pages.get(url, signal);
}

/** Its own port, topic and folders, separate from all other data. */
async function ownSettings(
  { name, settings }: Drill,
  cluster: string,
  profile: string,
  services: ClusterControl,
): Promise<Readonly<Record<string, string>>> {
  const { config } = loadConfig({ file: profile, env: {}, flags: {} });
  const folder = join(cluster, `drill-${name}`);
  await mkdir(folder, { recursive: true });
  return {
    ...SETTINGS,
    ...(await settings?.({ services, folder })),
    'api.port': String(await freePort()),
    'log.kafka.topic': `drill_${name}`,
    'log.kafka.group': `drill_${name}`,
    'lake.hdfs.folder': `${config.lake.hdfs.folder}/drills/${name}`,
    data: folder,
  };
}

async function readyServices(services: ClusterControl): Promise<string[]> {
  const status = await services.status();
  return status.filter(({ state }) => state === 'ready').map(({ name }) => name);
}

async function startAgain(services: ClusterControl, names: readonly string[]): Promise<void> {
  const ready = await readyServices(services);
  const gone = names.filter((name) => !ready.includes(name));
  await Promise.all(gone.map((name) => services.start(name)));
}

interface OwnProcesses extends DrillProcesses {
  /** Rejects when a process ends that the drill did not end. */
  readonly died: Promise<never>;
  /** Rejects with DRILL_FAILED when one does not stop well. */
  stop(): Promise<void>;
}

async function startProcesses(
  roles: readonly DrillRole[],
  profile: string,
  flags: Readonly<Record<string, string>>,
): Promise<OwnProcesses> {
  const running = new Map<DrillRole, ChildProcess>();
  const killed = new Set<ChildProcess>();
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {});
  const settings = Object.entries(flags).flatMap(([setting, value]) =>
    setting === 'data' ? ['--data', value] : ['--set', `${setting}=${value}`],
  );
  async function start(role: DrillRole): Promise<void> {
    const output = await open(join(flags.data ?? '', `${role}.log`), 'a');
    const [, main = ''] = process.argv;
    const args = [...process.execArgv, main, role, '--profile', profile, ...settings];
    // A group of its own: Ctrl-C at the terminal is for us, who stop it.
    const options = { detached: true, stdio: ['ignore', output.fd, output.fd] as const };
    const child = spawn(process.execPath, args, { ...options, stdio: [...options.stdio] });
    running.set(role, child);
    child.once('exit', () => {
      if (killed.has(child)) return;
      died.reject(new IsobarError('DRILL_FAILED', `isobar ${role} ended; see ${role}.log`));
    });
    await output.close();
  }
  for (const role of roles) await start(role);
  return {
    died: died.promise,
    signal(role, name) {
      const child = running.get(role);
      if (child === undefined) return;
      if (name === 'SIGKILL') killed.add(child);
      child.kill(name);
    },
    restart: start,
    async stop() {
      const ends = await Promise.all([...running].map(([role, child]) => stopOne(role, child)));
      const bad = ends.filter((end) => end !== null);
      if (bad.length > 0) throw new IsobarError('DRILL_FAILED', bad.join('\n'));
    },
  };

  /** Resolves with what was wrong about its end. */
  async function stopOne(role: DrillRole, child: ChildProcess): Promise<string | null> {
    killed.add(child);
    if (child.exitCode !== null || child.signalCode !== null) return null;
    const end = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const [code, signal] = await end;
    clearTimeout(late);
    if (code === 0) return null;
    const how =
      signal === 'SIGKILL' ? `did not stop within ${STOP_MS / 1_000} s` : `ended with ${code}`;
    return `isobar ${role} ${how}; see ${role}.log`;
  }
}

async function lookAt(port: number): Promise<Look> {
  const get = async (path: string): Promise<Record<string, never> | null> => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        signal: AbortSignal.timeout(LOOK_MS),
      });
      return answer.ok ? ((await answer.json()) as Record<string, never>) : null;
    } catch {
      // It does not answer: that is what is looked for.
      return null;
    }
  };
  const [status, statistics] = await Promise.all([get('/api/status'), get('/api/city-statistics')]);
  return { status: status?.data ?? null, meta: statistics?.meta ?? null };
}
