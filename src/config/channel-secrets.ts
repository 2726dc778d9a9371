/** The secrets of channels, read from the files and variables that the configuration names. */
import { asIsobarError, IsobarError, isErrorCode } from '../errors.ts';
import { type ChannelConfig, secretFieldsOf, sendsSecrets } from './alert-channels.ts';
import { urlProblem } from './channel-url.ts';
import { secretProblem } from './secret.ts';
import { readSecretFile } from './secret-file.ts';

/** Parts of an address that are long enough to be a secret of their own. */
const SECRET_PART_CHARACTERS = 12;

export interface ChannelSecrets {
  /** `url` is also here when it stands in the file itself; what is not set is empty. */
  readonly url: string;
  readonly password: string;
  readonly token: string;
  readonly secret: string;
  readonly key: string;
  /** Headers to add, those without secrets among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that must not appear in any output. */
  readonly hidden: readonly string[];
}

/** Throws CONFIG_INVALID with a line for each secret that cannot be read or used. */
export function resolveSecrets(
  config: ChannelConfig,
  env: Readonly<Record<string, string | undefined>>,
): ChannelSecrets {
  const given = config as unknown as Readonly<Record<string, string | undefined>>;
  const problems: string[] = [];
  const place = (field: string) => `channels.${config.name}.${field}`;
  const read = (field: string, source: Source): string => {
    const value = readSecret(source, env);
    const problem = typeof value === 'string' ? checkSecret(value, field, config) : value.problem;
    if (problem !== null) problems.push(`${place(field)}: ${problem}`);
    return typeof value === 'string' ? value : '';
  };
  const secrets: Record<string, string> = {};
  for (const name of secretFieldsOf(config.type)) {
    for (const way of ['file', 'env'] as const) {
      const at = given[`${name}_${way}`];
      if (at !== undefined) secrets[name] = read(`${name}_${way}`, { way, at });
    }
  }
  const hidden = Object.values(secrets);
  const headers: Record<string, string> = {};
  if ('headers' in config) Object.assign(headers, config.headers);
  for (const way of ['file', 'env'] as const) {
    const named = (config as unknown as Readonly<Record<string, Record<string, string>>>)[
      `headers_${way}`
    ];
    for (const [header, at] of Object.entries(named ?? {})) {
      const value = read(`headers_${way}.${header}`, { way, at });
      headers[header] = value;
      hidden.push(value);
    }
  }
  if (problems.length > 0) {
    throw new IsobarError('CONFIG_INVALID', problems.join('\n'), { details: { problems } });
  }
  const { url = given.url ?? '', password = '', token = '', secret = '', key = '' } = secrets;
  hidden.push(...partsOf(url), basic(given.user ?? given.account, password || token));
  return { url, password, token, secret, key, headers, hidden: hidden.filter(Boolean) };
}

/** The same of all channels at once: throws CONFIG_INVALID with a line for each problem of any. */
export function assertSecrets(
  channels: readonly ChannelConfig[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  const problems = channels.flatMap((channel) => {
    try {
      resolveSecrets(channel, env);
      return [];
    } catch (error) {
      if (!isErrorCode(error, 'CONFIG_INVALID')) throw error;
      return [asIsobarError(error).message];
    }
  });
  if (problems.length > 0) throw new IsobarError('CONFIG_INVALID', problems.join('\n'));
}

interface Source {
  readonly way: 'file' | 'env';
  readonly at: string;
}

function readSecret({ way, at }: Source, env: Readonly<Record<string, string | undefined>>) {
  if (way === 'env') {
    return env[at]?.trim() || { problem: `the variable ${at} is not set` };
  }
  try {
    return readSecretFile(at);
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function checkSecret(value: string, field: string, config: ChannelConfig): string | null {
  const problem = secretProblem(field, value);
  if (problem !== null) return problem;
  if (field.startsWith('url_')) {
    // These addresses are secrets themselves.
    const isSecret = ['slack', 'teams', 'discord'].includes(config.type);
    return urlProblem(value, { sendsSecrets: isSecret || sendsSecrets(config) });
  }
  const isHeader = field.startsWith('headers_') || field.startsWith('token_');
  if (!isHeader || /^[\x20-\x7e]+$/.test(value)) return null;
  return 'the value has characters that a header cannot carry; expected printable ones of ASCII';
}

/** An answer may repeat a part of the address: the path, or the long names in it. */
function partsOf(url: string): string[] {
  const parsed = URL.parse(url);
  if (parsed === null) return [];
  const { pathname, search, searchParams } = parsed;
  const parts = [...pathname.split('/'), ...searchParams.values()];
  return [url, pathname + search, ...parts].filter((part) => part.length >= SECRET_PART_CHARACTERS);
}

/** As the header `Authorization` has it. */
function basic(user: string | undefined, password: string): string {
  if (user === undefined || password === '') return '';
  return Buffer.from(`${user}:${password}`).toString('base64');
}
