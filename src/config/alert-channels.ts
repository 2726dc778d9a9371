/**
 * Channels for alerts as the configuration has them: one schema for each type. A secret has no field
 * of its own: `<field>_file` names a file that holds it, `<field>_env` a variable.
 */
import { rootCertificates } from 'node:tls';
import { type TOptional, type TProperties, type TString, Type } from 'typebox';
import { DURATION_PATTERN, RULE_NAME_PATTERN } from '../model/alerts.ts';
import { type Of, record } from '../model/schema.ts';
import { readAuthority } from './tls-authority.ts';

/** What an error names as expected; for numbers and choices it is made from the schema. */
export interface Expected {
  readonly expected: string;
}

const RECIPIENTS_MAX = 50;
const HEADERS_MAX = 20;
const TEXT_MAX = 1_000;
/** One address and nothing that could end a header or begin another address. */
const MAIL_ADDRESS = '[^\\s@<>,;:"()\\[\\]\\\\\\p{C}]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250})';
const MAIL_SENDER = `^(?:${MAIL_ADDRESS}|[^<>@,;:"\\\\\\p{C}]{1,80} <${MAIL_ADDRESS}>)$`;
const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$";
const HEADER_VALUE = '^[\\x20-\\x7e]{1,1000}$';

const text = (description: string, options: { pattern?: string } & Expected) =>
  Type.String({ minLength: 1, maxLength: TEXT_MAX, description, ...options });
const optionalText = (description: string, options: { pattern?: string } & Expected) =>
  Type.Optional(text(description, options));
const duration = (description: string, byDefault: string) =>
  Type.String({
    pattern: DURATION_PATTERN,
    default: byDefault,
    description,
    expected: 'a duration such as 10s, 5m or 24h',
  });
const address = (description: string) =>
  optionalText(description, { expected: 'an address such as https://example.org/alerts' });
const headers = (of: string, value: { pattern?: string } & Expected) =>
  Type.Optional(
    Type.Record(Type.String({ pattern: HEADER_NAME }), text(of, value), {
      maxProperties: HEADERS_MAX,
      description: of,
      expected: 'names of headers, each with its value',
    }),
  );
const phones = Type.Array(Type.String({ pattern: '^\\+[1-9][0-9]{6,14}$' }), {
  minItems: 1,
  maxItems: RECIPIENTS_MAX,
  description: 'Telephone numbers that get it.',
  expected: `1 to ${RECIPIENTS_MAX} telephone numbers such as "+441632960961"`,
});
const user = optionalText('User who logs in.', { pattern: '^[^\\p{C}]+$', expected: 'a name' });

type SecretFields<N extends string> = {
  [K in `${N}_file` | `${N}_env`]: TOptional<TString>;
};

function secret<const N extends string>(name: N, what: string): SecretFields<N> {
  return {
    [`${name}_file`]: optionalText(`Path of the file that holds ${what}.`, {
      expected: 'the path of a file',
    }),
    [`${name}_env`]: optionalText(`Name of the variable that holds ${what}.`, {
      pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      expected: 'the name of a variable',
    }),
  } as SecretFields<N>;
}

const TLS_AUTHORITY = {
  tls_authority: optionalText('PEM file of the authorities to trust besides the public ones.', {
    expected: 'the path of a file',
  }),
};

const COMMON = {
  timeout: duration('How long one attempt may take.', '10s'),
  give_up_after: duration('How long a message is tried.', '24h'),
  fallback: optionalText('Name of the channel that gets what this one gives up.', {
    pattern: RULE_NAME_PATTERN,
    expected: 'the name of another channel',
  }),
} satisfies TProperties;

function channel<const T extends string, P extends TProperties>(
  type: T,
  properties: P,
  description: string,
) {
  return record({ type: Type.Literal(type), ...properties, ...COMMON }, description);
}

const SECRET_HEADERS = {
  headers: headers('Headers to add.', {
    pattern: HEADER_VALUE,
    expected: 'printable characters of ASCII',
  }),
  headers_file: headers('Headers to add: paths of the files that hold their values.', {
    expected: 'the path of a file',
  }),
  headers_env: headers('Headers to add: names of the variables that hold their values.', {
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    expected: 'the name of a variable',
  }),
};

