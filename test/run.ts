/**
 * Runs the tests. `node test/run.ts`: all but those that need more than Node or more than minutes.
 * `--cluster`: those that need the real services, which it starts (Java and Maven are needed).
 * `--ci`: the long ones, the storms of the others, those of the cluster but for the ones that break
 * services, and a few faults; there a skipped test is a failure, unless it waits for what this network
 * does not reach, which its reason then begins with. It takes a quarter of each storm, other ones each
 * time; with `--whole` all of it.
 * `--faults`: only the fault suite, with `--count N` faults, or for `--minutes M`, and the seed of
 * `--seed S`.
 * Further arguments are files to run instead. The slowest tests are named at the end, and what failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, mkdtempSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, matchesGlob, resolve } from 'node:path';
import { openLeash, removeFolder } from './support/leash.ts';
import { MADE_VARIABLE } from './support/made-once.ts';
import { NOT_REACHED, runFiles } from './support/reporting.ts';
import { STORM_VARIABLE, type Storm } from './support/storm.ts';

const root = join(import.meta.dirname, '..');
const main = join(root, 'src', 'cli', 'main.ts');
const args = process.argv.slice(2);
const isCi = args.includes('--ci');
const storm: Storm = args.includes('--whole') ? 'all' : 'quarter';
const count = optionOf('--count');
const minutes = optionOf('--minutes');
const seed = optionOf('--seed');
const options = [count, minutes, seed];
const wanted = args.filter((arg) => !arg.startsWith('--') && !options.includes(arg));

const SHORT = ['src/**/*.test.ts', 'web/**/*.test.ts', 'test/*.test.ts'];
const LONG = ['test/long/*.test.ts'];
/**
 * Those that take longest begin first, so that no core is idle at the end; those with a browser one
 * by one, beside what waits for other processes.
 */
const FIRST = [
  'test/page.test.ts',
  'test/processes.test.ts',
  'test/kill.test.ts',
  'test/page-states.test.ts',
  'test/stop.test.ts',
  'test/page-journeys.test.ts',
  'test/*.test.ts',
  'test/long/{schemathesis,outages,soak,page,processes}.test.ts',
  'test/long/kill.test.ts',
];
/** The files of each of these run in one process: starting one costs more than most of them take. */
const TOGETHER = [
  'src/collector/**',
  'src/{lake,leases}/**',
  'src/api/**',
  'src/{analytics,sql}/**',
  'src/import/**',
  '{src/model,src/pipeline,web}/**',
];
const CLUSTER = ['test/cluster/*.test.ts', 'test/faults/*.test.ts'];
/**
 * Those that break services only for a moment, if at all; without the one that waits for five processes
 * to come to all of their connections, minutes on busy cores.
 */
const STEADY = ['test/cluster/!(*-faults|connections).test.ts'];
const FAULTS = ['test/faults/*.test.ts'];
/**
 * A NameNode, a broker and a sink are killed. That Spark's server is killed is a test of
 * `cluster/parity.test.ts`: here it takes minutes. Incidents are judged where faults are asked for, on
 * services that do nothing else.
 */
const FAULTS_IN_CI = { count: '3', seed: '8540' };
const SERVICES = 'kafka,kafka39,hdfs,spark,redis,opensearch,alertmanager';
const SERVICES_OF_FAULTS = 'kafka,hdfs,spark';
/** Where files are in memory: thousands of small ones are synced, and none is needed afterwards. */
const MEMORY = '/dev/shm';
const ROOM_BYTES = 4 * 1024 ** 3;
/** Some wait for other processes most of the time. */
const AT_ONCE = availableParallelism() + 1;
const MINUTE_MS = 60_000;
/** For one file; two hundred faults take hours. */
const MINUTES_ON_CLUSTER = (count ?? minutes) === undefined ? 40 : 600;
const MINUTES_SHORT = 10;
const MINUTES_LONG = 50;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
// Every file and every process that a test starts would compile the same sources again.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'isobar', 'compiled');
const onDisk = tmpdir();
// One folder holds whatever the tests write: those that are killed leave nothing in memory.
const isInMemory = process.env.TMPDIR === undefined && hasRoom(MEMORY);
const folderOfRun = mkdtempSync(join(isInMemory ? MEMORY : onDisk, 'isobar-run-'));
const leashOfRun = openLeash(folderOfRun);
process.env.TMPDIR = folderOfRun;
const made = join(folderOfRun, 'made');
mkdirSync(made);
process.env[MADE_VARIABLE] = made;

