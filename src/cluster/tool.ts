/** Tools of this machine that run once and end: Maven, and the services' own formatters. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { IsobarError } from '../errors.ts';

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const TAIL_LINES = 15;

export interface ToolOptions {
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** What it printed; rejects with CLUSTER_TOOL_MISSING or CLUSTER_FAILED with the end of its words. */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeoutMs, cwd, env, signal }: ToolOptions,
): Promise<string> {
  try {
    const { stdout, stderr } = await run(command, args, {
      cwd,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_BYTES_MAX,
      env: { ...process.env, ...env },
      signal,
    });
    return `${stdout}${stderr}`;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (failure.name === 'AbortError') throw error;
    if (failure.code === 'ENOENT') {
      throw new IsobarError('CLUSTER_TOOL_MISSING', `${command} is not there`, { cause: error });
    }
    const words = `${failure.stdout ?? ''}${failure.stderr ?? ''}`.trim().split('\n');
    const said = words.slice(-TAIL_LINES).join('\n');
    throw new IsobarError('CLUSTER_FAILED', `${command} ${args.at(-1) ?? ''}: ${said}`, {
      cause: error,
    });
  }
}