export const CHANNEL_SCHEMAS = {
  email: channel(
    'email',
    {
      host: text('Mail server.', { pattern: '^[A-Za-z0-9._:-]+$', expected: 'a host' }),
      port: Type.Integer({
        minimum: 1,
        maximum: 65_535,
        description: 'Port; 587 by default, 465 with `security: tls`.',
      }),
      security: Type.Enum(['starttls', 'tls', 'none'], {
        default: 'starttls',
        description: 'Encryption; it is required. `none` is only for a server on this machine.',
      }),
      ...TLS_AUTHORITY,
      user,
      ...secret('password', 'the password'),
      from: text('Sender.', {
        pattern: MAIL_SENDER,
        expected: 'an address such as isobar@example.org or Weather <isobar@example.org>',
      }),
      to: Type.Array(Type.String({ pattern: `^${MAIL_ADDRESS}$` }), {
        minItems: 1,
        maxItems: RECIPIENTS_MAX,
        description: 'Addresses that get it.',
        expected: `1 to ${RECIPIENTS_MAX} addresses such as ops@example.org`,
      }),
    },
    'E-mail over SMTP.',
  ),
  webhook: channel(
    'webhook',
    {
      url: address('Address that gets a POST.'),
      ...secret('url', 'the address'),
      ...secret('secret', 'the secret that signs the body'),
      ...SECRET_HEADERS,
      ...TLS_AUTHORITY,
    },
    'JSON by HTTP, signed.',
  ),
  slack: channel(
    'slack',
    { ...secret('url', 'the webhook’s address'), ...TLS_AUTHORITY },
    'An incoming webhook of Slack.',
  ),
  teams: channel('teams', secret('url', 'the webhook’s address'), 'A workflow of Microsoft Teams.'),
  discord: channel('discord', secret('url', 'the webhook’s address'), 'A webhook of Discord.'),
  ntfy: channel(
    'ntfy',
    {
      url: address('Address of the topic, such as https://ntfy.sh/TOPIC.'),
      ...secret('url', 'the address of the topic'),
      ...secret('token', 'the access token'),
      ...TLS_AUTHORITY,
    },
    'Push messages of ntfy.',
  ),
  alertmanager: channel(
    'alertmanager',
    {
      url: text('Address of Alertmanager, such as https://alerts.example.org.', {
        expected: 'an address such as https://alerts.example.org',
      }),
      user,
      ...secret('password', 'the password'),
      ...secret('token', 'the bearer token'),
      ...TLS_AUTHORITY,
      resend_every: duration('How often an open incident is sent again.', '1m'),
    },
    'Alertmanager of Prometheus, which routes, silences and sends.',
  ),
  twilio: channel(
    'twilio',
    {
      url: Type.String({
        minLength: 1,
        maxLength: TEXT_MAX,
        default: 'https://api.twilio.com',
        description: 'Address of the API.',
        expected: 'an address such as https://api.twilio.com',
      }),
      account: text('Account SID.', {
        pattern: '^AC[0-9a-fA-F]{32}$',
        expected: 'AC and 32 digits',
      }),
      ...secret('token', 'the auth token'),
      from: text('Number, sender name, or SID of a messaging service.', {
        pattern: '^(\\+[1-9][0-9]{6,14}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11})$',
        expected: 'a number such as "+441632960960", a name or the SID of a messaging service',
      }),
      to: phones,
    },
    'SMS by Twilio.',
  ),
  sms: channel(
    'sms',
    {
      url: address('Address of the gateway.'),
      ...secret('url', 'the address of the gateway'),
      method: Type.Enum(['POST', 'PUT'], { default: 'POST', description: 'Method.' }),
      format: Type.Enum(['json', 'form'], { default: 'json', description: 'Format of the body.' }),
      body: Type.Record(Type.String({ minLength: 1, maxLength: 100 }), Type.Unknown(), {
        minProperties: 1,
        maxProperties: 50,
        description: 'Fields of the body; {to}, {text} and {key} in texts are filled in.',
        expected: 'fields such as to: "{to}"',
      }),
      ...secret('key', 'what {key} stands for'),
      ...SECRET_HEADERS,
      ...TLS_AUTHORITY,
      to: phones,
    },
    'SMS by any gateway that takes HTTP.',
  ),
} as const;

export type ChannelType = keyof typeof CHANNEL_SCHEMAS;
export type ConfigOf<T extends ChannelType> = { readonly name: string } & Of<
  (typeof CHANNEL_SCHEMAS)[T]
>;
export type ChannelConfig = { [T in ChannelType]: ConfigOf<T> }[ChannelType];

/** PEM of what a channel trusts; null: what Node.js trusts. Throws CONFIG_INVALID. */
export function authoritiesOf({
  name,
  tls_authority,
}: {
  readonly name: string;
  readonly tls_authority?: string;
}): (Buffer | string)[] | null {
  if (tls_authority === undefined) return null;
  const own = readAuthority(`channels.${name}.tls_authority`, tls_authority);
  return [...rootCertificates, own];
}

/** Whether a request carries what a listener on the way must not see. */
export function sendsSecrets(config: ChannelConfig): boolean {
  const { password_file, password_env, token_file, token_env, key_file, key_env } =
    config as unknown as Readonly<Record<string, string | undefined>>;
  const named = password_file ?? password_env ?? token_file ?? token_env ?? key_file ?? key_env;
  return named !== undefined || 'headers_file' in config || 'headers_env' in config;
}

/** `password`, `url`, …: the fields that a type has as `_file` and `_env`. */
export function secretFieldsOf(type: ChannelType): string[] {
  return Object.keys(CHANNEL_SCHEMAS[type].properties)
    .filter((field) => field.endsWith('_file') && field !== 'headers_file')
    .map((field) => field.slice(0, -'_file'.length));
}
