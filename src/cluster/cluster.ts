/** The cluster: the real services as processes on this machine, started in order. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { IsobarError } from '../errors.ts';
import { checkTools, resolveDistribution } from './artifacts.ts';
import { type DebianProgram, resolveProgram } from './debian.ts';
import { type Addresses, type Kind, planCluster, type Watched, WITHOUT_JAVA } from './plan.ts';
import { openPorts } from './ports.ts';
import { openService, type ServiceProcess } from './process.ts';
import { makeRealm } from './realm.ts';
import { openSecurity, type Security, type Signing } from './security.ts';
import type { ServiceStatus } from './service.ts';

const SECURITY = 'security';

export interface ClusterOptions {
  /** Holds configuration, data and output of the services; kept for the next time. */
  readonly folder: string;
  readonly kinds: readonly Kind[];
  readonly ha: boolean;
  readonly sparkLocal: boolean;
  /** Of each process of Spark that computes; a default that suits tests. */
  readonly sparkHeapMib?: number | undefined;
  /** What Prometheus watches. */
  readonly watched?: Watched;
  /** Makes certificates: encryption, logins and permissions; without it there are none. */
  readonly signing?: Signing | undefined;
  /** Where the programs are kept once Maven has brought them. */
  readonly cache: string;
  readonly signal?: AbortSignal | undefined;
  /** A line for each step. */
  readonly report: (line: string) => void;
}

/** Disposing of it stops the services in the reverse order of their start. */
export interface Cluster extends AsyncDisposable {
  readonly folder: string;
  readonly addresses: Addresses;
  status(): ServiceStatus[];
  /** Starts a service that is spare, was stopped or has died; resolves when it is ready. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  signal(name: string, signal: NodeJS.Signals): void;
}

/** Resolves when all services are ready; a rejection has stopped what was started. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { kinds, ha, sparkLocal, sparkHeapMib, watched, signing, cache, signal, report } = options;
  const folder = resolve(options.folder);
  if (!kinds.every((kind) => WITHOUT_JAVA.includes(kind))) await checkTools(signal);
  await mkdir(folder, { recursive: true });
  refuseMixing(folder, signing !== undefined);
  const ports = await openPorts(join(folder, 'ports.json'));
  const { groups, addresses } = await planCluster({
    kinds,
    ha,
    sparkLocal,
    sparkHeapMib,
    watched,
    ports,
    secure:
      signing === undefined ? null : (port, kdc) => secure(folder, signing, port, kdc, signal),
    resolve(distribution) {
      report(`${distribution}: looking for its programs (Maven brings them the first time)`);
      return resolveDistribution(distribution, cache, signal);
    },
    resolveProgram(program, debianPackage) {
      report(`${program}: looking for it (Debian’s package ${debianPackage} otherwise)`);
      return resolveProgram(program, debianPackage, cache, signal);
    },
  });
  await ports.save();

  const services: ServiceProcess[] = [];
  const stack = new AsyncDisposableStack();
  const find = (name: string) => {
    const found = services.find((service) => service.name === name);
    if (found !== undefined) return found;
    const known = services.map((service) => service.name).join(', ');
    throw new IsobarError('PARAMETER_INVALID', `no service ${name}; there are ${known}`);
  };
  try {
    for (const specs of groups) {
      const group = specs.map((spec) => openService(spec, folder));
      services.push(...group);
      stack.defer(() => settleAll(group.map((service) => service.stop())));
      const wanted = group.filter(({ spare }) => !spare);
      await settleAll(wanted.map((service) => startOne(service, report, signal)));
    }
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return {
    folder,
    addresses,
    status: () => services.map((service) => service.status()),
    start: (name) => find(name).start(),
    stop: (name) => find(name).stop(),
    signal: (name, kind) => find(name).signal(kind),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What a folder holds was formatted with logins, or without. */
function refuseMixing(folder: string, isSecure: boolean): void {
  if (!existsSync(join(folder, 'ports.json'))) return;
  const wasSecure = existsSync(join(folder, SECURITY));
  if (wasSecure === isSecure) return;
  const [was, expected] = wasSecure ? ['with', '--secure'] : ['without', 'no --secure'];
  throw new IsobarError(
    'USAGE',
    `${folder}: its services were made ${was} --secure; expected ${expected}, or another folder (--data)`,
  );
}

async function secure(
  folder: string,
  signing: Signing,
  port: number,
  kdc: DebianProgram,
  signal?: AbortSignal,
): Promise<Security> {
  const place = join(folder, SECURITY);
  const realm = await makeRealm({ folder: join(place, 'realm'), port, kdc, signal });
  return openSecurity({ folder: place, realm, signing, signal });
}

async function startOne(
  service: ServiceProcess,
  report: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const from = performance.now();
  await service.start(signal);
  report(`${service.name}: ready after ${((performance.now() - from) / 1_000).toFixed(1)} s`);
}

/** Like all(), but nothing is still being started or stopped when it rejects. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
