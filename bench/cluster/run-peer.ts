/** A program that does the work of a landing: started, watched, measured, ended. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Peer {
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its output has this once it begins to fetch; null: counted from its start. */
  readonly begins: RegExp | null;
  /** Whether all its rows are where they belong; null: when it ends by itself. */
  readonly isDone: ((output: string) => Promise<boolean>) | null;
}

export interface PeerRun {
  /** From the first fetch to the last row. */
  readonly milliseconds: number;
  /** User and system seconds of the whole process, its start included. */
  readonly cpuSeconds: number;
  readonly output: string;
}

const POLL_MS = 50;
const DEADLINE_MS = 300_000;
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const TAIL = 3_000;

export async function runPeer(peer: Peer): Promise<PeerRun> {
  for (const [name, text] of Object.entries(peer.files)) {
    const path = join(peer.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  mkdirSync(peer.folder, { recursive: true });
  const [program = '', ...args] = peer.command;
  const child = spawn(program, args, {
    cwd: peer.folder,
    env: { ...process.env, ...peer.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (part) => {
    output += part;
  });
  child.stderr.on('data', (part) => {
    output += part;
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  let cpuSeconds = 0;
  let from = peer.begins === null ? performance.now() : 0;
  const deadline = performance.now() + DEADLINE_MS;
  try {
    for (;;) {
      if (from === 0 && peer.begins?.test(output)) from = performance.now();
      if (!ended) cpuSeconds = cpuSecondsOf(child.pid ?? 0) ?? cpuSeconds;
      const done = peer.isDone === null ? ended : from > 0 && (await peer.isDone(output));
      if (done) return { milliseconds: performance.now() - from, cpuSeconds, output };
      if (ended) throw new Error(`the peer ended early: ${output.slice(-TAIL)}`);
      if (performance.now() > deadline) throw new Error(`too late: ${output.slice(-TAIL)}`);
      await sleep(POLL_MS);
    }
  } finally {
    child.kill('SIGKILL');
  }
}

/** What the process has used so far, or null when it has gone. */
function cpuSecondsOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}
