import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import { translateListenError } from '../../api/listening.ts';
import { namedProxy, providerFetch, proxyFor } from '../../collector/openweather/proxy.ts';
import { parseRedisUrl } from '../../config/redis-address.ts';
import type { Config } from '../../config/schema.ts';
import { asIsobarError, ERRORS, IsobarError } from '../../errors.ts';
import { openIndex } from '../../index/open.ts';
import { loadAlerts, tryChannels } from '../../pipeline/alerting.ts';
import { hasData, openWorkspace, rootOf } from '../../pipeline/workspace.ts';
import { oneLine } from '../../printable.ts';
import { NOTE_BYTES_MAX, readRegularFile } from '../../regular-file.ts';
import { writeRefusal } from '../../table/snapshot.ts';
import { type Environment, prepare } from '../environment.ts';
import { isOlder, NODE_VERSION_LEAST } from '../node-version.ts';

interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

const ROOM_MIB_LEAST = 512;
const CLOCK_SKEW_S_MAX = 60;
/** This program was written then: a clock before it is wrong. */
const BORN = Date.UTC(2026, 10, 1);

export function doctorCommand(program: Command, environment: Environment): void {
  program
    .command('doctor')
    .description('look for the usual troubles and say what to do')
    .option('--online', 'also ask the provider once: is the key right, is the clock right?')
    .addHelpText('after', '\nExample:\n  isobar doctor --online')
    .action(async (options: { online?: boolean }, command: Command) => {
      const { config, json } = prepare(environment, command);
      const findings = [
        checkNode(),
        checkKey(config),
        await checkFolder(config),
        await checkRoom(config),
        await checkPort(config),
        checkClock(),
        ...checkProxy(config, environment.env),
        ...(await checkAlerts(config, environment)),
        ...(await checkData(config)),
        ...(await checkCache(config)),
        ...(await checkIndex(config)),
        ...(options.online === true ? await checkOnline(config, environment.env) : []),
      ];
      if (json) environment.print(`${JSON.stringify(findings)}\n`);
      else {
        for (const { check, verdict, text, remedy } of findings) {
          environment.print(`${verdict.padEnd(4)}  ${check.padEnd(8)}  ${oneLine(text)}\n`);
          if (remedy !== '') environment.print(`      ${' '.repeat(8)}  → ${remedy}\n`);
        }
      }
      const failed = findings.filter(({ verdict }) => verdict === 'fail').length;
      if (failed > 0) throw new IsobarError('CONFIG_INVALID', `${failed} checks failed`);
    });
}

function ok(check: string, text: string): Finding {
  return { check, verdict: 'ok', text, remedy: '' };
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
    const remedy = 'Set ISOBAR_OPENWEATHER_KEY for real weather; without it it is made up.';
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

async function checkPort(config: Config): Promise<Finding> {
  const { host, port } = config.api;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    return ok('port', `${port} of ${host} is free`);
  } catch (error) {
    const { code, message, row } = asIsobarError(translateListenError(error, { host, port }));
    const owner = code === 'PORT_TAKEN' ? await serverOf(config, port) : null;
    const text = owner === null ? message : `${message} by ${owner}`;
    return { check: 'port', verdict: owner === null ? 'fail' : 'warn', text, remedy: row.remedy };
  } finally {
    server.close();
  }
}

/** Ourselves, when one of our data roots says that it is served there. */
async function serverOf(config: Config, port: number): Promise<string | null> {
  for (const simulated of [false, true]) {
    try {
      const file = join(rootOf(config, simulated), 'server.json');
      const bytes = await readRegularFile(file, { bytesMax: NOTE_BYTES_MAX });
      const note = JSON.parse(bytes.toString('utf8'));
      if (note.port === port) return `${note.command} (process ${note.pid})`;
    } catch {
      // No note: our processes do not serve there.
    }
  }
  return null;
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
      ok(check, `${config.alerts.file}: ${rules.length} rules, ${channels.length} channels`),
      ...found.map(({ name, type, problem }): Finding => {
        if (problem === null) return ok(check, `channel ${name} (${type}) can be reached`);
        const { remedy } = ERRORS[problem.code];
        return { check, verdict: 'fail', text: `${problem.code}: ${problem.message}`, remedy };
      }),
    ];
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return [{ check, verdict: 'fail', text: `${code}: ${message}`, remedy: ERRORS[code].remedy }];
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
        if (refusal === null) continue;
        const { code, message } = refusal;
        const text = `${code}: ${message}`;
        findings.push({ check, verdict: 'fail', text, remedy: ERRORS[code].remedy });
      }
      findings.push(
        ok(check, `log and table open; version ${state.version}, ${state.rowCount} rows`),
      );
    } catch (error) {
      const { code, message } = asIsobarError(error);
      const text = `${code}: ${message}`;
      findings.push({ check, verdict: 'fail', text, remedy: ERRORS[code].remedy });
    }
  }
  return findings;
}

/** Whether the cache that servers share can be used; nothing when none is configured. */
async function checkCache({ api: { cache } }: Config): Promise<Finding[]> {
  const address = parseRedisUrl(cache.redis_url);
  if (address === null) return [];
  const { checkRedis } = await import('../../api/shared/check.ts');
  const check = 'cache';
  try {
    const { place, version, policy } = await checkRedis(address, cache.prefix);
    const text = `Redis ${version ?? 'of unknown version'} at ${place} takes the login and a value`;
    if (policy !== 'noeviction') return [ok(check, text)];
    const warning = `${text}, but once it is full it takes nothing more (noeviction)`;
    return [{ check, verdict: 'warn', text: warning, remedy: ERRORS.CACHE_FULL.remedy }];
  } catch (error) {
    const { code, message, row } = asIsobarError(error);
    return [{ check, verdict: 'fail', text: `${code}: ${message}`, remedy: row.remedy }];
  }
}

/** Whether the index answers, and how far it is; a file that is not there yet is made by itself. */
async function checkIndex(config: Config): Promise<Finding[]> {
  const folder = join(rootOf(config, false), 'index');
  try {
    await using index = await openIndex(config.index, folder, false);
    const state = await index.state();
    const text = state === null ? 'nothing is indexed yet' : `version ${state.version}`;
    return [ok('index', `${index.engine} answers; ${text}`)];
  } catch (error) {
    const { code, message } = asIsobarError(error);
    const text = `${code}: ${message}`;
    return [{ check: 'index', verdict: 'fail', text, remedy: ERRORS[code].remedy }];
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