let failed = false;
const failures: string[] = [];
if (args.includes('--cluster')) {
  process.env[STORM_VARIABLE] = 'all';
  failed = await testOnCluster(CLUSTER);
} else if (args.includes('--faults')) {
  failed = await testOnCluster(FAULTS);
} else {
  if (isCi) process.env[STORM_VARIABLE] = storm;
  const files = isCi ? [...filesOf(LONG), ...stormyFiles()] : joinFiles(filesOf(SHORT));
  failed = await runTests(files, { minutes: isCi ? MINUTES_LONG : MINUTES_SHORT, atOnce: AT_ONCE });
  if (isCi && wanted.length === 0) failed = (await testOnCluster([...STEADY, ...FAULTS])) || failed;
}
removeFolder(folderOfRun);
leashOfRun[Symbol.dispose]();
// Last, since much may have been said after them.
if (failures.length > 0) process.stderr.write(`\nFailed:\n\n${failures.join('\n')}`);
process.exit(failed ? 1 : 0);

/** One cluster serves all; its tests run one by one, since some of them kill services. */
async function testOnCluster(patterns: readonly string[]): Promise<boolean> {
  const folder = mkdtempSync(join(onDisk, 'isobar-services-'));
  const cluster = ['--data', folder];
  // A runner that is killed must not leave twenty Java processes behind.
  using leash = openLeash(folder);
  try {
    const services = args.includes('--faults') ? SERVICES_OF_FAULTS : SERVICES;
    const up = ['cluster', 'up', '--ha', '--only', services, ...cluster];
    if (await run([main, ...up])) return true;
    leash.hold(JSON.parse(readFileSync(join(folder, 'cluster', 'cluster.json'), 'utf8')).pid);
    process.env.ISOBAR_TEST_CLUSTER = join(folder, 'cluster');
    const faults = count ?? (isCi ? FAULTS_IN_CI.count : undefined);
    if (faults !== undefined) process.env.ISOBAR_TEST_FAULTS = faults;
    if (minutes !== undefined) process.env.ISOBAR_TEST_FAULTS_MINUTES = minutes;
    if (isCi) process.env.ISOBAR_TEST_FAULTS_SEED = FAULTS_IN_CI.seed;
    else process.env.ISOBAR_TEST_FAULTS_RULES = 'judged';
    if (seed !== undefined) process.env.ISOBAR_TEST_SEED = seed;
    return await runTests(filesOf(patterns), { minutes: MINUTES_ON_CLUSTER, atOnce: 1 });
  } finally {
    await run([main, 'cluster', 'down', ...cluster]);
    removeFolder(folder);
  }
}

/** Whether what the tests write fits there, with much to spare. */
function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > ROOM_BYTES;
  } catch {
    return false;
  }
}

function optionOf(name: string): string | undefined {
  return args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
}

function filesOf(patterns: readonly string[]): string[] {
  if (wanted.length > 0) return wanted;
  const rankOf = (file: string) => {
    const rank = FIRST.findIndex((pattern) => matchesGlob(file, pattern));
    return rank === -1 ? FIRST.length : rank;
  };
  return globSync(patterns, { cwd: root }).sort(
    (a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1),
  );
}

/** Files that run together become one that imports them. */
function joinFiles(files: readonly string[]): string[] {
  if (wanted.length > 0) return [...files];
  const groupOf = (file: string) => TOGETHER.findIndex((pattern) => matchesGlob(file, pattern));
  const groups = Map.groupBy(files, groupOf);
  const joined = TOGETHER.map((_, group) => {
    const imports = (groups.get(group) ?? []).map((file) => `import '${join(root, file)}';\n`);
    const path = join(made, `together-${group}.test.mjs`);
    writeFileSync(path, imports.join(''));
    return path;
  });
  const alone = groups.get(-1) ?? [];
  const isLate = (file: string) => !FIRST.some((pattern) => matchesGlob(file, pattern));
  return [...alone.filter((file) => !isLate(file)), ...joined, ...alone.filter(isLate)];
}

/** Those of `npm test` that run in part there. */
function stormyFiles(): string[] {
  if (wanted.length > 0) return [];
  return filesOf(SHORT).filter((file) =>
    readFileSync(join(root, file), 'utf8').includes("/storm.ts'"),
  );
}

interface RunOptions {
  /** For one file. */
  readonly minutes: number;
  readonly atOnce: number;
}

/** Whether a test failed, or in CI was skipped. */
async function runTests(files: readonly string[], options: RunOptions): Promise<boolean> {
  const report = await runFiles({
    files: files.map((file) => resolve(root, file)),
    atOnce: options.atOnce,
    timeoutMs: options.minutes * MINUTE_MS,
    signal: stop.signal,
    root,
  });
  const { skipped } = report;
  failures.push(...report.failures);
  if (!isCi || skipped.length === 0) return report.failed;
  process.stderr.write(`In CI every test runs; these were skipped:\n${skipped.join('\n')}\n`);
  return report.failed || skipped.some((one) => !one.includes(` # ${NOT_REACHED}`));
}

/** Whether Node failed to run this. */
async function run(nodeArgs: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, nodeArgs, { cwd: root, stdio: 'inherit' });
  const pass = () => child.kill('SIGTERM');
  stop.signal.addEventListener('abort', pass);
  const [code] = await once(child, 'exit');
  stop.signal.removeEventListener('abort', pass);
  return code !== 0;
}
