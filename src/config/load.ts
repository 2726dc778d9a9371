/**
 * The configuration in effect: defaults < the command's own < profile < file < credentials of
 * systemd < environment < flags.
 * All problems are reported at once, each with its place.
 */
import type { Stats } from 'node:fs';
import { LineCounter, parseDocument, stringify } from 'yaml';
import { IsobarError } from '../errors.ts';
import { readRegularFileSync } from '../regular-file.ts';
import { addressProblem, normaliseAddress } from './api-address.ts';
import { authProblems } from './auth.ts';
import { plainProblems } from './connections.ts';
import { credentialOf, readCredentials } from './credentials.ts';
import { hdfsProblems, hdfsWarnings } from './hdfs.ts';
import { clientLogin, kafkaProblems, kafkaWarnings, tokenUrlProblem } from './kafka.ts';
import { nearest } from './nearest.ts';
import { parseRedisUrl, prefixProblem } from './redis-address.ts';
import type { Config } from './schema.ts';
import { holdsSecret, secretProblem } from './secret.ts';
import { fileProblem, readSecretFile, rightsProblem } from './secret-file.ts';
import { serviceAddressProblem } from './service-address.ts';
import { parseText, SECTIONS, SETTINGS, type Setting, settingOf } from './settings.ts';
import { tlsProblems } from './tls.ts';
import { headerSecrets } from './tracing-receiver.ts';

export interface ConfigSources {
  /** Path of the file, or null to look for `isobar.yaml` in the working folder. */
  readonly file: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Setting's path → text, as flags give it. */
  readonly flags: Readonly<Record<string, string>>;
  /** The command's own defaults: setting's path → value. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Path of a file of settings that stands below the file proper. */
  readonly profile?: string | null;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Setting's path → where its value comes from: `default`, `isobar.yaml line 3`, a name. */
  readonly origins: ReadonlyMap<string, string>;
  /** Values that must never appear in any output. */
  readonly secrets: readonly string[];
  /** What is odd but no error, a sentence each. */
  readonly warnings: readonly string[];
}

const DEFAULT_FILE = 'isobar.yaml';
/** Variables of ours that are not settings. */
const OTHER_VARIABLES = [
  'ISOBAR_FAULT',
  'ISOBAR_CONFIG',
  'ISOBAR_CLUSTER_CACHE',
  'ISOBAR_TEST_CLUSTER',
  'ISOBAR_TEST_FAULTS',
  'ISOBAR_TEST_FAULTS_MINUTES',
  'ISOBAR_TEST_FAULTS_RULES',
  'ISOBAR_TEST_FAULTS_SEED',
  'ISOBAR_TEST_MADE',
  'ISOBAR_TEST_PICTURES',
  'ISOBAR_TEST_SEED',
  'ISOBAR_TEST_STORM',
];
const FILE_BYTES_MAX = 1024 * 1024;

interface Given {
  readonly value: unknown;
  readonly origin: string;
}

export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = [];
  const warnings: string[] = [];
  const given = new Map<string, Given>();
  for (const { path, default: value } of SETTINGS) given.set(path, { value, origin: 'default' });
  for (const [path, value] of Object.entries(sources.defaults ?? {})) {
    given.set(path, { value, origin: 'default of the command' });
  }
  if (sources.profile) readFile(sources.profile, given, problems);
  readFile(sources.file ?? sources.env.ISOBAR_CONFIG ?? null, given, problems);
  takeCredentials(sources.env, given, problems, warnings);
  readEnvironment(sources.env, given, problems, warnings);
  readFlags(sources.flags, given, problems);

  const config: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  const secrets: string[] = [];
  for (const setting of SETTINGS) {
    const { value, origin } = given.get(setting.path) ?? {
      value: setting.default,
      origin: 'default',
    };
    const used = normalise(setting, value);
    const problem = problemOf(setting, used);
    if (problem !== null) problems.push(`${setting.path} (${origin}): ${problem}`);
    put(config, setting.path, used);
    origins.set(setting.path, origin);
    if (setting.secret && typeof value === 'string' && value !== '') secrets.push(value);
  }
  if (problems.length === 0) {
    const { api, log, lake } = config as Config;
    const rooms = [...kafkaProblems(log), ...hdfsProblems(lake)];
    problems.push(...tlsProblems(api), ...authProblems(api), ...rooms);
    problems.push(...plainProblems(config as Config, sources.env));
  }
  if (problems.length > 0) {
    throw new IsobarError('CONFIG_INVALID', problems.join('\n'), { details: { problems } });
  }
  const { api, tracing, index, log } = config as Config;
  // They may be seen without the text around them, or as a login over HTTP.
  const password = parseRedisUrl(api.cache.redis_url)?.password ?? '';
  if (password !== '') secrets.push(password);
  secrets.push(...headerSecrets(tracing.headers));
  const { user, password: ofIndex } = index.opensearch;
  if (ofIndex !== '') secrets.push(Buffer.from(`${user}:${ofIndex}`).toString('base64'));
  const { oauth } = log.kafka;
  if (oauth.client_secret !== '') secrets.push(clientLogin(oauth));
  warnings.push(...kafkaWarnings(log));
  if (api.allowed_hosts.split(',').some((entry) => entry.trim() === '*')) {
    warnings.push(
      'api.allowed_hosts: with * any site that a visitor opens can read this server through a ' +
        'name of its own (DNS rebinding); name your hosts instead',
    );
  }
  warnings.push(...hdfsWarnings((config as Config).lake));
  return { config: config as Config, origins, secrets, warnings };
}

