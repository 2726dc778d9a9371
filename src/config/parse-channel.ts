/** Reading a channel: what is wrong with it is said for each field, and no secret is shown. */
import type { TProperties, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { RULE_NAME_PATTERN, secondsOf } from '../model/alerts.ts';
import {
  CHANNEL_SCHEMAS,
  type ChannelConfig,
  type ChannelType,
  type ConfigOf,
  type Expected,
  secretFieldsOf,
  sendsSecrets,
} from './alert-channels.ts';
import { isLoopbackHost, urlProblem } from './channel-url.ts';

export type ParsedChannel =
  | { readonly channel: ChannelConfig }
  | { readonly problems: readonly string[] };

const TYPES = Object.keys(CHANNEL_SCHEMAS) as ChannelType[];
const DURATIONS = {
  timeout: { least: '1s', most: '2m' },
  give_up_after: { least: '1m', most: '30d' },
  resend_every: { least: '10s', most: '1h' },
} as const;
/** Headers that we set, and those that only files and variables may hold. */
const HEADERS_OF_OURS =
  /^(content-type|content-length|host|connection|transfer-encoding|expect|idempotency-key|isobar-signature)$/i;
const HEADERS_OF_SECRETS = /^(authorization|proxy-authorization|cookie)$|api-?key|token|secret/i;

/** A channel as it was read from a file; each problem begins with the field's path. */
export function parseChannel(name: string, value: unknown): ParsedChannel {
  const place = `channels.${name}`;
  if (!new RegExp(RULE_NAME_PATTERN).test(name)) {
    return { problems: [`${place}: expected a name of a-z, 0-9 and "-", at most 63 of them`] };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problems: [`${place}: expected settings such as "type: email"; got ${show(value)}`] };
  }
  const type = (value as { readonly type?: unknown }).type;
  if (!TYPES.includes(type as ChannelType)) {
    const expected = `expected one of ${TYPES.join(', ')}`;
    return { problems: [`${place}.type: ${expected}; got ${show(type)}`] };
  }
  const schema = CHANNEL_SCHEMAS[type as ChannelType];
  const complete = Value.Default(schema, withPort(structuredClone(value))) as ChannelConfig;
  const found = fieldProblems(schema.properties, complete);
  const problems = found.length > 0 ? found : oddities(complete);
  if (problems.length > 0) return { problems: problems.map((problem) => `${place}.${problem}`) };
  return { channel: { ...complete, name } };
}

/**
 * What is wrong between channels: each fallback is another channel, and no two wait for each other.
 * `names` are those of all channels, also of those that could not be read.
 */
export function fallbackProblems(
  channels: readonly ChannelConfig[],
  names: readonly string[] = channels.map(({ name }) => name),
): string[] {
  const fallbackOf = new Map(channels.map(({ name, fallback }) => [name, fallback]));
  return channels.flatMap(({ name, fallback }) => {
    if (fallback === undefined) return [];
    const place = `channels.${name}.fallback`;
    if (!names.includes(fallback)) {
      return [`${place}: expected the name of another channel; got "${fallback}"`];
    }
    const passed = new Set<string>();
    let next: string | undefined = fallback;
    while (next !== undefined && next !== name && !passed.has(next)) {
      passed.add(next);
      next = fallbackOf.get(next);
    }
    if (next !== name) return [];
    return [`${place}: expected a chain that ends; "${fallback}" leads back to "${name}"`];
  });
}

function withPort(value: object): object {
  const { type, security, port } = value as Readonly<Record<string, unknown>>;
  if (type !== 'email' || port !== undefined) return value;
  return { ...value, port: security === 'tls' ? 465 : 587 };
}

function fieldProblems(properties: TProperties, value: object): string[] {
  const problems: string[] = [];
  for (const [field, schema] of Object.entries(properties)) {
    const given = (value as Readonly<Record<string, unknown>>)[field];
    if (given === undefined && (schema as { '~optional'?: boolean })['~optional'] === true)
      continue;
    if (given !== undefined && Value.Check(schema, given)) continue;
    problems.push(`${field}: expected ${expectedOf(schema)}; got ${showField(field, given)}`);
  }
  for (const field of Object.keys(value)) {
    if (properties[field] !== undefined) continue;
    const isSecret = properties[`${field}_file`] !== undefined;
    problems.push(
      isSecret
        ? `${field}: a secret is not written here; expected ${field}_file with the path of a ` +
            `file, or ${field}_env with the name of a variable`
        : `${field}: unknown field; expected one of ${Object.keys(properties).join(', ')}`,
    );
  }
  return problems;
}

