/** What can go wrong on a cluster, each with what makes it right again. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ClusterControl } from '../../src/cluster/control.ts';
import type { Processes } from './processes.ts';
import type { CuttingProxy } from './proxy.ts';

export interface Surroundings {
  readonly services: ClusterControl;
  readonly processes: Processes;
  /** In front of the NameNodes. */
  readonly proxies: readonly CuttingProxy[];
  readonly random: () => number;
}

export type Fault = (surroundings: Surroundings) => Promise<void>;

const run = promisify(execFile);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

export const FAULTS: Readonly<Record<string, Fault>> = {
  async 'a broker is killed'({ services, random }) {
    const name = pick(['kafka-1', 'kafka-2', 'kafka-3'], random);
    await services.signal(name, 'SIGKILL');
    await pause(3);
    await services.start(name);
  },
  async 'a broker stops for 12 s'({ services, random }) {
    const name = pick(['kafka-1', 'kafka-2', 'kafka-3'], random);
    await services.signal(name, 'SIGSTOP');
    await pause(12);
    await services.signal(name, 'SIGCONT');
  },
  async 'all brokers are restarted'({ services }) {
    const names = ['kafka-1', 'kafka-2', 'kafka-3'];
    await Promise.all(names.map((name) => services.stop(name)));
    await pause(1);
    await Promise.all(names.map((name) => services.start(name)));
  },
  async 'the active NameNode is killed'({ services }) {
    const active = await activeNameNode(services);
    await services.signal(`namenode-${active}`, 'SIGKILL');
    await pause(3);
    await services.start(`namenode-${active}`);
  },
  async 'the active NameNode stops for 15 s'({ services }) {
    const active = await activeNameNode(services);
    await services.signal(`namenode-${active}`, 'SIGSTOP');
    await pause(15);
    await services.signal(`namenode-${active}`, 'SIGCONT');
  },
  async 'the controller of the active NameNode is killed'({ services }) {
    const active = await activeNameNode(services);
    await services.signal(`zkfc-${active}`, 'SIGKILL');
    await pause(7);
    await services.start(`zkfc-${active}`);
  },
  async 'a DataNode is killed in the middle of its work'({ services, random }) {
    const name = pick(['datanode-1', 'datanode-2'], random);
    await services.signal(name, 'SIGKILL');
    await pause(4);
    await services.start(name);
  },
  async 'two of three JournalNodes are killed'({ services }) {
    const journals = ['journalnode-1', 'journalnode-2'];
    for (const name of journals) await services.signal(name, 'SIGKILL');
    await pause(4);
    await Promise.all(journals.map((name) => services.start(name)));
    // Without most of the journals a NameNode gives up.
    await pause(2);
    const status = await services.status();
    const gone = status.filter(({ state }) => state === 'failed').map(({ name }) => name);
    for (const name of gone) await services.start(name);
  },
  async 'a lander is killed'({ processes, random }) {
    const lander = pick(processes.landers(), random);
    lander.kill('SIGKILL');
    await pause(2);
    processes.startLander();
  },
  async 'a lander stops and wakes up after others took over'({ processes, random }) {
    const lander = pick(processes.landers(), random);
    lander.kill('SIGSTOP');
    await pause(30);
    lander.kill('SIGCONT');
  },
  async 'an executor of Spark is killed'({ services }) {
    const workers = (await services.status()).filter(
      ({ name, pid }) => name.startsWith('spark-worker') && pid !== null,
    );
    for (const { pid } of workers) {
      // There is one only while a session has work.
      await run('pkill', ['-KILL', '-P', String(pid)]).catch(() => {});
    }
    await pause(2);
  },
  async 'the server of Spark is killed'({ services }) {
    await services.signal('spark-connect', 'SIGKILL');
    await pause(3);
    await services.start('spark-connect');
  },
  async 'connections to the NameNodes are cut'({ proxies }) {
    for (let times = 0; times < 30; times += 1) {
      for (const proxy of proxies) proxy.cut();
      await pause(0.1);
    }
  },
  async 'connections to the NameNodes are slow'({ proxies }) {
    for (const proxy of proxies) proxy.slow(300);
    await pause(8);
    for (const proxy of proxies) proxy.slow(0);
  },
};

function pick<T>(choices: readonly T[], random: () => number): T {
  const found = choices[Math.floor(random() * choices.length)];
  if (found === undefined) throw new Error('there is nothing to choose from');
  return found;
}

/** Its number; waits while they are electing. */
async function activeNameNode({ note }: ClusterControl): Promise<number> {
  const addresses = note.addresses.hdfs?.namenodes.split(',') ?? [];
  for (;;) {
    for (const [at, address] of addresses.entries()) {
      const answer = await fetch(`${address}/isActive`, {
        signal: AbortSignal.timeout(2_000),
      }).catch(() => null);
      if (answer?.ok === true) return at + 1;
    }
    await pause(0.2);
  }
}
