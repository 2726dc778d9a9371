/** The processes of isobar that work while things go wrong, each as if on a machine of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Processes extends AsyncDisposable {
  startLander(): void;
  startAnalyzer(): void;
  startProducer(first: number): void;
  landers(): readonly ChildProcess[];
  /** How many observations were acknowledged: all of lower numbers. */
  acknowledged(): number;
  /** No more observations; resolves once none waits outside of the log. */
  stopProducer(): Promise<void>;
  /** What the processes said, the last lines of each. */
  said(): string;
}

const root = join(import.meta.dirname, '..', '..');
const MAIN = join(root, 'src', 'cli', 'main.ts');
const TAIL = 1_500;

export function openProcesses(profile: string, folder: string): Processes {
  const running = new Map<ChildProcess, { readonly name: string; output: string }>();
  const landers = new Set<ChildProcess>();
  let producer: ChildProcess | null = null;
  let acknowledged = 0;
  let started = 0;

  function start(name: string, command: (data: string) => readonly string[]): ChildProcess {
    started += 1;
    const child = spawn(process.execPath, command(join(folder, `${name}-${started}`)), {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const entry = { name: `${name}-${started}`, output: '' };
    running.set(child, entry);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        entry.output = (entry.output + text).slice(-100_000);
      });
    }
    return child;
  }

  const isobar = (name: string, ...args: readonly string[]) =>
    start(name, (data) => [MAIN, ...args, '--profile', profile, '--data', data]);

  return {
    startLander() {
      const lander = isobar('lander', 'land');
      landers.add(lander);
      lander.once('exit', () => landers.delete(lander));
    },
    startAnalyzer: () => void isobar('analyzer', 'analyze'),
    startProducer(first) {
      const child = start('producer', (data) => [
        join(import.meta.dirname, 'producer.ts'),
        profile,
        data,
        String(first),
      ]);
      producer = child;
      child.stdout?.on('data', (text: string) => {
        for (const [, number] of text.matchAll(/acknowledged (\d+)\n/g)) {
          acknowledged = Number(number);
        }
      });
    },
    landers: () => [...landers],
    acknowledged: () => acknowledged,
    async stopProducer() {
      if (producer === null || producer.exitCode !== null) throw new Error('the producer has gone');
      const ended = once(producer, 'exit');
      producer.kill('SIGTERM');
      const [code] = await ended;
      if (code !== 0 || !running.get(producer)?.output.includes('drained')) {
        throw new Error(`the producer ended with ${code}: ${running.get(producer)?.output}`);
      }
    },
    said: () =>
      [...running.values()]
        .map(({ name, output }) => `--- ${name}\n${output.slice(-TAIL)}`)
        .join('\n'),
    async [Symbol.asyncDispose]() {
      for (const child of running.keys()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, 'exit');
        child.kill('SIGCONT');
        child.kill('SIGKILL');
        await ended;
      }
    },
  };
}
