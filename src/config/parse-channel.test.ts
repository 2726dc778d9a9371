import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { IsobarError } from '../errors.ts';
import { CHANNEL_SCHEMAS, type ChannelConfig, secretFieldsOf } from './alert-channels.ts';
import { resolveSecrets } from './channel-secrets.ts';
import { fallbackProblems, parseChannel } from './parse-channel.ts';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'alerts-channels.md');
const EMAIL = {
  type: 'email',
  host: 'mail.example.org',
  from: 'isobar@example.org',
  to: ['ops@example.org'],
};
const SMS = {
  type: 'sms',
  url: 'https://sms.example.org',
  body: { to: '{to}', text: '{text}' },
  to: ['+441632960961'],
};

function problemsOf(value: unknown, name = 'ops'): readonly string[] {
  const parsed = parseChannel(name, value);
  return 'problems' in parsed ? parsed.problems : [];
}

function channelOf(value: unknown, name = 'ops'): ChannelConfig {
  const parsed = parseChannel(name, value);
  if ('problems' in parsed) assert.fail(parsed.problems.join('\n'));
  return parsed.channel;
}

test('the document has an example of each type, and all of them can be read', () => {
  const examples = [...readFileSync(DOCUMENT, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(
    ([, text = '']) => Object.entries(parse(text).channels as Record<string, unknown>),
  );
  const channels = examples.map(([name, value]) => channelOf(value, name));
  assert.deepEqual(channels.map(({ type }) => type).sort(), Object.keys(CHANNEL_SCHEMAS).sort());
  assert.deepEqual(fallbackProblems(channels), []);
});

test('what is not set has its default', () => {
  const { port, security, timeout, give_up_after } = channelOf(EMAIL) as ChannelConfig & {
    type: 'email';
  };
  assert.deepEqual([port, security, timeout, give_up_after], [587, 'starttls', '10s', '24h']);
  assert.equal((channelOf({ ...EMAIL, security: 'tls' }) as { port?: number }).port, 465);
});

test('each problem names its field, what was expected and what there was', () => {
  for (const [value, ...expected] of [
    ['mail', /^channels\.ops: expected settings .*; got "mail"$/],
    [{ type: 'fax' }, /^channels\.ops\.type: expected one of email, webhook, .*; got "fax"$/],
    [{ ...EMAIL, host: undefined }, /^channels\.ops\.host: expected a host; got nothing$/],
    [{ ...EMAIL, host: 'a b' }, /^channels\.ops\.host: expected a host; got "a b"$/],
    [{ ...EMAIL, port: 0 }, /\.port: expected a whole number from 1 to 65535; got 0$/],
    [{ ...EMAIL, to: [] }, /\.to: expected 1 to 50 addresses .*; got \[\]$/],
    [{ ...EMAIL, to: ['a@example.org\r\nBcc: b@example.org'] }, /\.to: expected 1 to 50/],
    [{ ...EMAIL, to: ['a@example.org,b@example.org'] }, /\.to: expected 1 to 50/],
    [{ ...EMAIL, from: 'A <a@example.org>, B <b@example.org>' }, /\.from: expected an address/],
    [{ ...EMAIL, security: 'none' }, /\.security: expected starttls or tls, since mail.example/],
    [{ ...EMAIL, security: 'ssl' }, /\.security: expected one of starttls, tls, none; got "ssl"$/],
    [{ ...EMAIL, user: 'isobar' }, /\.user: expected user together with password_file/],
    [{ ...EMAIL, timeout: '1h' }, /\.timeout: expected 1s to 2m; got "1h"$/],
    [{ ...EMAIL, timeout: 10 }, /\.timeout: expected a duration such as 10s, 5m or 24h; got 10$/],
    [{ ...EMAIL, hots: 'x' }, /\.hots: unknown field; expected one of type, host/],
    [
      { type: 'slack' },
      /\.url_file: expected the path of a file, or url_env with .*; got nothing$/,
    ],
    [{ type: 'webhook' }, /\.url_file: expected .*, or url; got nothing$/],
    [{ type: 'webhook', url: 'ftp://x' }, /\.url: expected an address such as https/],
    [
      { type: 'webhook', url: 'https://u:p@example.org' },
      /\.url: expected an address without user/,
    ],
    [{ type: 'webhook', url: 'https://a.example', url_env: 'A' }, /\.url: expected one of .*both$/],
    [
      { type: 'ntfy', url: 'http://ntfy.example/topic', token_env: 'A' },
      /\.url: expected https, since a secret is sent to another machine; got http$/,
    ],
    [
      { type: 'webhook', url: 'https://a.example', headers: { Authorization: 'Bearer x' } },
      /\.headers\.Authorization: a secret is not written here; expected headers_file/,
    ],
    [
      { type: 'webhook', url: 'https://a.example', headers: { 'Content-Length': '3' } },
      /\.headers\.Content-Length: isobar sets this header itself$/,
    ],
    [
      { type: 'webhook', url: 'https://a.example', headers: { 'X-A': 'b\r\nX-B: c' } },
      /\.headers: expected names of headers/,
    ],
    [{ ...SMS, body: { to: '{to}' } }, /\.body: expected \{text\} in one of the texts; got none$/],
    [
      { ...SMS, format: 'form', body: { to: ['{to}'], text: '{text}' } },
      /\.body\.to: expected a text or a number in a form; got an object$/,
    ],
    [{ ...SMS, to: ['0163 2960961'] }, /\.to: expected 1 to 50 telephone numbers/],
  ] as const) {
    const found = problemsOf(value);
    assert.equal(found.length, expected.length, `${JSON.stringify(value)}: ${found.join('; ')}`);
    for (const [at, pattern] of expected.entries()) assert.match(found[at] ?? '', pattern);
  }
  assert.match(problemsOf(EMAIL, 'Ops Mail')[0] ?? '', /^channels\.Ops Mail: expected a name/);
});

test('a secret in the file is an error that does not repeat it', () => {
  for (const type of Object.keys(CHANNEL_SCHEMAS) as (keyof typeof CHANNEL_SCHEMAS)[]) {
    for (const field of secretFieldsOf(type)) {
      if (field in CHANNEL_SCHEMAS[type].properties) continue;
      const found = problemsOf({ type, [field]: 'hunter2' }).join('\n');
      const named = `channels.ops.${field}: a secret is not written here; expected ${field}_file`;
      assert.ok(found.includes(named), `${type}: ${found}`);
      assert.ok(!found.includes('hunter2'));
    }
  }
  for (const value of [
    { ...EMAIL, user: 'isobar', password_env: 'hunter2 is not a name' },
    { type: 'slack', url: 'https://hooks.slack.com/hunter2' },
    { type: 'webhook', url: 'https://user:hunter2@example.org' },
    { type: 'webhook', url: 'hunter2' },
    { type: 'webhook', url: 'https://a.example', headers: { Authorization: 'hunter2' } },
    { type: 'webhook', url: 'https://a.example', headers_env: { Authorization: 'hunter2 !' } },
  ]) {
    const found = problemsOf(value).join('\n');
    assert.ok(found !== '' && !found.includes('hunter2'), found);
  }
});

test('whatever stands in a file, reading it gives a channel or problems that name it', () => {
  const types = fc.constantFrom(...Object.keys(CHANNEL_SCHEMAS));
  const fields = [
    ...new Set(Object.values(CHANNEL_SCHEMAS).flatMap((s) => Object.keys(s.properties))),
  ];
  const settings = fc.dictionary(fc.constantFrom(...fields), fc.jsonValue());
  fc.assert(
    fc.property(types, settings, (type, value) => {
      for (const problem of problemsOf({ ...value, type })) {
        assert.match(problem, /^channels\.ops\.[\s\S]+: /);
      }
    }),
  );
});

test('fallbacks lead to another channel and to an end', () => {
  const named = (name: string, fallback?: string) =>
    channelOf({ ...EMAIL, ...(fallback === undefined ? {} : { fallback }) }, name);
  assert.deepEqual(fallbackProblems([named('a', 'b'), named('b', 'c'), named('c')]), []);
  assert.match(fallbackProblems([named('a', 'x')])[0] ?? '', /another channel; got "x"$/);
  assert.match(fallbackProblems([named('a', 'a')])[0] ?? '', /"a" leads back to "a"$/);
  const circle = [named('a', 'b'), named('b', 'c'), named('c', 'b')];
  assert.equal(fallbackProblems(circle).length, 2);
});

test('secrets come from files and variables, without line ends and marks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-secret-'));
  try {
    const password_file = join(folder, 'password');
    writeFileSync(password_file, '\uFEFFcorrect horse\r\n', { mode: 0o600 });
    const mail = channelOf({ ...EMAIL, user: 'isobar', password_file });
    assert.equal(resolveSecrets(mail, {}).password, 'correct horse');
    const url = 'https://hooks.slack.com/services/T0/B0/abcdefghijkl';
    const slack = resolveSecrets(channelOf({ type: 'slack', url_env: 'URL' }), { URL: `${url}\n` });
    assert.equal(slack.url, url);
    assert.ok(slack.hidden.includes('abcdefghijkl'), 'a part of the address is a secret, too');
    const config = channelOf({ type: 'slack', url_env: 'URL' });
    assert.throws(
      () => resolveSecrets(config, { URL: 'http://hooks.slack.com/x' }),
      /expected https/,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('all secrets that cannot be read are one error, each with its field', () => {
  const config = channelOf({
    type: 'webhook',
    url: 'https://a.example',
    secret_file: '/nowhere/secret',
    headers_env: { 'X-Key': 'NOT_SET', 'X-Other': 'ODD' },
    headers_file: { 'X-Folder': tmpdir() },
  });
  assert.throws(
    () => resolveSecrets(config, { ODD: 'häßlich' }),
    (error: unknown) => {
      assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID');
      const lines = error.message.split('\n');
      assert.equal(lines.length, 4, error.message);
      assert.equal(lines[0], 'channels.ops.secret_file: /nowhere/secret: the file does not exist');
      assert.match(lines[1] ?? '', /headers_file\.X-Folder: .*: expected a regular file/);
      assert.match(lines[2] ?? '', /headers_env\.X-Key: the variable NOT_SET is not set$/);
      assert.match(lines[3] ?? '', /headers_env\.X-Other: the value has characters/);
      assert.ok(!error.message.includes('häßlich'));
      return true;
    },
  );
});
