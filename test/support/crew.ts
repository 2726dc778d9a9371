/**
 * A crew: several processes of the program on one configuration, and what the leases in their lake
 * say about who does what.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LEASES_FOLDER } from '../../src/lake/layout.ts';
import { openLeash } from './leash.ts';
import { until } from './until.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const TIMEOUT_MS = 60_000;

export type Role = 'collect' | 'land' | 'analyze' | 'serve' | 'stream';

export interface Member {
  readonly role: Role;
  readonly pid: number;
  readonly child: ChildProcess;
  /** The end of what it said. */
  output: string;
}

export interface Crew extends AsyncDisposable {
  readonly members: readonly Member[];
  start(role: Role, env?: Readonly<Record<string, string>>): Member;
  /** Fails when one ended by itself. */
  assertAlive(): void;
  /** Resolves when it is gone. */
  kill(member: Member): Promise<void>;
  /** Asks all of them to stop, and sees them do it well. */
  stopAll(): Promise<void>;
}

export function openCrew(folder: string, settings: string): Crew {
  const leash = openLeash(folder);
  const members = new Set<Member>();

  function start(role: Role, env: Readonly<Record<string, string>> = {}): Member {
    const child = spawn(process.execPath, [MAIN, role, '--config', settings], {
      env: { ...process.env, NODE_TEST_CONTEXT: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${role} did not start`);
    leash.hold(pid);
    const member: Member = { role, pid, child, output: '' };
    members.add(member);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        member.output = (member.output + text).slice(-5_000);
      });
    }
    child.once('exit', () => leash.letGo(pid));
    return member;
  }

  function assertAlive(): void {
    for (const { child, role, output } of members) {
      const end = child.exitCode ?? child.signalCode;
      assert.equal(end, null, `isobar ${role} ended with ${end}: ${output}`);
    }
  }

  async function kill(member: Member): Promise<void> {
    members.delete(member);
    const ended = once(member.child, 'exit');
    member.child.kill('SIGKILL');
    await ended;
  }

  return {
    get members() {
      return [...members];
    },
    start,
    assertAlive,
    kill,
    async stopAll() {
      assertAlive();
      // Who collects goes first, so that what was collected lands.
      for (const roles of [['collect'], ['land'], ['analyze', 'serve']]) {
        const ending = [...members].filter(({ role }) => roles.includes(role));
        await Promise.all(ending.map(stopOne));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const member of members) {
        const { exitCode, signalCode } = member.child;
        if (exitCode === null && signalCode === null) await kill(member);
      }
      leash[Symbol.dispose]();
    },
  };
}

async function stopOne(member: Member): Promise<void> {
  const { child, role } = member;
  // One that has just been started cannot stop well before it has loaded its own code.
  await until(`isobar ${role} is up`, () => member.output.includes('stops it'));
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const [code, signal] = await ended;
  clearTimeout(late);
  assert.deepEqual([code, signal], [0, null], `isobar ${role} did not stop well: ${member.output}`);
}

/** Whether it is stopped (SIGSTOP), by itself or by another process. */
export function isStopped({ pid }: Member): boolean {
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .startsWith('T');
}

/** What the leases say, by a look at their files. */
export interface LeasesView {
  /** The process that holds each number of a role by its newest lease, unless it was given back. */
  holders(role: string): Map<number, number>;
  /** All leases that were not given back: `land 0 of 4711`. */
  all(): string[];
}

export function viewLeases(lake: string): LeasesView {
  const folder = join(lake, LEASES_FOLDER);

  function holders(role: string): Map<number, number> {
    const held = new Map<number, number>();
    // In order of their names, the generations of one number come one after the other.
    for (const name of namesIn(join(folder, role))) {
      const [, number] = /^(\d+)\.\d{20}\.json$/.exec(name) ?? [];
      const text = textIn(join(folder, role, name));
      if (number === undefined || text === '') continue;
      const { pid, released } = JSON.parse(text) as { pid: number; released: boolean };
      if (released) held.delete(Number(number));
      else held.set(Number(number), pid);
    }
    return held;
  }

  return {
    holders,
    all: () =>
      namesIn(folder).flatMap((role) =>
        [...holders(role)].map(([number, pid]) => `${role} ${number} of ${pid}`),
      ),
  };
}

/** In order; none when the folder does not exist. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Empty when the file does not exist. */
export function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
