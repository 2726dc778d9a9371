/** A cluster of the test's own where all is encrypted and a login is needed. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ClusterNote } from '../../src/cluster/control.ts';
import { openLeash } from '../support/leash.ts';
import { runTestFile, type TestRun } from '../support/nested-tests.ts';
import { makeTrust } from '../support/trust.ts';
import { resolveKerberos } from './kerberos-library.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface SecuredCluster extends AsyncDisposable {
  readonly note: ClusterNote;
  /** Runs a file of tests on it; their provider and API are met by HTTPS. */
  test(file: string): Promise<TestRun>;
}

export async function startSecuredCluster(...options: readonly string[]): Promise<SecuredCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-secured-cluster-'));
  const library = await resolveKerberos();
  const isobar = (...args: readonly string[]) =>
    run(process.execPath, [MAIN, ...args, '--data', folder], { maxBuffer: OUTPUT_BYTES_MAX });
  try {
    await isobar('cluster', 'up', '--secure', ...options);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const place = join(folder, 'cluster');
  const note: ClusterNote = JSON.parse(readFileSync(join(place, 'cluster.json'), 'utf8'));
  const leash = openLeash(folder);
  leash.hold(note.pid);
  const trust = makeTrust(['localhost', '127.0.0.1']);
  const tls = join(folder, 'tls');
  mkdirSync(tls);
  writeFileSync(join(tls, 'server.pem'), trust.pair.cert);
  writeFileSync(join(tls, 'server.key'), trust.pair.key, { mode: 0o600 });
  const env = {
    NODE_PATH: library,
    NODE_EXTRA_CA_CERTS: trust.authority,
    ISOBAR_TEST_TLS: tls,
    ISOBAR_TEST_CLUSTER: place,
  };
  return {
    note,
    test: (file) => runTestFile(join(import.meta.dirname, file), { env }),
    async [Symbol.asyncDispose]() {
      await isobar('cluster', 'down');
      trust[Symbol.dispose]();
      leash[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
