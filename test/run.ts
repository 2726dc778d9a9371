/**
 * Runs the tests. `node test/run.ts`: all but those that need more than Node or more than minutes.
 * `--cluster`: those that need the real services, which it starts (Java and Maven are needed).
 * `--ci`: the long ones, those of the cluster but for the ones that break services, and a few
 * faults; there a skipped test is a failure.
 * `--faults`: only the fault suite, with `--count N` faults and the seed of `--seed S`.
 * Further arguments are files to run instead.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Leash, openLeash, removeFolder } from './leash.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'src', 'cli', 'main.ts');
const args = process.argv.slice(2);
const isCi = args.includes('--ci');
const count = optionOf('--count');
const seed = optionOf('--seed');
const wanted = args.filter((arg) => !arg.startsWith('--') && arg !== count && arg !== seed);

const SHORT = ['src/**/*.test.ts', 'web/src/**/*.test.ts', 'test/*.test.ts'];
const LONG = ['test/long/*.test.ts'];
const CLUSTER = ['test/cluster/*.test.ts', 'test/faults/*.test.ts'];
/** Those that leave the services alone. */
const STEADY = ['test/cluster/!(*-faults).test.ts'];
const FAULTS = ['test/faults/*.test.ts'];
/** A broker, the analyzer, executors, joining nodes, a NameNode: each of the services once. */
const FAULTS_IN_CI = { count: '5', seed: '19' };
const SERVICES = 'kafka,kafka39,hdfs,spark';
const SERVICES_OF_FAULTS = 'kafka,hdfs,spark';
const MINUTE_MS = 60_000;
/** Two hundred faults take hours. */
const MINUTES_ON_CLUSTER = count === undefined ? 40 : 600;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());

let failed = false;
if (args.includes('--cluster')) {
  failed = await testOnCluster(CLUSTER);
} else if (args.includes('--faults')) {
  failed = await testOnCluster(FAULTS);
} else {
  failed = await runTests(filesOf(isCi ? LONG : SHORT), { minutes: isCi ? 40 : 10, atOnce: 2 });
  if (isCi && wanted.length === 0) failed = (await testOnCluster([...STEADY, ...FAULTS])) || failed;
}
process.exit(failed ? 1 : 0);

/** One cluster serves all; its tests run one by one, since some of them kill services. */
async function testOnCluster(patterns: readonly string[]): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-services-'));
  const cluster = ['--data', folder];
  // A runner that is killed must not leave twenty Java processes behind.
  using leash = openLeash(folder);
  try {
    const services = args.includes('--faults') ? SERVICES_OF_FAULTS : SERVICES;
    const up = ['cluster', 'up', '--ha', '--only', services, ...cluster];
    if (await run([main, ...up])) return true;
    leash.hold(JSON.parse(readFileSync(join(folder, 'cluster', 'cluster.json'), 'utf8')).pid);
    const env: Record<string, string> = { ISOBAR_TEST_CLUSTER: join(folder, 'cluster') };
    const faults = count ?? (isCi ? FAULTS_IN_CI.count : undefined);
    if (faults !== undefined) env.ISOBAR_TEST_FAULTS = faults;
    if (isCi) env.ISOBAR_TEST_FAULTS_SEED = FAULTS_IN_CI.seed;
    if (seed !== undefined) env.ISOBAR_TEST_SEED = seed;
    const options = { minutes: MINUTES_ON_CLUSTER, atOnce: 1, env, leash };
    return await runTests(filesOf(patterns), options);
  } finally {
    await run([main, 'cluster', 'down', ...cluster]);
    removeFolder(folder);
  }
}

function optionOf(name: string): string | undefined {
  return args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
}

function filesOf(patterns: readonly string[]): string[] {
  return wanted.length > 0 ? wanted : globSync(patterns, { cwd: root }).sort();
}

interface RunOptions {
  readonly minutes: number;
  readonly atOnce: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly leash?: Leash;
}

async function runTests(files: readonly string[], options: RunOptions): Promise<boolean> {
  const { minutes, atOnce, env = {}, leash } = options;
  const report = join(mkdtempSync(join(tmpdir(), 'isobar-report-')), 'tap');
  const reporters = ['spec', 'stdout', 'tap', report].map((value, at) =>
    at % 2 === 0 ? `--test-reporter=${value}` : `--test-reporter-destination=${value}`,
  );
  const limits = [`--test-concurrency=${atOnce}`, `--test-timeout=${minutes * MINUTE_MS}`];
  const failedTests = await run(['--test', ...limits, ...reporters, ...files], env, leash);
  const skipped = readFileSync(report, 'utf8').match(/^ *ok .* # SKIP.*$/gm) ?? [];
  rmSync(join(report, '..'), { recursive: true });
  if (!isCi || skipped.length === 0) return failedTests;
  process.stderr.write(`In CI every test runs; these were skipped:\n${skipped.join('\n')}\n`);
  return true;
}

/** Whether Node failed to run this. */
async function run(
  nodeArgs: readonly string[],
  env: Readonly<Record<string, string>> = {},
  leash?: Leash,
): Promise<boolean> {
  const child = spawn(process.execPath, nodeArgs, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (child.pid !== undefined) leash?.hold(child.pid);
  const pass = () => child.kill('SIGTERM');
  stop.signal.addEventListener('abort', pass);
  const [code] = await once(child, 'exit');
  if (child.pid !== undefined) leash?.letGo(child.pid);
  stop.signal.removeEventListener('abort', pass);
  return code !== 0;
}
