/**
 * What each format makes of each kind of message: the whole request, or the mail as it arrives, as
 * files of testcases/. ISOBAR_GOLDENS=write writes them anew, to be read before they are committed.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { AlertMessage } from '../channel.ts';
import { openMailServer } from '../testing/mail-server.ts';
import { CASES } from '../testing/messages.ts';
import { open } from '../testing/open.ts';
import { openReceiver } from '../testing/receiver.ts';

const TESTCASES = join(import.meta.dirname, 'testcases');
const rewrites = process.env.ISOBAR_GOLDENS === 'write' && !process.env.CI;
const signal = new AbortController().signal;
const SHOWN_HEADERS = /^(content-type|authorization|idempotency-key|isobar-signature|x-.*)$/;

const CHANNELS = {
  webhook: (url: string) => ({
    value: { url: `${url}/hook`, secret_env: 'SECRET', headers: { 'X-Team': 'weather' } },
    env: { SECRET: 'signing secret' },
  }),
  slack: (url: string) => ({ value: { url_env: 'URL' }, env: { URL: `${url}/services/T0/B0/x` } }),
  teams: (url: string) => ({ value: { url_env: 'URL' }, env: { URL: `${url}/workflows/1` } }),
  discord: (url: string) => ({
    value: { url_env: 'URL' },
    env: { URL: `${url}/api/webhooks/1/x` },
  }),
  ntfy: (url: string) => ({
    value: { url: `${url}/weather-alerts`, token_env: 'TOKEN' },
    env: { TOKEN: 'tk_secret' },
  }),
  alertmanager: (url: string) => ({
    value: { url: `${url}/prefix/`, user: 'isobar', password_env: 'PASSWORD' },
    env: { PASSWORD: 'password' },
  }),
  twilio: (url: string) => ({
    value: {
      url,
      account: `AC${'0'.repeat(32)}`,
      token_env: 'TOKEN',
      from: '+441632960960',
      to: ['+441632960961'],
    },
    env: { TOKEN: 'auth token' },
  }),
  sms: (url: string) => ({
    value: {
      url: `${url}/messages`,
      body: { to: ['{to}'], text: '{text}', priority: 1, auth: { key: '{key}' } },
      key_env: 'KEY',
      headers_env: { 'X-Api-Key': 'KEY' },
      to: ['+441632960961'],
    },
    env: { KEY: 'key of the gateway' },
  }),
} as const;

for (const [type, settingsOf] of Object.entries(CHANNELS)) {
  for (const [name, message] of Object.entries(CASES)) {
    test(`testcases/${type}/${name}: the request that is expected`, async () => {
      await using receiver = await openReceiver();
      const { value, env } = settingsOf(receiver.url);
      await using channel = await open({ type, ...value }, env);
      await channel.send(message, signal);
      const [request, ...more] = receiver.received;
      assert.deepEqual(more, []);
      assert.ok(request);
      const headers = Object.fromEntries(
        Object.entries(request.headers).filter(([header]) => SHOWN_HEADERS.test(header)),
      );
      const isForm = /form/.test(String(headers['content-type']));
      const body = isForm
        ? Object.fromEntries(new URLSearchParams(request.body))
        : JSON.parse(request.body);
      const { method, path } = request;
      compare(type, name, { method, path, headers, body });
    });
  }
}

for (const [name, message] of Object.entries(CASES)) {
  test(`testcases/email/${name}: the mail that is expected`, async () => {
    await using server = await openMailServer();
    await using channel = await open(server.settings, server.env);
    await channel.send(message, signal);
    const [mail, ...more] = server.mails;
    assert.deepEqual(more, []);
    assert.ok(mail);
    compare('email', name, {
      from: mail.from?.text,
      to: [mail.to ?? []].flat().map(({ text }) => text),
      subject: mail.subject,
      date: mail.date,
      messageId: mail.messageId,
      inReplyTo: mail.inReplyTo,
      references: mail.references,
      priority: mail.headers.get('priority'),
      'auto-submitted': mail.headers.get('auto-submitted'),
      text: mail.text?.split('\n'),
      html: (mail.html || '').split('\n'),
    });
  });
}

function compare(type: string, name: string, got: object): void {
  const golden = join(TESTCASES, type, name, 'expected.json');
  if (rewrites) {
    mkdirSync(dirname(golden), { recursive: true });
    writeFileSync(golden, `${JSON.stringify(got, null, 2)}\n`);
  }
  assert.ok(existsSync(golden), `${golden}: ISOBAR_GOLDENS=write makes it`);
  assert.deepEqual(JSON.parse(JSON.stringify(got)), JSON.parse(readFileSync(golden, 'utf8')));
}

test('a thread holds together: every later message of an incident answers the first', () => {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(TESTCASES, 'email', name, 'expected.json'), 'utf8'));
  const first: AlertMessage['key'] = read('opened').messageId;
  for (const name of ['reminder', 'resolved']) {
    assert.equal(read(name).inReplyTo, first);
    assert.deepEqual([read(name).references].flat(), [first]);
    assert.notEqual(read(name).messageId, first);
  }
  assert.notEqual(read('simulated-system').inReplyTo, first, 'that is another incident');
});
