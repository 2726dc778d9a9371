/**
 * `cluster up | status | down | start | stop | logs`: the real services on this machine. `up` leaves a
 * process behind that holds them; they end with it, however it ends.
 */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { formatRules } from '../../api/metric-rules.ts';
import * as signing from '../../api/tls/signing.ts';
import { cacheFolder } from '../../cluster/artifacts.ts';
import { startCluster } from '../../cluster/cluster.ts';
import { type ClusterControl, connectControl, openControl } from '../../cluster/control.ts';
import { DEFAULT_KINDS, KINDS, type Kind, SECURED } from '../../cluster/plan.ts';
import { PROFILE, profileText } from '../../cluster/profile.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { hostPort, reachedHost } from '../../config/service-address.ts';
import { readPair } from '../../config/tls-pair.ts';
import { IsobarError, isErrorCode } from '../../errors.ts';
import { lockFolder } from '../../lake/folder-lock.ts';
import { pause } from '../../waiting.ts';
import { type Environment, formatTable, prepare } from '../environment.ts';
import { permitIsobar } from './cluster-permissions.ts';

interface UpOptions {
  readonly only?: readonly Kind[];
  readonly ha?: boolean;
  readonly sparkLocal?: boolean;
  readonly secure?: boolean;
  readonly foreground?: boolean;
}

const FOLLOW_MS = 200;

export function clusterCommand(program: Command, environment: Environment): void {
  const cluster = program
    .command('cluster')
    .description(
      'run the services (Kafka, HDFS, Spark and more) on this machine, for trials and tests',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      `
The services are Java processes on 127.0.0.1 (Java 17 and Maven are needed; the programs are
downloaded once, about 350 MB). Their files are in DATA/cluster; \`isobar cluster down\` stops them.
With --secure everything is encrypted by an authority of its own, Kafka and Redis ask for passwords,
HDFS for Kerberos and Spark for a token; the profile holds what isobar needs (see docs/security.md).
Redis, Prometheus and Alertmanager come from Debian's packages and need no Java: Prometheus watches
the server at api.host and api.port with the rules of \`isobar metrics rules\`.

Example:
  isobar cluster up
  isobar start --profile cluster`,
    );
  cluster
    .command('up')
    .description('start the services and leave them running')
    .option('--only <names>', `of ${KINDS.join(', ')}; separated by commas`, parseKinds)
    .option('--ha', 'three brokers, two NameNodes with ZooKeeper, two workers')
    .option('--spark-local', 'Spark without master and workers')
    .option('--secure', 'encryption, logins and permissions everywhere, and a Kerberos realm')
    .option('--foreground', 'stay and keep the services running; Ctrl-C stops them')
    .action((options: UpOptions, command: Command) =>
      options.foreground ? hold(environment, command, options) : leave(environment, command),
    );
  cluster
    .command('status')
    .description('show the services')
    .action(async (_options, command: Command) => {
      const { folder, json } = clusterFolder(environment, command);
      const control = await connectControl(folder);
      const services = await control.status();
      const { addresses } = control.note;
      if (json) return environment.print(`${JSON.stringify({ addresses, services })}\n`);
      const rows = services.map(({ name, state, pid, starts }) => [
        name,
        state,
        String(pid ?? '-'),
        String(starts),
      ]);
      environment.print(formatTable([['service', 'state', 'pid', 'starts'], ...rows], [2, 3]));
      environment.print(`\nprofile: ${join(folder, PROFILE)}\n`);
    });
  cluster
    .command('down')
    .description('stop the services, the last one first; their data stays')
    .action(async (_options, command: Command) => {
      await (await control(environment, command)).down();
      environment.report('stopped\n');
    });
  cluster
    .command('start <name>')
    .description('start a service that has ended, or a spare one (datanode-3, spark-worker-2)')
    .action(async (name: string, _options, command: Command) => {
      await (await control(environment, command)).start(name);
      environment.report(`${name} is ready\n`);
    });
  cluster
    .command('stop <name>')
    .description('stop one service')
    .action(async (name: string, _options, command: Command) => {
      await (await control(environment, command)).stop(name);
      environment.report(`${name} has stopped\n`);
    });
  cluster
    .command('logs <name>')
    .description('print what a service has written')
    .action(async (name: string, _options, command: Command) => {
      const { folder } = clusterFolder(environment, command);
      const path = join(folder, name, 'output.log');
      if (name.includes('/') || !existsSync(path)) {
        throw new IsobarError('PARAMETER_INVALID', `no service ${name} has run in ${folder}`);
      }
      await pipeline(createReadStream(path, 'utf8'), async (parts: AsyncIterable<string>) => {
        for await (const part of parts) environment.print(part);
      });
    });
}

