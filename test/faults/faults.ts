/** What can go wrong on a cluster, each with what makes it right again. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ClusterControl } from '../../src/cluster/control.ts';
import type { Processes } from './processes.ts';
import type { CuttingProxy } from './proxy.ts';

export interface Surroundings {
  readonly services: ClusterControl;
  readonly processes: Processes;
  /** In front of the NameNodes. */
  readonly proxies: readonly CuttingProxy[];
  /** In front of the brokers. */
  readonly brokerProxies: readonly CuttingProxy[];
  readonly random: () => number;
}

/** Resolves once all is right again, with what it chose, if there was a choice. */
export type Fault = (surroundings: Surroundings) => Promise<string>;

const run = promisify(execFile);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
const BROKERS = ['kafka-1', 'kafka-2', 'kafka-3'];
const SPARE_DATANODE = 'datanode-3';
const SPARE_WORKER = 'spark-worker-3';
const WORKERS = ['spark-worker-1', 'spark-worker-2'];
/** More than one block, else the NameNode gives it none. */
const SMALL_DISK_MIB = 400;
const JOB_WAIT_S = 60;
const ELECTION_S = 90;
const EXECUTOR_ATTEMPTS = 60;

/**
 * Those that an alert rule has to see last as long as that takes, and some seconds that the seed
 * decides: a broker counts as gone after 6 s, a DataNode as stale after 5 s.
 */
