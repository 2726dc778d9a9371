/** Runs code in a process of its own, for tests that kill, stop or race processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
}

export interface Child {
  readonly process: ChildProcess;
  /** What it has written to stdout so far. */
  readonly output: () => string;
  /** Resolves when stdout holds the text; rejects when the child ends without it. */
  waitFor(text: string): Promise<void>;
  /** Resolves when it has ended and its output is complete. */
  readonly ended: Promise<ChildEnd>;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** No child outlives a test process that failed or was killed itself. */
const ENDS_WITH_PARENT = "process.stdin.resume().on('end', () => process.exit(1)).unref();";

/** The source is an ES module; it imports others by their absolute address. */
export function startChild(source: string, options: ChildOptions = {}): Child {
  const code = `${ENDS_WITH_PARENT}\n${source}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, NODE_TEST_CONTEXT: '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output, errors }));

  async function waitFor(text: string): Promise<void> {
    while (!output.includes(text)) {
      const more = once(child.stdout, 'data').then(() => true);
      const goesOn = await Promise.race([more, ended.then(() => false)]);
      if (goesOn || output.includes(text)) continue;
      throw new Error(`the child ended without saying ${JSON.stringify(text)}: ${errors}`);
    }
  }

  return { process: child, output: () => output, waitFor, ended };
}

export function runChild(source: string, options: ChildOptions = {}): Promise<ChildEnd> {
  return startChild(source, options).ended;
}