/** Starts the services and holds them until it is asked to stop. */
async function hold(environment: Environment, command: Command, options: UpOptions): Promise<void> {
  const { folder, config } = clusterFolder(environment, command);
  const { ha = false, sparkLocal = false, only = DEFAULT_KINDS } = options;
  if (options.secure) refuseOpen(only);
  if (only.includes('prometheus') && config.api.port === 0) {
    throw new IsobarError('CONFIG_INVALID', 'api.port: Prometheus needs a port that stays');
  }
  await using stack = new AsyncDisposableStack();
  stack.use(await lockFolder(folder, 'isobar cluster up'));
  // What a killed predecessor left there means nothing.
  await rm(join(folder, 'cluster.json'), { force: true });
  // Whatever goes wrong from here on, nothing is left running.
  const cluster = stack.use(
    await startCluster({
      folder,
      kinds: only,
      ha,
      sparkLocal,
      signing: options.secure ? signing : undefined,
      watched: { target: targetOf(config), tls: await targetTls(config), rules: formatRules() },
      cache: cacheFolder(environment.env),
      signal: environment.signal,
      report: (line) => environment.report(`${line}\n`),
    }),
  );
  const stopping = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  environment.signal.addEventListener('abort', () => stopping.resolve());
  const profile = join(folder, PROFILE);
  await writeFile(profile, await profileText(cluster.addresses, ha), { mode: 0o600 });
  const { config: made } = loadConfig({ file: null, env: {}, flags: {}, profile });
  await permitIsobar(made, cluster.addresses);
  const listening = await openControl(cluster, ha, async () => {
    stopping.resolve();
    await ended.promise;
  });
  environment.report(`all services are ready; use them with --profile ${profile}\n`);
  if (!environment.signal.aborted) await stopping.promise;
  await cluster[Symbol.asyncDispose]();
  ended.resolve();
  await listening[Symbol.asyncDispose]();
}

/** Rejects with USAGE what would be open beside the secured services. */
function refuseOpen(kinds: readonly Kind[]): void {
  const open = kinds.filter((kind) => !SECURED.includes(kind));
  if (open.length === 0) return;
  throw new IsobarError(
    'USAGE',
    `--secure: expected of ${SECURED.join(', ')}; got ${open.join(', ')}, which would be open`,
  );
}

/** Leaves a process behind that holds the services; resolves when they are ready. */
async function leave(environment: Environment, command: Command): Promise<void> {
  const { folder } = clusterFolder(environment, command);
  await mkdir(folder, { recursive: true });
  await refuseSecond(folder);
  const path = join(folder, 'up.log');
  const output = await open(path, 'w');
  const { argv, execArgv, execPath } = process;
  const holder = spawn(execPath, [...execArgv, ...argv.slice(1), '--foreground'], {
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
  });
  await output.close();
  let code: number | null = null;
  holder.once('exit', (ended) => {
    code = ended ?? 1;
  });
  let printed = 0;
  const follow = async () => {
    const text = await readFile(path, 'utf8');
    environment.report(text.slice(printed));
    printed = text.length;
  };
  while (code === null && !existsSync(join(folder, 'cluster.json'))) {
    if (environment.signal.aborted) holder.kill('SIGTERM');
    await pause(FOLLOW_MS);
    await follow();
  }
  await follow();
  // It has said by itself what the matter was.
  if (code !== null) process.exitCode = code;
  holder.unref();
}

/** Rejects when a cluster runs here; takes away what a killed one left. */
async function refuseSecond(folder: string): Promise<void> {
  try {
    const { note, status } = await connectControl(folder);
    await status();
    const text = `process ${note.pid} holds the cluster in ${folder}`;
    throw new IsobarError('DATA_IN_USE', `${text}; \`isobar cluster down\` stops it`);
  } catch (error) {
    if (!isErrorCode(error, 'CLUSTER_ABSENT')) throw error;
    await rm(join(folder, 'cluster.json'), { force: true });
  }
}

async function control(environment: Environment, command: Command): Promise<ClusterControl> {
  return connectControl(clusterFolder(environment, command).folder);
}

function clusterFolder(
  environment: Environment,
  command: Command,
): { readonly folder: string; readonly json: boolean; readonly config: Config } {
  const { config, json } = prepare(environment, command);
  return { folder: resolve(config.data, 'cluster'), json, config };
}

/** Where Prometheus meets the server of isobar that this configuration starts. */
function targetOf({ api: { host, port } }: Config): string {
  return hostPort(reachedHost(host), port);
}

/** It trusts the certificate of the server itself, whatever authority signed it. */
async function targetTls({ api: { tls } }: Config) {
  if (tls.certificate_file === '') return null;
  const { names } = await readPair(tls, new Date());
  const serverName = (names[0] ?? 'localhost').replace('*.', 'isobar.');
  return { caFile: resolve(tls.certificate_file), serverName };
}

function parseKinds(text: string): readonly Kind[] {
  const names = text.split(',');
  const wrong = names.filter((name) => !KINDS.some((kind) => kind === name));
  if (wrong.length > 0) {
    const known = KINDS.join(', ');
    throw new InvalidArgumentError(`unknown: ${wrong.join(', ')}; known: ${known}`);
  }
  return names as Kind[];
}