function expectedOf(schema: TSchema): string {
  const options = schema as Partial<Expected> & Readonly<Record<string, unknown>>;
  if (options.expected !== undefined) return options.expected;
  if (Array.isArray(options.enum)) return `one of ${options.enum.join(', ')}`;
  return `a whole number from ${options.minimum} to ${options.maximum}`;
}

/** What no schema of one field can say. */
function oddities(config: ChannelConfig): string[] {
  const problems: string[] = [];
  for (const [field, { least, most }] of Object.entries(DURATIONS)) {
    const given = (config as unknown as Readonly<Record<string, string | undefined>>)[field];
    if (given === undefined) continue;
    const seconds = secondsOf(given);
    if (seconds >= secondsOf(least) && seconds <= secondsOf(most)) continue;
    problems.push(`${field}: expected ${least} to ${most}; got ${show(given)}`);
  }
  problems.push(...secretOddities(config));
  if ('url' in config && config.url !== undefined) {
    const problem = urlProblem(config.url, { sendsSecrets: sendsSecrets(config) });
    if (problem !== null) problems.push(`url: ${problem}`);
  }
  if ('headers' in config) problems.push(...headerOddities(config));
  if (config.type === 'email') problems.push(...emailOddities(config));
  if (config.type === 'sms') problems.push(...bodyOddities(config));
  return problems;
}

function secretOddities(config: ChannelConfig): string[] {
  const given = config as unknown as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  for (const field of secretFieldsOf(config.type)) {
    const ways = [`${field}_file`, `${field}_env`, ...(field === 'url' ? ['url'] : [])];
    const named = ways.filter((way) => given[way] !== undefined);
    if (named.length > 1) {
      problems.push(`${field}: expected one of ${named.join(' and ')}; got both`);
    }
    const isNeeded = field === 'url' || config.type === 'twilio';
    if (named.length === 0 && isNeeded) {
      const url = 'url' in CHANNEL_SCHEMAS[config.type].properties ? ', or url' : '';
      problems.push(
        `${field}_file: expected the path of a file, or ${field}_env with the name of a ` +
          `variable${field === 'url' ? url : ''}; got nothing`,
      );
    }
  }
  const hasPassword = given.password_file !== undefined || given.password_env !== undefined;
  if (hasPassword !== (given.user !== undefined)) {
    problems.push('user: expected user together with password_file or password_env; got only one');
  }
  if (hasPassword && (given.token_file !== undefined || given.token_env !== undefined)) {
    problems.push('token_file: expected either a user with a password or a token; got both');
  }
  return problems;
}

function headerOddities(config: ConfigOf<'webhook'> | ConfigOf<'sms'>): string[] {
  return (['headers', 'headers_file', 'headers_env'] as const).flatMap((field) =>
    Object.keys(config[field] ?? {}).flatMap((name) => {
      if (HEADERS_OF_OURS.test(name)) return [`${field}.${name}: isobar sets this header itself`];
      if (field !== 'headers' || !HEADERS_OF_SECRETS.test(name)) return [];
      return [
        `headers.${name}: a secret is not written here; expected headers_file or headers_env`,
      ];
    }),
  );
}

function emailOddities({ security, host }: ConfigOf<'email'>): string[] {
  if (security !== 'none' || isLoopbackHost(host)) return [];
  return [`security: expected starttls or tls, since ${host} is another machine; got "none"`];
}

function bodyOddities({ body, format }: ConfigOf<'sms'>): string[] {
  const written = JSON.stringify(body);
  const problems = ['{to}', '{text}']
    .filter((mark) => !written.includes(mark))
    .map((mark) => `body: expected ${mark} in one of the texts; got none`);
  if (format === 'form') {
    for (const [field, value] of Object.entries(body)) {
      if (typeof value === 'object') {
        problems.push(`body.${field}: expected a text or a number in a form; got an object`);
      }
    }
  }
  return problems;
}

/** Values that may hold a secret by mistake are not shown. */
function showField(field: string, value: unknown): string {
  if (value === undefined) return 'nothing';
  return /(^url|_file|_env|^headers|^body)/.test(field) ? 'something else' : show(value);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
}
