/** The processes of isobar that work while things go wrong, each as if on a machine of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { openLeash } from '../support/leash.ts';

export interface Processes extends AsyncDisposable {
  startSink(): void;
  startAnalyzer(): void;
  startProducer(): void;
  /** Evaluates the alert rules. */
  startEvaluator(): void;
  /** Undefined until it has said that it runs. */
  evaluatorPid(): number | undefined;
  sinks(): readonly ChildProcess[];
  kill(sink: ChildProcess): Promise<void>;
  /** How many observations were acknowledged: all of lower numbers. */
  acknowledged(): number;
  /** Kills the producer and starts one that goes on behind what was acknowledged. */
  killProducer(): Promise<void>;
  /** Kills the analyzer and starts another one. */
  killAnalyzer(): Promise<void>;
  signalProducer(name: NodeJS.Signals): void;
  /** Kills the evaluator and starts one that has nothing but the lake to go by. */
  killEvaluator(): Promise<void>;
  /** No more observations; resolves once none waits outside of the log. */
  stopProducer(): Promise<void>;
  /** Whether each has said that it runs; one that still starts does not bear a fault. */
  areRunning(): boolean;
  /** Throws when one ended that was not asked to. */
  assertAlive(): void;
  /** What the processes said, the last lines of each. */
  said(): string;
}

const root = join(import.meta.dirname, '..', '..');
const MAIN = join(root, 'src', 'cli', 'main.ts');
const TAIL = 2_500;
/** Of dead processes, for the story of a failure. */
const DEAD_MAX = 4;

/** What isobar says once it has opened all that it needs, and what the producer says. */
const SAYS_IT_RUNS = /^\w+ is running; |^acknowledged \d/m;

interface Running {
  readonly name: string;
  output: string;
  isRunning: boolean;
  isWanted: boolean;
}

export function openProcesses(profile: string, folder: string): Processes {
  const leash = openLeash();
  const running = new Map<ChildProcess, Running>();
  const sinks = new Set<ChildProcess>();
  let analyzer: ChildProcess | null = null;
  let evaluator: ChildProcess | null = null;
  let producer: ChildProcess | null = null;
  let acknowledged = 0;
  let started = 0;

  function start(name: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${name} did not start`);
    leash.hold(pid);
    child.once('exit', () => leash.letGo(pid));
    const entry = { name, output: '', isRunning: false, isWanted: true };
    running.set(child, entry);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        entry.output = (entry.output + text).slice(-100_000);
        entry.isRunning ||= SAYS_IT_RUNS.test(entry.output);
      });
    }
    forgetDead();
    return child;
  }

  function forgetDead(): void {
    const dead = [...running].filter(([child, { isWanted }]) => !isWanted && hasEnded(child));
    for (const [child] of dead.slice(0, -DEAD_MAX)) running.delete(child);
  }

  function isobar(name: string, ...command: readonly string[]): ChildProcess {
    started += 1;
    const own = `${name}-${started}`;
    return start(own, [MAIN, ...command, '--profile', profile, '--data', join(folder, own)]);
  }

  function startEvaluator(): void {
    evaluator = isobar('evaluator', 'alerts', 'run');
  }

  function startProducer(): void {
    // It keeps its folder: what waits there outlives it.
    const data = join(folder, 'producer');
    const script = join(import.meta.dirname, 'producer.ts');
    const child = start('producer', [script, profile, data, String(acknowledged)]);
    producer = child;
    let rest = '';
    child.stdout?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const number = /^acknowledged (\d+)$/.exec(line)?.[1];
        if (number !== undefined) acknowledged = Number(number);
      }
    });
  }

  async function kill(child: ChildProcess | null): Promise<void> {
    if (child === null || hasEnded(child)) throw new Error('the process has gone');
    dismiss(child);
    // Its last words count, too.
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }

  function dismiss(child: ChildProcess): void {
    const entry = running.get(child);
    if (entry !== undefined) entry.isWanted = false;
  }

  return {
    startSink() {
      const sink = isobar('sink', 'land');
      sinks.add(sink);
      sink.once('exit', () => sinks.delete(sink));
    },
    startAnalyzer() {
      analyzer = isobar('analyzer', 'analyze');
    },
    startProducer,
    startEvaluator,
    evaluatorPid() {
      if (evaluator === null) return undefined;
      return running.get(evaluator)?.isRunning ? evaluator.pid : undefined;
    },
    sinks: () => [...sinks],
    kill,
    acknowledged: () => acknowledged,
    async killProducer() {
      await kill(producer);
      startProducer();
    },
    async killAnalyzer() {
      await kill(analyzer);
      analyzer = isobar('analyzer', 'analyze');
    },
    signalProducer(name) {
      producer?.kill(name);
    },
    async killEvaluator() {
      await kill(evaluator);
      startEvaluator();
    },
    async stopProducer() {
      if (producer === null || hasEnded(producer)) throw new Error('the producer has gone');
      dismiss(producer);
      const ended = once(producer, 'close');
      producer.kill('SIGTERM');
      const [code] = await ended;
      if (code !== 0 || !running.get(producer)?.output.includes('drained')) {
        throw new Error(`the producer ended with ${code}: ${running.get(producer)?.output}`);
      }
    },
    areRunning: () =>
      [...running.values()].every(({ isWanted, isRunning }) => !isWanted || isRunning),
    assertAlive() {
      for (const [child, { name, isWanted, output }] of running) {
        if (!isWanted || !hasEnded(child)) continue;
        const end = child.exitCode ?? child.signalCode;
        throw new Error(`${name} ended with ${end}: ${output.slice(-TAIL)}`);
      }
    },
    said: () =>
      [...running.values()]
        .map(({ name, output }) => `--- ${name}\n${withoutNumbers(output).slice(-TAIL)}`)
        .join('\n'),
    async [Symbol.asyncDispose]() {
      for (const child of running.keys()) {
        if (hasEnded(child)) continue;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      leash[Symbol.dispose]();
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** The producer counts in every line; what else it said matters. */
function withoutNumbers(output: string): string {
  return output.replaceAll(/^acknowledged \d+\n(?=acknowledged)/gm, '');
}
