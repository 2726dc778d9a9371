import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import { translateListenError } from '../../api/listening.ts';
import { namedProxy, providerFetch, proxyFor } from '../../collector/openweather/proxy.ts';
import { redisAddressOf } from '../../config/cache-address.ts';
import { clientPair } from '../../config/kafka.ts';
import type { Config } from '../../config/schema.ts';
import { type PairFiles, readPair } from '../../config/tls-pair.ts';
import { asIsobarError, ERRORS, IsobarError } from '../../errors.ts';
import { openIndex } from '../../index/open.ts';
import { loadAlerts, tryChannels } from '../../pipeline/alerting.ts';
import { readServerNote, SERVER_NOTE } from '../../pipeline/server-note.ts';
import { hasData, openWorkspace, rootOf } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { writeRefusal } from '../../table/snapshot.ts';
import { receiverOf } from '../../tracing/open.ts';
import { type Receiver, send } from '../../tracing/sending.ts';
import { type Environment, prepare } from '../environment.ts';
import { isOlder, NODE_VERSION_LEAST } from '../node-version.ts';
import { checkBudget } from './doctor-budget.ts';
import { checkConnections } from './doctor-connections.ts';
import { type Finding, failures, ok } from './doctor-finding.ts';
import { checkLake, checkLog, checkSpark } from './doctor-services.ts';

const ROOM_MIB_LEAST = 512;
const CLOCK_SKEW_S_MAX = 60;
const CERTIFICATE_DAYS_LEAST = 14;
/** This program was written then: a clock before it is wrong. */
const BORN = Date.UTC(2026, 10, 1);

export function doctorCommand(program: Command, environment: Environment): void {
  program
    .command('doctor')
    .description('look for common problems and say what to do')
    .option('--online', 'also ask the provider once: is the key right, is the clock right?')
    .addHelpText('after', '\nExample:\n  isobar doctor --online')
    .action(async (options: { online?: boolean }, command: Command) => {
      const { config, json } = prepare(environment, command);
      const checks = [checkLog(config), checkLake(config), checkSpark(config)];
      const services = (await Promise.all(checks)).flat();
      // What is looked for in the lake would be waited for again, and in vain.
      const isLakeThere = !services.some((one) => one.check === 'lake' && one.verdict === 'fail');
      const findings = [
        checkNode(),
        checkKey(config),
        ...(await checkBudget(config)),
        await checkFolder(config),
        await checkRoom(config),
        await checkPort(config, 'port', config.api.port),
        ...(await checkCertificate(config)),
        checkClock(),
        ...checkProxy(config, environment.env),
        ...checkConnections(config, environment.env),
        ...(await checkAlerts(config, environment)),
        ...services,
        ...(isLakeThere ? await checkData(config) : []),
        ...(await checkClientCertificate(config)),
        ...(await checkCache(config)),
        ...(isLakeThere ? await checkIndex(config) : []),
        ...(await checkTracing(config, environment)),
        ...(await checkStreaming(config)),
        ...(options.online === true ? await checkOnline(config, environment.env) : []),
      ];
      if (json) environment.print(`${JSON.stringify(findings)}\n`);
      else {
        for (const { check, verdict, text, remedy } of findings) {
          environment.print(`${verdict.padEnd(4)}  ${check.padEnd(8)}  ${oneLine(text)}\n`);
          if (remedy !== '') environment.print(`      ${' '.repeat(8)}  → ${remedy}\n`);
        }
      }
      const wrong = findings.filter(({ verdict }) => verdict === 'fail').length;
      if (wrong === 0) return;
      throw new IsobarError('CHECK_FAILED', `${wrong} ${wrong === 1 ? 'check' : 'checks'} failed`);
    });
}

