/** A test on a network of its own, where no other program says anything and nothing leads elsewhere. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { resolveProgram } from '../../src/cluster/debian.ts';
import { runTestFile, type TestRun } from './nested-tests.ts';

const VARIABLE = 'ISOBAR_TEST_ALONE';
const UNSHARE = [
  'unshare',
  ...(process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net']),
];
/** Brings the network of this machine itself up, and runs what follows. */
const SCRIPT = 'LD_LIBRARY_PATH="$2" "$1" link set lo up && shift 2 && exec "$@"';

export const isAlone = process.env[VARIABLE] !== undefined;

/** Whether this machine lets us have a network of our own. */
export async function canBeAlone(): Promise<boolean> {
  const [program = '', ...args] = [...UNSHARE, 'true'];
  return promisify(execFile)(program, args).then(
    () => true,
    () => false,
  );
}

/** Runs the file of tests there. */
export async function testAlone(file: string): Promise<TestRun> {
  const ip = await resolveProgram('ip', 'iproute2', cacheFolder(process.env));
  const shell = ['sh', '-c', SCRIPT, 'sh', ip.path, ip.env.LD_LIBRARY_PATH ?? ''];
  return runTestFile(file, { within: [...UNSHARE, ...shell], env: { [VARIABLE]: 'yes' } });
}
