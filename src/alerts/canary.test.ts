/** Secrets go through a failing day: they must be in no error, no line, no problem and no message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { pause } from '../waiting.ts';
import { checkChannels } from './check-channels.ts';
import { startOutbox } from './outbox.ts';
import { openMailServer } from './testing/mail-server.ts';
import { openMemoryStore } from './testing/memory-store.ts';
import { open } from './testing/open.ts';
import { openReceiver, type Received } from './testing/receiver.ts';

const CANARY = 'canary/key+0123456789';
const USER = 'isobar';
const ACCOUNT = `AC${'0'.repeat(32)}`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const FORMS = [
  ...[CANARY, encodeURIComponent(CANARY), CANARY.replace('+', ' '), 'canary%2Fkey', 'key+0123'],
  ...[CANARY, `${USER}:${CANARY}`, `${ACCOUNT}:${CANARY}`, `\0${USER}\0${CANARY}`].map(base64),
];
const PHONES = { to: ['+441632960961', '+441632960962'] };

const settingsOf = (url: string): Record<string, object> => ({
  webhook: { url, secret_env: 'S', headers_env: { Authorization: 'S', 'X-Key': 'S' } },
  'webhook-secret': { type: 'webhook', url_env: 'URL' },
  slack: { url_env: 'URL' },
  teams: { url_env: 'URL' },
  discord: { url_env: 'URL' },
  ntfy: { url: `${url}/topic`, token_env: 'S' },
  alertmanager: { url, user: USER, password_env: 'S' },
  'alertmanager-token': { type: 'alertmanager', url, token_env: 'S' },
  twilio: { url, account: ACCOUNT, token_env: 'S', from: 'Weather', ...PHONES },
  sms: { url, key_env: 'S', body: { to: '{to}', text: '{text}', key: '{key}' }, ...PHONES },
  form: {
    type: 'sms',
    format: 'form',
    url,
    key_env: 'S',
    body: { to: '{to}', text: '{text}', key: '{key}' },
    ...PHONES,
  },
});

/** Receivers that repeat all that they got, and others that break off. */
const answerOf =
  (at: number) => (request: Received, response: import('node:http').ServerResponse) => {
    if (at % 4 === 3) response.destroy();
    else response.writeHead([503, 400, 302][at % 4] ?? 500).end(JSON.stringify(request));
  };

test('no secret is to be found after a failing day', async () => {
  await using receiver = await openReceiver();
  let requests = 0;
  receiver.answer = (request, response) => answerOf(requests++)(request, response);
  await using mailServer = await openMailServer({
    onAuth: ({ username, password }, _session, done) =>
      done(Object.assign(new Error(`bad ${username} ${password}`), { responseCode: 535 })),
  });
  const env = { S: CANARY, PASSWORD: CANARY, URL: `${receiver.url}/hooks/${CANARY}?key=${CANARY}` };
  await using stack = new AsyncDisposableStack();
  const settings = { ...settingsOf(receiver.url), email: mailServer.settings };
  const channels = await Promise.all(
    Object.entries(settings).map(async ([name, value]) =>
      stack.use(await open({ type: name, ...value }, env, name)),
    ),
  );
  const stopping = new AbortController();
  const store = openMemoryStore();
  const said: string[] = [];
  const note = (details: object | string, text = '') => {
    said.push(`${JSON.stringify(details)} ${text}`);
  };
  const outbox = startOutbox({
    store,
    channels: channels.map((channel) => ({ channel, giveUpAfterMs: 3_600_000, fallback: null })),
    logger: { info: note, warn: note },
    urlOf: () => null,
    delays: { least: 1, most: 10 },
    signal: stopping.signal,
  });
  for (const { name } of channels) for (const at of [1, 2, 3]) store.add(name, `${name}${at}`);
  outbox.wake();
  while (store.waiting() > 0) await pause(5);
  said.push(inspect(outbox.states, { depth: 9 }));
  stopping.abort();
  await outbox.ended;
  const { signal } = new AbortController();
  for (const { problem } of await checkChannels(channels, signal)) {
    said.push(inspect(problem, { depth: 9 }));
  }
  for (const { name } of channels) {
    for (const at of [1, 2, 3]) said.push(store.entry(`${name}${at}`)?.problem ?? '');
  }
  // What is sent to people: all but the field that is made for the secret.
  for (const { body } of receiver.received) said.push(body.replace(/(key=|"key":")[^&"]*/, ''));
  assert.ok(said.join('').length > 10_000, 'the day left traces to look through');
  assert.ok(
    said.some((line) => line.includes('***')),
    'receivers repeated secrets',
  );
  for (const form of FORMS) {
    const found = said.filter((line) => line.includes(form));
    assert.deepEqual(found, [], form);
  }
});