function checkNode(): Finding {
  const version = process.versions.node;
  if (!isOlder(version, NODE_VERSION_LEAST)) return ok('node', `Node.js ${version}`);
  const text = `Node.js ${version} is older than ${NODE_VERSION_LEAST}`;
  return { check: 'node', verdict: 'fail', text, remedy: ERRORS.NODE_TOO_OLD.remedy };
}

function checkKey(config: Config): Finding {
  const { key } = config.openweather;
  if (key === '') {
    const remedy =
      'Set ISOBAR_OPENWEATHER_KEY for real weather; without it, the weather is made up.';
    return { check: 'key', verdict: 'warn', text: 'no OpenWeatherMap key is set', remedy };
  }
  if (/^[0-9a-f]{32}$/.test(key)) return ok('key', 'a key is set');
  const text = 'the key does not look like one: 32 digits of 0-9 and a-f are usual';
  return { check: 'key', verdict: 'warn', text, remedy: 'Copy it again from your account.' };
}

async function checkFolder(config: Config): Promise<Finding> {
  const folder = rootOf(config, false);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return ok('folder', `${folder} can be written`);
  } catch (error) {
    const text = (error as Error).message;
    return { check: 'folder', verdict: 'fail', text, remedy: ERRORS.DATA_UNWRITABLE.remedy };
  }
}

async function checkRoom(config: Config): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(rootOf(config, false));
    const mib = Math.floor((bavail * bsize) / 1024 / 1024);
    if (mib >= ROOM_MIB_LEAST) return ok('disk', `${mib} MiB are free`);
    const text = `only ${mib} MiB are free`;
    return { check: 'disk', verdict: 'warn', text, remedy: ERRORS.DISK_FULL.remedy };
  } catch (error) {
    return { check: 'disk', verdict: 'warn', text: (error as Error).message, remedy: '' };
  }
}

async function checkPort(config: Config, check: string, port: number): Promise<Finding> {
  const { host } = config.api;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return ok(check, `${port} of ${host} is free`);
  } catch (error) {
    const { code, message, row } = asIsobarError(translateListenError(error, { host, port }));
    const { remedy } = row;
    if (code !== 'PORT_TAKEN') return { check, verdict: 'fail', text: message, remedy };
    const owner = await serverOf(config, port);
    const text = `${port} of ${host} is taken by ${owner ?? 'another program'}`;
    return { check, verdict: owner === null ? 'fail' : 'warn', text, remedy };
  } finally {
    server.close();
  }
}

/** Ourselves, when one of our data roots says that it is served there. */
async function serverOf(config: Config, port: number): Promise<string | null> {
  for (const simulated of [false, true]) {
    try {
      const note = await readServerNote(join(rootOf(config, simulated), SERVER_NOTE));
      const isRedirect = port === config.api.tls.redirect_port;
      if (note.port === (isRedirect ? config.api.port : port))
        return `${note.command} (process ${note.pid})`;
    } catch {
      // No note: our processes do not serve there.
    }
  }
  return null;
}

/** The certificate and its key, as the server would read them; nothing for plain HTTP. */
async function checkCertificate(config: Config): Promise<Finding[]> {
  const { tls } = config.api;
  if (tls.certificate_file === '') return [];
  const port = tls.redirect_port;
  const redirect = port === 0 ? [] : [await checkPort(config, 'redirect', port)];
  return [...(await checkPair('https', tls, ERRORS.CERTIFICATE_EXPIRED.remedy)), ...redirect];
}

/** The certificate that the brokers are shown; nothing where none is. */
async function checkClientCertificate({ log: { engine, kafka } }: Config): Promise<Finding[]> {
  if (engine !== 'kafka' || kafka.tls_certificate_file === '') return [];
  const remedy = 'Renew it and replace both files; the next connection shows the new one.';
  return checkPair('kafka', clientPair(kafka), remedy);
}