export const FAULTS = {
  async 'a broker is killed'({ services, random }) {
    const name = pick(BROKERS, random);
    await services.signal(name, 'SIGKILL');
    const held = await hold(random, 15, 20);
    await services.start(name);
    return `${name}, ${held}`;
  },
  async 'a broker stops'({ services, random }) {
    const name = pick(BROKERS, random);
    await services.signal(name, 'SIGSTOP');
    const held = await hold(random, 17, 22);
    await services.signal(name, 'SIGCONT');
    return `${name}, ${held}`;
  },
  async 'all brokers are restarted'({ services, random }) {
    await Promise.all(BROKERS.map((name) => services.stop(name)));
    const held = await hold(random, 8, 12);
    await Promise.all(BROKERS.map((name) => services.start(name)));
    return held;
  },
  async 'connections to the brokers are cut'({ brokerProxies }) {
    let count = 0;
    for (let times = 0; times < 30; times += 1) {
      for (const proxy of brokerProxies) count += proxy.cut();
      await pause(0.1);
    }
    return `${count} connections`;
  },
  async 'connections to the brokers are slow'({ brokerProxies }) {
    for (const proxy of brokerProxies) proxy.slow(300);
    await pause(8);
    for (const proxy of brokerProxies) proxy.slow(0);
    return '';
  },
  async 'the active NameNode is killed'({ services, random }) {
    const active = await activeNameNode(services);
    await services.signal(`namenode-${active}`, 'SIGKILL');
    const held = await hold(random, 9, 14);
    await services.start(`namenode-${active}`);
    return `namenode-${active}, ${held}`;
  },
  async 'the active NameNode stops'({ services, random }) {
    const active = await activeNameNode(services);
    await services.signal(`namenode-${active}`, 'SIGSTOP');
    const held = await hold(random, 15, 20);
    await services.signal(`namenode-${active}`, 'SIGCONT');
    // The other one has taken over: one that finds the journals closed to it gives up.
    await pause(3);
    await startFailed(services);
    return `namenode-${active}, ${held}`;
  },
  async 'the controller of the active NameNode is killed'({ services }) {
    const active = await activeNameNode(services);
    await services.signal(`zkfc-${active}`, 'SIGKILL');
    await pause(7);
    await services.start(`zkfc-${active}`);
    return `zkfc-${active}`;
  },
  async 'a DataNode is killed in the middle of its work'({ services, random }) {
    const name = pick(['datanode-1', 'datanode-2'], random);
    await services.signal(name, 'SIGKILL');
    const held = await hold(random, 14, 19);
    await services.start(name);
    return `${name}, ${held}`;
  },
  async 'the disk of a DataNode is full'({ services }) {
    // It is there after the first of the faults that use it.
    await services.stop(SPARE_DATANODE);
    const disk = join(services.note.folder, SPARE_DATANODE, 'data');
    await mkdir(disk, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK_MIB}m`, 'tmpfs', disk]);
    const output = join(services.note.folder, SPARE_DATANODE, 'output.log');
    const before = await countWords(output, NO_ROOM).catch(() => 0);
    try {
      await services.start(SPARE_DATANODE);
      // It is given blocks by now; after that nothing more fits.
      await pause(4);
      const { bavail, bsize } = await statfs(disk);
      const rest = join(disk, 'full');
      await run('fallocate', ['-l', String(bavail * bsize), rest]);
      await pause(8);
      await rm(rest);
      await pause(1);
      await services.stop(SPARE_DATANODE);
    } finally {
      await run('umount', ['-l', disk]);
    }
    await services.start(SPARE_DATANODE);
    return `${SPARE_DATANODE}, it said so ${(await countWords(output, NO_ROOM)) - before} times`;
  },
  async 'a DataNode and a worker join, and leave again'({ services, random }) {
    const names = [SPARE_DATANODE, SPARE_WORKER];
    await Promise.all(names.map((name) => services.start(name)));
    await untilJob(services);
    await pause(4);
    await Promise.all(names.map((name) => services.stop(name)));
    const held = await hold(random, 14, 19);
    // HDFS counts one that left without being decommissioned as dead until it is back.
    await services.start(SPARE_DATANODE);
    return `${names.join(', ')}, ${held}`;
  },
  async 'two of three JournalNodes are killed'({ services, random }) {
    const journals = ['journalnode-1', 'journalnode-2'];
    for (const name of journals) await services.signal(name, 'SIGKILL');
    const held = await hold(random, 9, 14);
    await Promise.all(journals.map((name) => services.start(name)));
    // Without most of the journals a NameNode gives up.
    await pause(2);
    const gone = await startFailed(services);
    return gone.length === 0 ? held : `${held}, then ${gone.join(', ')} gave up`;
  },
  async 'a sink is killed'({ processes, random }) {
    await processes.kill(pick(processes.sinks(), random));
    await pause(2);
    processes.startSink();
    return '';
  },
  async 'a sink stops and wakes up after others took over'({ processes, random }) {
    const sink = pick(processes.sinks(), random);
    sink.kill('SIGSTOP');
    await pause(16);
    sink.kill('SIGCONT');
    return '';
  },
  async 'all sinks are killed'({ processes, random }) {
    const sinks = processes.sinks();
    await Promise.all(sinks.map((sink) => processes.kill(sink)));
    const held = await hold(random, 32, 38);
    for (const _ of sinks) processes.startSink();
    return held;
  },
  async 'the producer is killed'({ processes }) {
    await processes.killProducer();
    return '';
  },
  async 'the producer stops'({ processes, random }) {
    processes.signalProducer('SIGSTOP');
    const held = await hold(random, 34, 40);
    processes.signalProducer('SIGCONT');
    return held;
  },
  async 'the analyzer is killed'({ processes }) {
    await processes.killAnalyzer();
    return '';
  },
  async 'the evaluator is killed'({ processes }) {
    await processes.killEvaluator();
    return '';
  },
  async 'the evaluator is killed while a broker is away'({ services, processes, random }) {
    const name = pick(BROKERS, random);
    await services.signal(name, 'SIGKILL');
    // Before the incident opens, when it opens, and after.
    const before = await hold(random, 8, 18);
    await processes.killEvaluator();
    // Another one takes over after two and a half heartbeats.
    const held = await hold(random, 24, 28);
    await services.start(name);
    return `${name}, ${before} before, ${held} after`;
  },
  async 'the executors of Spark are killed in the middle of a job'({ services }) {
    let killed = 0;
    // A server that has just come back has none yet.
    for (let attempt = 0; killed === 0 && attempt < EXECUTOR_ATTEMPTS; attempt += 1) {
      await untilJob(services);
      killed = await killExecutors(services);
      await pause(killed === 0 ? 0.5 : 2);
    }
    if (killed === 0) throw new Error('Spark has no executors');
    return `${killed} executors`;
  },
  async 'the workers of Spark are killed'({ services, random }) {
    for (const name of WORKERS) await services.signal(name, 'SIGKILL');
    const held = await hold(random, 26, 32);
    await Promise.all(WORKERS.map((name) => services.start(name)));
    return held;
  },
  async 'the server of Spark is killed in the middle of a job'({ services, random }) {
    await untilJob(services);
    await services.signal('spark-connect', 'SIGKILL');
    const held = await hold(random, 26, 32);
    await services.start('spark-connect');
    return held;
  },
  async 'connections to the NameNodes are cut'({ proxies }) {
    let count = 0;
    for (let times = 0; times < 30; times += 1) {
      for (const proxy of proxies) count += proxy.cut();
      await pause(0.1);
    }
    return `${count} connections`;
  },
  async 'connections to the NameNodes are slow'({ proxies }) {
    for (const proxy of proxies) proxy.slow(300);
    await pause(8);
    for (const proxy of proxies) proxy.slow(0);
    return '';
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;

/** Between so many seconds; resolves with how long it was, for the report. */
async function hold(random: () => number, least: number, most: number): Promise<string> {
  const seconds = least + random() * (most - least);
  await pause(seconds);
  return `for ${seconds.toFixed(1)} s`;
}

function pick<T>(choices: readonly T[], random: () => number): T {
  const found = choices[Math.floor(random() * choices.length)];
  if (found === undefined) throw new Error('there is nothing to choose from');
  return found;
}

/** How many executors of Spark there were. */
async function killExecutors(services: ClusterControl): Promise<number> {
  const workers = (await services.status()).filter(
    ({ name, pid }) => name.startsWith('spark-worker') && pid !== null,
  );
  let killed = 0;
  for (const { pid } of workers) {
    for (const child of await childrenOf(pid ?? 0)) {
      process.kill(child, 'SIGKILL');
      killed += 1;
    }
  }
  return killed;
}

/** What a DataNode writes whose disk has no room. */
const NO_ROOM = /No space left|Out of space|DiskOutOfSpace|Insufficient space/g;

async function countWords(path: string, words: RegExp): Promise<number> {
  return (await readFile(path, 'utf8')).match(words)?.length ?? 0;
}

/** Services that ended by themselves, started again; their names. */
export async function startFailed(services: ClusterControl): Promise<string[]> {
  const gone = (await services.status()).filter(({ state }) => state === 'failed');
  for (const { name } of gone) await services.start(name);
  return gone.map(({ name }) => name);
}

/** Waits until Spark runs a job, as its own UI says. */
async function untilJob({ note }: ClusterControl): Promise<void> {
  const api = `${note.addresses.spark?.ui}/api/v1/applications`;
  const ask = async (path: string): Promise<readonly { readonly id: string }[]> => {
    const answer = await fetch(`${api}${path}`, { signal: AbortSignal.timeout(2_000) });
    return answer.ok ? ((await answer.json()) as { id: string }[]) : [];
  };
  const deadline = Date.now() + JOB_WAIT_S * 1_000;
  while (Date.now() < deadline) {
    const [application] = await ask('').catch(() => []);
    const path = `/${application?.id}/jobs?status=running`;
    const jobs = application === undefined ? [] : await ask(path).catch(() => []);
    if (jobs.length > 0) return;
    await pause(0.05);
  }
  throw new Error(`Spark ran no job within ${JOB_WAIT_S} s`);
}

async function childrenOf(pid: number): Promise<number[]> {
  // It finds none, too: then it ends with 1.
  const { stdout } = await run('pgrep', ['-P', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.split('\n').map(Number).filter(Boolean);
}

/** Its number; waits while they are electing. */
async function activeNameNode({ note }: ClusterControl): Promise<number> {
  const addresses = note.addresses.hdfs?.namenodes.split(',') ?? [];
  const deadline = Date.now() + ELECTION_S * 1_000;
  while (Date.now() < deadline) {
    for (const [at, address] of addresses.entries()) {
      const answer = await fetch(`${address}/isActive`, {
        signal: AbortSignal.timeout(2_000),
      }).catch(() => null);
      if (answer?.ok === true) return at + 1;
    }
    await pause(0.2);
  }
  throw new Error(`no NameNode became active within ${ELECTION_S} s`);
}
