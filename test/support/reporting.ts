/** Runs test files, shows what they say as Node does, and names the slowest tests at the end. */
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface FilesOptions {
  /** Absolute; they start in this order. */
  readonly files: readonly string[];
  /** Files that run side by side. */
  readonly atOnce: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Files are named from here. */
  readonly root: string;
}

export interface FilesReport {
  /** Also where there was nothing to run. */
  readonly failed: boolean;
  /** Of each test that failed: `file: test`, its error and what it reported, in lines. */
  readonly failures: readonly string[];
  /** `file: test # reason` of each. */
  readonly skipped: readonly string[];
}

interface Ended {
  readonly name: string;
  readonly file: string;
  readonly seconds: number;
}

const SLOWEST = 10;
/** Characters of the error of a test. */
const ERROR_MAX = 3_000;
/** The beginning of the reason why a test is skipped that no setting of this machine would let run. */
export const NOT_REACHED = 'not reached from this network: ';

export async function runFiles(options: FilesOptions): Promise<FilesReport> {
  const { files, atOnce, timeoutMs, signal, root } = options;
  const from = performance.now();
  const ended: Ended[] = [];
  const skipped: string[] = [];
  const failures: string[][] = [];
  /** By place, the lines of a test that failed, while it is the last one that ended there. */
  const latest = new Map<string, string[]>();
  const events = run({ files: [...files], concurrency: atOnce, timeout: timeoutMs, signal });
  for (const kind of ['test:pass', 'test:fail'] as const) {
    events.on(kind, ({ name, file = '', skip, details: { type, duration_ms } }) => {
      const place = relative(root, file);
      if (type !== 'suite') ended.push({ name, file: place, seconds: duration_ms / 1_000 });
      if (skip !== undefined) skipped.push(`${place}: ${name} # ${skip}`);
    });
  }
  // Tests of a loop share a place.
  events.on('test:pass', (ended) => latest.delete(placeOf(ended)));
  events.on('test:fail', (ended) => {
    const { name, file = '', details } = ended;
    // A suite fails with its tests.
    if ('failureType' in details.error && details.error.failureType === 'subtestsFailed') return;
    const lines = [`${relative(root, file)}: ${name}`, messageOf(details.error)];
    failures.push(lines);
    latest.set(placeOf(ended), lines);
  });
  // What a test reports follows its end.
  events.on('test:diagnostic', (of) => latest.get(placeOf(of))?.push(`  ${of.message}`));
  for await (const text of events.compose(spec)) process.stdout.write(text);
  process.stdout.write(formatSlowest(ended, (performance.now() - from) / 1_000));
  return {
    failed: failures.length > 0 || ended.length === 0,
    failures: failures.map((lines) => `${lines.join('\n')}\n`),
    skipped,
  };
}

/** Of a test in its file. */
function placeOf(of: { readonly file?: string; readonly line?: number; readonly column?: number }) {
  return `${of.file}:${of.line}:${of.column}`;
}

/** What was thrown is the cause of the error that Node reports. */
function messageOf(error: Error): string {
  const thrown = error.cause instanceof Error ? error.cause : error;
  return thrown.message.slice(0, ERROR_MAX);
}

function formatSlowest(ended: readonly Ended[], seconds: number): string {
  const slowest = ended.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const lines = slowest.map(
    (one) => `${one.seconds.toFixed(1).padStart(7)} s  ${one.file}: ${one.name}\n`,
  );
  const all = `${ended.length} tests in ${seconds.toFixed(1)} s; the slowest:`;
  return `\n${all}\n${lines.join('')}`;
}