/** The effective values as YAML, each with its origin; secrets are masked. */
export function formatConfig({ config, origins }: LoadedConfig): string {
  const lines: string[] = [];
  let section = '';
  for (const setting of SETTINGS) {
    const names = setting.path.split('.');
    const folder = names.slice(0, -1).join('.');
    if (folder !== section) {
      lines.push(...openSections(section, folder));
      section = folder;
    }
    const indent = '  '.repeat(names.length - 1);
    const value = valueAt(config, setting.path);
    // A masked secret is a comment: read again, the mask would be taken for the secret.
    const start = setting.secret && value !== '' ? `${indent}# ` : indent;
    const text = formatValue(setting.secret ? maskSecret(value) : value);
    const origin = (origins.get(setting.path) ?? 'default').replaceAll(/\s+/g, ' ');
    lines.push(`${start}${names.at(-1)}: ${text}  # ${origin}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The effective values with their origins, for programs; secrets are masked. */
export function describeConfig({ config, origins }: LoadedConfig): object[] {
  return SETTINGS.map(({ path, secret }) => {
    const value = valueAt(config, path);
    return { setting: path, value: secret ? maskSecret(value) : value, origin: origins.get(path) };
  });
}

function openSections(from: string, to: string): string[] {
  const lines: string[] = [];
  const [before, after] = [from.split('.'), to === '' ? [] : to.split('.')];
  for (const [depth, name] of after.entries()) {
    const path = after.slice(0, depth + 1).join('.');
    if (before.slice(0, depth + 1).join('.') === path) continue;
    const description = SECTIONS.find((section) => section.path === path)?.description ?? '';
    if (depth === 0) lines.push('', `# ${description}`);
    lines.push(`${'  '.repeat(depth)}${name}:`);
  }
  return lines;
}

/** A value on one line, so that a comment can follow. */
function formatValue(value: unknown): string {
  const text = stringify(value, { lineWidth: 0 }).replace(/\n$/, '');
  return /^[|>]|\n/.test(text) ? JSON.stringify(value) : text;
}

function maskSecret(value: unknown): string {
  return value === '' ? '' : '***';
}

function readFile(file: string | null, given: Map<string, Given>, problems: string[]): void {
  const name = file ?? DEFAULT_FILE;
  let text: string;
  const found: Stats[] = [];
  try {
    const inspect = (stats: Stats) => void found.push(stats);
    text = readRegularFileSync(name, { bytesMax: FILE_BYTES_MAX, inspect }).toString('utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!missing || file !== null) problems.push(fileProblem(name, error));
    return;
  }
  const lineCounter = new LineCounter();
  // A pretty error would show the line, and with it a secret.
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  for (const error of document.errors) {
    problems.push(`${name} line ${lineCounter.linePos(error.pos[0]).line}: ${error.message}`);
  }
  if (document.errors.length > 0 || document.contents === null) return;
  let values: unknown;
  try {
    values = document.toJS();
  } catch (error) {
    // An alias without its anchor, or far too many of them.
    problems.push(`${name}: ${(error as Error).message}`);
    return;
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    problems.push(`${name}: it must hold sections and settings, such as "api:"`);
    return;
  }
  const lineOf = (path: string) => {
    const node = document.getIn(path.split('.'), true) as {
      range?: [number, number, number];
    } | null;
    const at = node?.range?.[0];
    return at === undefined ? name : `${name} line ${lineCounter.linePos(at).line}`;
  };
  collect(values as Record<string, unknown>, '', lineOf, given, problems);
  const rights = found.map((stats) => rightsProblem(name, stats)).find((one) => one !== null);
  if (rights === undefined) return;
  for (const { path, variable } of SETTINGS.filter(({ secret }) => secret)) {
    if (!holdsSecret(path, valueAt(values, path))) continue;
    const otherwise = `or take the secret out of it and set ${variable}_FILE`;
    problems.push(`${path} (${lineOf(path)}): ${rights}, ${otherwise}`);
  }
}

function takeCredentials(
  env: ConfigSources['env'],
  given: Map<string, Given>,
  problems: string[],
  warnings: string[],
): void {
  const credentials = readCredentials(env.CREDENTIALS_DIRECTORY);
  for (const [path, value] of credentials.values) {
    given.set(path, { value, origin: `credential ${credentialOf(path)}` });
  }
  problems.push(...credentials.problems);
  warnings.push(...credentials.warnings);
}

function collect(
  values: Record<string, unknown>,
  folder: string,
  lineOf: (path: string) => string,
  given: Map<string, Given>,
  problems: string[],
): void {
  for (const [name, value] of Object.entries(values)) {
    const path = folder === '' ? name : `${folder}.${name}`;
    const isSection = SECTIONS.some((section) => section.path === path);
    if (isSection && value === null) continue;
    if (isSection && typeof value === 'object' && !Array.isArray(value)) {
      collect(value as Record<string, unknown>, path, lineOf, given, problems);
    } else if (isSection) {
      problems.push(`${path} (${lineOf(path)}): it is a section and needs settings below it`);
    } else if (settingOf(path) === undefined) {
      problems.push(`${path} (${lineOf(path)}): unknown setting${didYouMean(path)}`);
    } else {
      given.set(path, { value, origin: lineOf(path) });
    }
  }
}

function readEnvironment(
  env: ConfigSources['env'],
  given: Map<string, Given>,
  problems: string[],
  warnings: string[],
): void {
  const known = new Set<string>(OTHER_VARIABLES);
  for (const setting of SETTINGS) {
    const { variable, path } = setting;
    known.add(variable);
    const text = env[variable];
    if (text !== undefined && text !== '') {
      given.set(path, { value: parseText(setting, text), origin: variable });
    }
    if (!setting.secret) continue;
    const fileVariable = `${variable}_FILE`;
    known.add(fileVariable);
    const file = env[fileVariable];
    if (file === undefined || file === '') continue;
    try {
      given.set(path, { value: readSecretFile(file), origin: fileVariable });
    } catch (error) {
      problems.push(`${path} (${fileVariable}): ${(error as Error).message}`);
    }
  }
  for (const name of Object.keys(env)) {
    if (!name.startsWith('ISOBAR_') || known.has(name)) continue;
    const near = nearest(name, [...known]);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    warnings.push(`the variable ${name} belongs to no setting${hint}`);
  }
}

function readFlags(
  flags: ConfigSources['flags'],
  given: Map<string, Given>,
  problems: string[],
): void {
  for (const [path, text] of Object.entries(flags)) {
    const setting = settingOf(path);
    if (setting === undefined) {
      problems.push(`${path} (flag): unknown setting${didYouMean(path)}`);
    } else {
      given.set(path, { value: parseText(setting, text), origin: 'flag' });
    }
  }
}

function normalise({ type, path }: Setting, value: unknown): unknown {
  // YAML reads 1.2 as a number.
  if (type === 'choice' && typeof value === 'number') return String(value);
  return typeof value === 'string' ? normaliseAddress(path, value) : value;
}

function problemOf(setting: Setting, value: unknown): string | null {
  const shown = setting.secret ? 'the value' : JSON.stringify(value);
  switch (setting.type) {
    case 'choice':
      if (setting.choices.includes(value as string)) return null;
      return `expected one of ${setting.choices.join(', ')}; got ${shown}`;
    case 'boolean':
      return typeof value === 'boolean' ? null : `expected true or false; got ${shown}`;
    case 'integer':
    case 'number': {
      const whole = setting.type === 'integer';
      if (
        typeof value !== 'number' ||
        !Number.isFinite(value) ||
        (whole && !Number.isInteger(value))
      ) {
        return `expected a ${whole ? 'whole number' : 'number'}; got ${shown}`;
      }
      const { minimum, maximum } = setting;
      if (minimum !== null && value < minimum) return `expected at least ${minimum}; got ${shown}`;
      return maximum !== null && value > maximum
        ? `expected at most ${maximum}; got ${shown}`
        : null;
    }
    case 'string':
      if (typeof value !== 'string') return `expected a text; got ${shown}`;
      if (setting.secret) return secretProblem(setting.path, value);
      if (setting.path === 'api.cache.prefix') return prefixProblem(value);
      if (setting.path === 'log.kafka.oauth.token_url') return tokenUrlProblem(value);
      return addressProblem(setting.path, value) ?? serviceAddressProblem(setting.path, value);
  }
}

function didYouMean(path: string): string {
  const names = [...SECTIONS, ...SETTINGS].map((known) => known.path);
  const near = nearest(path, names) ?? names.find((name) => name.endsWith(`.${path}`));
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function put(target: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  let at = target;
  for (const name of names.slice(0, -1)) {
    at[name] ??= {};
    at = at[name] as Record<string, unknown>;
  }
  at[names.at(-1) ?? ''] = value;
}

function valueAt(values: unknown, path: string): unknown {
  let at: unknown = values;
  for (const name of path.split('.'))
    at = (at as Record<string, unknown> | null | undefined)?.[name];
  return at;
}
