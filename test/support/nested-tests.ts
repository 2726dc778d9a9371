/** A file of tests that a test runs in a process of its own, with other surroundings. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface TestRun {
  /** Whether all passed, and at least one ran. */
  readonly passed: boolean;
  readonly output: string;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  /** A command that runs the one that follows it. */
  readonly within?: readonly string[];
}

export async function runTestFile(
  file: string,
  { env, within = [] }: Surroundings,
): Promise<TestRun> {
  const tests = [process.execPath, '--test', '--test-reporter', 'tap', file];
  const [program = '', ...args] = [...within, ...tests];
  // With it, even empty, the runner takes itself for one within another, and runs nothing.
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { passed: code === 0 && /^# pass [1-9]/m.test(output), output };
}