async function checkPair(check: string, tls: PairFiles, remedy: string): Promise<Finding[]> {
  const now = new Date();
  try {
    const { names, validTo } = await readPair(tls, now);
    const days = Math.floor((validTo.getTime() - now.getTime()) / 86_400_000);
    const whose = [...names, `until ${validTo.toISOString()}`].join(', ');
    const text = `${tls.certificate_file}: ${whose}`;
    if (days >= CERTIFICATE_DAYS_LEAST) return [ok(check, text)];
    const verdict = validTo > now ? 'warn' : 'fail';
    return [{ check, verdict, text: verdict === 'fail' ? `${text}: expired` : text, remedy }];
  } catch (error) {
    return failures(check, error);
  }
}

function checkClock(): Finding {
  const now = new Date();
  if (now.getTime() >= BORN) return ok('clock', now.toISOString());
  const text = `${now.toISOString()} is before this program was written`;
  return {
    check: 'clock',
    verdict: 'fail',
    text,
    remedy: 'Set the clock, or switch on time service.',
  };
}

/** Which way the calls of the provider take; nothing when no proxy is named. */
function checkProxy({ openweather: { url } }: Config, env: Environment['env']): Finding[] {
  const named = namedProxy(url, env);
  if (named === null) return [];
  const { host } = new URL(url);
  try {
    const proxy = proxyFor(url, env);
    const text =
      proxy === null
        ? `${host} is called directly, although ${named.variable} is set (loopback, or NO_PROXY)`
        : `${host} is called through ${proxy.shown} (${proxy.variable})`;
    return [ok('proxy', text)];
  } catch (error) {
    const text = asIsobarError(error).message;
    const remedy = `Correct or unset ${named.variable}.`;
    return [{ check: 'proxy', verdict: 'fail', text, remedy }];
  }
}

function count({ length }: readonly unknown[], what: string): string {
  return length === 1 ? `1 ${what}` : `${length} ${what}s`;
}

/** The file of alerts is right, and its channels can be reached. */
async function checkAlerts(
  config: Config,
  { env, signal }: Pick<Environment, 'env' | 'signal'>,
): Promise<Finding[]> {
  if (!config.alerts.enabled || config.alerts.file === '') return [];
  const check = 'alerts';
  try {
    const { rules, channels } = loadAlerts(config);
    const found = await tryChannels(config, env, signal);
    return [
      ok(check, `${config.alerts.file}: ${count(rules, 'rule')}, ${count(channels, 'channel')}`),
      ...found.flatMap(({ name, type, problem }) =>
        problem === null
          ? [ok(check, `channel ${name} (${type}) can be reached`)]
          : failures(check, problem),
      ),
    ];
  } catch (error) {
    return failures(check, error);
  }
}

/** The log and the tables open, and what they say can be read. */
async function checkData(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const simulated of [false, true]) {
    const check = simulated ? 'made-up' : 'data';
    try {
      if (!(await hasData(config, simulated))) continue;
      await using workspace = await openWorkspace(config, simulated);
      await workspace.log();
      const state = await workspace.observations.refresh();
      await workspace.rejected.refresh();
      for (const { latest, folder } of workspace.tables) {
        const refusal = latest === null ? null : writeRefusal(latest, folder);
        if (refusal !== null) findings.push(...failures(check, refusal));
      }
      findings.push(
        ok(check, `log and table open; version ${state.version}, ${state.rowCount} rows`),
      );
    } catch (error) {
      findings.push(...failures(check, error));
    }
  }
  return findings;
}

/** Whether the cache that servers share can be used; nothing when none is configured. */
async function checkCache({ api: { cache } }: Config): Promise<Finding[]> {
  const check = 'cache';
  try {
    const address = redisAddressOf(cache);
    if (address === null) return [];
    const { checkRedis } = await import('../../api/shared/check.ts');
    const { place, version, policy } = await checkRedis(address, cache.prefix);
    const text = `Redis ${version ?? 'of unknown version'} at ${place} takes the login and a value`;
    if (policy !== 'noeviction') return [ok(check, text)];
    const warning = `${text}, but once it is full it takes nothing more (noeviction)`;
    return [{ check, verdict: 'warn', text: warning, remedy: ERRORS.CACHE_FULL.remedy }];
  } catch (error) {
    return failures(check, error);
  }
}

