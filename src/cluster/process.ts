/**
 * Runs one service: starts it, waits until it is ready, stops it. It dies with this process,
 * however this process dies: a small shell beside it waits on a pipe that only we hold open.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { IsobarError } from '../errors.ts';
import { pause, within } from '../waiting.ts';
import type { Probe, Run, ServiceSpec, ServiceState, ServiceStatus } from './service.ts';
import { runTool } from './tool.ts';

export interface ServiceProcess {
  readonly name: string;
  readonly spare: boolean;
  status(): ServiceStatus;
  /** Resolves when it is ready; does nothing when it is. */
  start(signal?: AbortSignal): Promise<void>;
  /** Asks it to end, and makes it after ten seconds. */
  stop(): Promise<void>;
  /** Sends it a signal; what becomes of it is seen in its status. */
  signal(name: NodeJS.Signals): void;
}

const READY_MS = 180_000;
const PREPARE_MS = 120_000;
const POLL_MS = 150;
const STOP_MS = 10_000;
const PROBE_MS = 2_000;
const TAIL_LINES = 20;
const OUTPUT_READ_MAX = 4 * 1024 * 1024;

/**
 * $1: the file that takes the number of the process; the rest: the command. The read on the pipe
 * ends when the process that started this has gone; then the command goes too.
 */
const WATCH = `
pidfile=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
echo $child >"$pidfile"
( read -r _ <&3; kill -KILL $child ) 2>/dev/null &
watcher=$!
wait $child
code=$?
kill -KILL $watcher
exit $code
`;

export function openService(spec: ServiceSpec, folder: string): ServiceProcess {
  return new WatchedService(spec, folder);
}

class WatchedService implements ServiceProcess {
  readonly name: string;
  readonly spare: boolean;
  readonly #spec: ServiceSpec;
  readonly #home: string;
  readonly #output: string;
  readonly #pidFile: string;
  #state: ServiceState = 'absent';
  #shell: ChildProcess | null = null;
  #pid: number | null = null;
  #starts = 0;
  #outputFrom = 0;
  #ended: Promise<void> = Promise.resolve();

  constructor(spec: ServiceSpec, folder: string) {
    this.name = spec.name;
    this.spare = spec.spare === true;
    this.#spec = spec;
    this.#home = join(folder, spec.name);
    this.#output = join(this.#home, 'output.log');
    this.#pidFile = join(this.#home, 'pid');
  }

  status() {
    const [state, pid, output] = [this.#state, this.#pid, this.#output];
    return { name: this.name, state, pid, output, starts: this.#starts };
  }

  async start(signal?: AbortSignal): Promise<void> {
    if (this.#shell === null) await this.#launch();
    await this.#awaitReady(signal);
  }

  async #launch(): Promise<void> {
    await rm(this.#pidFile, { force: true });
    await writeFiles(this.#home, this.#spec.files);
    if (this.#starts === 0) await prepare(this.#spec, this.#home);
    const temporary = resolve(this.#home, 'tmp');
    // What a service that was killed has left there.
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    this.#starts += 1;
    this.#state = 'starting';
    // The one before may have been read from the file after it had ended.
    this.#pid = null;
    const program = programOf(this.#spec);
    const settings = program === 'java' ? [`-Djava.io.tmpdir=${temporary}`] : [];
    const to = openSync(this.#output, 'a');
    this.#outputFrom = statSync(this.#output).size;
    try {
      const child = spawn(
        '/bin/sh',
        ['-c', WATCH, this.#spec.name, this.#pidFile, program, ...settings, ...this.#spec.args],
        {
          cwd: this.#home,
          // A group of its own: Ctrl-C at the terminal is for us, who stop in order.
          detached: true,
          stdio: ['pipe', to, to],
          env: { ...process.env, ...this.#spec.env },
        },
      );
      this.#shell = child;
      this.#ended = new Promise((resolve) => {
        child.once('exit', () => {
          if (this.#shell === child) {
            this.#state = this.#state === 'stopped' ? 'stopped' : 'failed';
            [this.#shell, this.#pid] = [null, null];
          }
          resolve();
        });
      });
    } finally {
      closeSync(to);
    }
  }

  async #awaitReady(signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + READY_MS;
    const probe = openProbe(() => readOutput(this.#output, this.#outputFrom));
    for (;;) {
      signal?.throwIfAborted();
      this.#pid ??= await readPid(this.#pidFile);
      if (this.#state === 'failed') throw await this.#failure(`${this.#spec.name} ended`);
      if (this.#pid !== null && (await this.#spec.ready(probe).catch(() => false))) {
        await finish(this.#spec, this.#home);
        this.#state = 'ready';
        return;
      }
      if (performance.now() > deadline) {
        throw await this.#failure(`${this.#spec.name} was not ready after ${READY_MS / 1_000} s`);
      }
      await pause(POLL_MS, signal);
    }
  }

  async #failure(what: string): Promise<IsobarError> {
    const text = await readOutput(this.#output, this.#outputFrom);
    const tail = text.trim().split('\n').slice(-TAIL_LINES).join('\n');
    return new IsobarError('CLUSTER_FAILED', `${what}; ${this.#output} ends with:\n${tail}`);
  }

  async stop(): Promise<void> {
    if (this.#shell === null || this.#pid === null) {
      this.#state = 'stopped';
      return;
    }
    this.#state = 'stopped';
    send(this.#pid, 'SIGCONT');
    send(this.#pid, 'SIGTERM');
    const target = this.#pid;
    await within(STOP_MS, this.#ended).catch(() => send(target, 'SIGKILL'));
    await this.#ended;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#pid !== null) send(this.#pid, name);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function writeFiles(home: string, files: ServiceSpec['files']): Promise<void> {
  await mkdir(join(home, 'data'), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, name);
    await mkdir(dirname(path), { recursive: true });
    // Some hold passwords.
    await writeFile(path, text, { mode: 0o600 });
  }
}

/** Once in the life of the folder: a service that comes again keeps what it had. */
async function prepare(spec: ServiceSpec, home: string): Promise<void> {
  const env = spec.env ?? {};
  await runOnce(
    spec,
    home,
    'prepared',
    (spec.prepare ?? []).map((args) => ({ args, env })),
  );
}

async function finish(spec: ServiceSpec, home: string): Promise<void> {
  await runOnce(spec, home, 'finished', spec.finish ?? []);
}

async function runOnce(
  spec: ServiceSpec,
  home: string,
  mark: string,
  runs: readonly Run[],
): Promise<void> {
  const place = join(home, mark);
  if (await exists(place)) return;
  for (const { args, env } of runs) {
    await runTool(programOf(spec), args, { cwd: home, timeoutMs: PREPARE_MS, env });
  }
  await writeFile(place, '');
}

function programOf({ program = 'java' }: ServiceSpec): string {
  return program;
}

function openProbe(read: () => Promise<string>): Probe {
  return {
    listens: (port) =>
      new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', timeout: PROBE_MS });
        const end = (answer: boolean) => {
          socket.destroy();
          resolve(answer);
        };
        socket.once('connect', () => end(true));
        socket.once('error', () => end(false));
        socket.once('timeout', () => end(false));
      }),
    async get(url) {
      const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) });
      const text = await answer.text();
      return answer.ok ? text : null;
    },
    said: async (words) => (await read()).includes(words),
  };
}

async function readPid(path: string): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.endsWith('\n') ? Number(text) : null;
}

async function readOutput(path: string, from: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size - from, OUTPUT_READ_MAX);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString();
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}
