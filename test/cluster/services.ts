/**
 * The real services that the tests of this folder use. The runner starts them once and names the
 * folder of its cluster in ISOBAR_TEST_CLUSTER; tests of a service that is not there are skipped,
 * and in CI a skip is a failure.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ClusterControl,
  type ClusterNote,
  connectControl,
} from '../../src/cluster/control.ts';
import type { Addresses } from '../../src/cluster/plan.ts';
import { followParent } from '../support/leash.ts';

/** For the contract of engines. Spark keeps the rows of a whole partition until they are sent. */
export const SPARK_STATEMENTS = {
  endless: 'SELECT sum(id % 7) AS n FROM range(1000000000000000)',
  long: 'SELECT * FROM range(0, 10000000, 1, 1000)',
};

const folder = process.env.ISOBAR_TEST_CLUSTER;

// The services go with the runner; a test without them would wait for its deadline.
followParent();

/** Where the service is met, or null when it does not run. */
export function service<K extends keyof Addresses>(kind: K): NonNullable<Addresses[K]> | null {
  if (folder === undefined) return null;
  const note: ClusterNote = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8'));
  return note.addresses[kind] ?? null;
}

/** What a test says when it is skipped. */
export function absent(kind: keyof Addresses): string {
  return `${kind} does not run here: npm run test:cluster starts it`;
}

/** To kill, stop and start services; only where `service` found one. */
export async function control(): Promise<ClusterControl> {
  return connectControl(folder ?? '');
}

/** Kills the service and waits until it is gone. */
export async function killService(name: string): Promise<void> {
  const services = await control();
  await services.signal(name, 'SIGKILL');
  for (;;) {
    const found = (await services.status()).find((one) => one.name === name);
    if (found?.state === 'failed') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Kills the service if it runs or hangs, and starts it. A NameNode that was stopped for a while
 * needs it: it finds the journal closed to it and ends by itself, some time later.
 */
export async function restartService(name: string): Promise<void> {
  await killService(name);
  await (await control()).start(name);
}