/** Whether the receiver of spans takes a document without any; isobar works without it. */
async function checkTracing(
  { tracing }: Config,
  { signal }: Pick<Environment, 'signal'>,
): Promise<Finding[]> {
  if (tracing.otlp_url === '') return [];
  const check = 'tracing';
  let receiver: Receiver;
  try {
    receiver = receiverOf(tracing);
  } catch (error) {
    return failures(check, error);
  }
  const limit = AbortSignal.any([AbortSignal.timeout(tracing.timeout_s * 1_000), signal]);
  const sent = await send(receiver, JSON.stringify({ resourceSpans: [] }), limit);
  signal.throwIfAborted();
  if (sent.kind === 'taken') return [ok(check, `${receiver.url} takes spans`)];
  const text = `${receiver.url}: ${sent.problem}`;
  const remedy = 'Check tracing.otlp_url, headers and tls_authority, and that the receiver runs.';
  return [{ check, verdict: 'fail', text, remedy }];
}

/** Whether the stream could run on these engines. */
async function checkStreaming(config: Config): Promise<Finding[]> {
  if (!config.streaming.enabled) return [];
  const { assertStreams } = await import('../../pipeline/streaming.ts');
  try {
    assertStreams(config);
    return [];
  } catch (error) {
    return failures('stream', error);
  }
}

/** Whether the index answers, and how far it is; a file that is not there yet is made by itself. */
async function checkIndex(config: Config): Promise<Finding[]> {
  try {
    const simulated = !(await hasData(config, false)) && (await hasData(config, true));
    const folder = join(rootOf(config, simulated), 'index');
    await using index = await openIndex(config.index, folder, simulated);
    const state = await index.state();
    const text = state === null ? 'nothing is indexed yet' : `version ${state.version}`;
    return [ok('index', `${index.engine} answers; ${text}`)];
  } catch (error) {
    return failures('index', error);
  }
}

/** One call of the provider: what it thinks of the key, and its clock beside ours. */
async function checkOnline(config: Config, env: Environment['env']): Promise<Finding[]> {
  const { key, url } = config.openweather;
  if (key === '') return [];
  const address = new URL('/data/2.5/weather?lat=51.5&lon=-0.12&units=metric', url);
  address.searchParams.set('appid', key);
  try {
    const signal = AbortSignal.timeout(config.collector.timeout_s * 1_000);
    const send = providerFetch(proxyFor(url, env), env);
    const answer = await send(address.href, { signal, headers: { accept: 'application/json' } });
    await answer.body?.cancel();
    const findings: Finding[] = [];
    if (answer.ok) findings.push(ok('provider', 'it takes the key'));
    else {
      const code = answer.status === 401 ? 'PROVIDER_KEY_REFUSED' : 'PROVIDER_DOWN';
      const { remedy } = ERRORS[code];
      findings.push({ check: 'provider', verdict: 'fail', text: `HTTP ${answer.status}`, remedy });
    }
    const theirs = Date.parse(answer.headers.get('date') ?? '');
    const skew = Math.abs(theirs - Date.now()) / 1_000;
    if (skew > CLOCK_SKEW_S_MAX) {
      const text = `it differs from the provider's by ${Math.round(skew)} s`;
      const remedy = 'Set the clock, or switch on time service.';
      findings.push({ check: 'clock', verdict: 'fail', text, remedy });
    }
    return findings;
  } catch (error) {
    // The error's text may hold the address, and so the key: only its kind is shown.
    const text = `no answer (${(error as Error).name})`;
    const { remedy } = ERRORS.PROVIDER_DOWN;
    return [{ check: 'provider', verdict: 'fail', text, remedy }];
  }
}
