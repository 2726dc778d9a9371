/** `isobar cluster`: what it starts is there, and nothing of it is left behind. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../support/until.ts';
import { service } from './services.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const run = promisify(execFile);

const isobar = (folder: string, ...args: string[]) =>
  run(process.execPath, [MAIN, 'cluster', ...args, '--data', folder]);

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-lifecycle-'));
  try {
    await use(folder);
  } finally {
    await isobar(folder, 'down').catch(() => {
      // It is down already.
    });
    await rm(folder, { recursive: true, force: true });
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended but was not yet asked how is a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const pidOf = (folder: string, name: string) =>
  Number(readFileSync(join(folder, 'cluster', name, 'pid'), 'utf8'));

interface Told {
  readonly services: { name: string; state: string; pid: number | null }[];
  readonly addresses: { zookeeper: { address: string } };
}

async function statusOf(folder: string): Promise<Told> {
  return JSON.parse((await isobar(folder, 'status', '--json')).stdout);
}

describe('isobar cluster', {
  skip: service('kafka') === null && 'needs Java: test:cluster',
}, () => {
  it('starts services that answer, reports their state, starts a dead one again, and stops', () =>
    withFolder(async (folder) => {
      await isobar(folder, 'up', '--only', 'zookeeper');
      const { services, addresses } = await statusOf(folder);
      assert.deepEqual(
        services.map(({ name, state }) => [name, state]),
        [['zookeeper', 'ready']],
      );
      const port = Number(addresses.zookeeper.address.split(':')[1]);
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();

      await assert.rejects(isobar(folder, 'up', '--only', 'zookeeper'), /holds the cluster/);

      const first = pidOf(folder, 'zookeeper');
      process.kill(first, 'SIGKILL');
      await until('the dead one is reported', async () =>
        (await statusOf(folder)).services.every(({ state }) => state === 'failed'),
      );
      await isobar(folder, 'start', 'zookeeper');
      const second = pidOf(folder, 'zookeeper');
      assert.ok(lives(second) && second !== first);

      await isobar(folder, 'down');
      assert.ok(!lives(second));
      await assert.rejects(isobar(folder, 'status'), /No cluster runs here/);
    }));

  it('leaves nothing behind when the process that holds it is killed', () =>
    withFolder(async (folder) => {
      const args = [MAIN, 'cluster', 'up', '--only', 'zookeeper', '--foreground', '--data', folder];
      const holder = spawn(process.execPath, args, { stdio: 'ignore' });
      await until('it is up', () => existsSync(join(folder, 'cluster', 'cluster.json')));
      const pid = pidOf(folder, 'zookeeper');
      assert.ok(lives(pid));
      holder.kill('SIGKILL');
      await until('the service has gone', () => !lives(pid));
      // What it left does not keep the next one from starting.
      await isobar(folder, 'up', '--only', 'zookeeper');
      assert.ok(lives(pidOf(folder, 'zookeeper')));
    }));

  it('leaves nothing behind when its profile cannot be written', () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, 'cluster', 'profile.yaml'), { recursive: true });
      const up = ['up', '--only', 'zookeeper', '--foreground'];
      await assert.rejects(isobar(folder, ...up), /EISDIR|profile\.yaml/);
      assert.ok(!lives(pidOf(folder, 'zookeeper')));
    }));

  it('says that a folder was made without --secure', () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, 'cluster'));
      await writeFile(join(folder, 'cluster', 'ports.json'), '{}');
      const up = ['up', '--only', 'zookeeper', '--secure', '--foreground'];
      await assert.rejects(isobar(folder, ...up), /were made without --secure; expected no/);
    }));

  it('says what is missing without Java', () =>
    withFolder(async (folder) => {
      const args = [MAIN, 'cluster', 'up', '--foreground', '--data', folder];
      const env = { PATH: folder, HOME: folder };
      await assert.rejects(
        run(process.execPath, args, { env }),
        /need Java 17.*\n.*java is not there/,
      );
    }));
});
