/** What each answer of a receiver means, for every channel that calls by HTTP. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { rejects } from '../../../test/support/rejects.ts';
import { makeTrust } from '../../../test/support/trust.ts';
import type { ErrorCode } from '../../errors.ts';
import { MESSAGE } from '../testing/messages.ts';
import { NOW, open } from '../testing/open.ts';
import { openReceiver, type Receiver } from '../testing/receiver.ts';

const signal = new AbortController().signal;
const SECRET = 'canary-0123456789-secret';
const PHONES = { from: '+441632960960', to: ['+441632960961'] };

const OPENERS = {
  webhook: (url: string) => ({ url, secret_env: 'S', headers_env: { Authorization: 'S' } }),
  slack: () => ({ url_env: 'URL' }),
  teams: () => ({ url_env: 'URL' }),
  discord: () => ({ url_env: 'URL' }),
  ntfy: (url: string) => ({ url: `${url}/topic`, token_env: 'S' }),
  alertmanager: (url: string) => ({ url, user: 'isobar', password_env: 'S' }),
  twilio: (url: string) => ({ url, account: `AC${'0'.repeat(32)}`, token_env: 'S', ...PHONES }),
  sms: (url: string) => ({
    url,
    body: { to: '{to}', text: '{text}', key: '{key}' },
    key_env: 'S',
    to: PHONES.to,
  }),
} as const;
const TYPES = Object.keys(OPENERS) as (keyof typeof OPENERS)[];

const openOf = (type: keyof typeof OPENERS, url: string, timeout = '5s') =>
  open({ type, timeout, ...OPENERS[type](url) }, { S: SECRET, URL: `${url}/hooks/${SECRET}` });

/** As an address, a header and a form would carry it. */
const FORMS = [
  SECRET,
  Buffer.from(`isobar:${SECRET}`).toString('base64'),
  Buffer.from(`AC${'0'.repeat(32)}:${SECRET}`).toString('base64'),
];

type Answer = (response: ServerResponse, receiver: Receiver) => void;
const answers = (status: number, body = '', headers = {}): Answer => {
  return (response) => response.writeHead(status, headers).end(body);
};
/** Says all that it got, as some servers do in their errors. */
const echo: Answer = (response, { received }) => {
  response.writeHead(400).end(JSON.stringify(received.at(-1)));
};
let endlessBytes = 0;
const endless: Answer = (response) => {
  response.writeHead(400);
  endlessBytes = 0;
  const more = () => {
    if (response.destroyed) return;
    endlessBytes += 65_536;
    if (response.write('x'.repeat(65_536))) setImmediate(more);
    else response.once('drain', more);
  };
  more();
};

const CASES: readonly (readonly [string, Answer, ErrorCode | null, RegExp])[] = [
  ['200', answers(200), null, /^$/],
  ['204', answers(204), null, /^$/],
  ['200 and much more', answers(200, 'x'.repeat(5_000_000)), null, /^$/],
  ['400', answers(400, 'invalid_payload'), 'CHANNEL_REFUSED', /answers 400: invalid_payload$/],
  ['401', answers(401), 'CHANNEL_REFUSED', /answers 401$/],
  [
    '404',
    answers(404, '\u001b[31mno such\nhook'),
    'CHANNEL_REFUSED',
    /\\u001b\[31mno such\\nhook$/,
  ],
  ['what it got', echo, 'CHANNEL_REFUSED', /answers 400: \{/],
  ['408', answers(408), 'CHANNEL_UNAVAILABLE', /answers 408$/],
  ['429', answers(429), 'CHANNEL_UNAVAILABLE', /answers 429$/],
  ['500', answers(500, '<html>oops'), 'CHANNEL_UNAVAILABLE', /answers 500: <html>oops$/],
  ['503', answers(503), 'CHANNEL_UNAVAILABLE', /answers 503$/],
  ['a redirect', answers(302, '', { Location: '/x' }), 'CHANNEL_REFUSED', /names another address/],
  ['an endless refusal', endless, 'CHANNEL_REFUSED', /answers 400: x+…$/],
  ['a cut connection', (r) => r.destroy(), 'CHANNEL_UNAVAILABLE', /the connection was cut$/],
  [
    'a cut answer',
    (response) => {
      response.writeHead(503, { 'Content-Length': '100' });
      response.write('so', () => response.destroy());
    },
    'CHANNEL_UNAVAILABLE',
    /answers 503(: so)?$/,
  ],
];

for (const type of TYPES) {
  test(`${type}: each answer means sent, later or never`, async () => {
    await using receiver = await openReceiver();
    await using channel = await openOf(type, receiver.url);
    for (const [name, answer, expected, pattern] of CASES) {
      receiver.answer = (_, response) => answer(response, receiver);
      receiver.received.length = 0;
      const attempt = channel.send(MESSAGE, signal);
      if (expected === null) {
        await attempt;
      } else {
        const error = await rejects(attempt, expected);
        assert.match(error.message, pattern, `${type}, ${name}`);
        assert.match(error.message, /^channel ops: 127\.0\.0\.1:\d+: /);
        for (const form of FORMS) {
          assert.ok(!JSON.stringify([error.message, error.details]).includes(form), name);
          assert.ok(!String(error.cause ?? '').includes(form), name);
        }
        assert.ok(error.message.length < 500);
      }
      assert.equal(receiver.received.length, 1, `${type}, ${name}: one request, no redirect`);
    }
    assert.ok(endlessBytes < 64 * 1024 * 1024, `${endlessBytes} bytes were taken`);
  });
}

test('every channel gives up on a receiver that hangs, and ends when it is cancelled', async () => {
  await Promise.all(
    TYPES.map(async (type) => {
      await using receiver = await openReceiver();
      receiver.answer = () => {};
      await using hurried = await openOf(type, receiver.url, '1s');
      const error = await rejects(hurried.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
      assert.match(error.message, /no answer within 1s$/);
      const stopping = new AbortController();
      receiver.answer = () => stopping.abort(new Error('stopped'));
      await using channel = await openOf(type, receiver.url, '2m');
      await assert.rejects(channel.send(MESSAGE, stopping.signal), /^Error: stopped$/);
      await assert.rejects(channel.check(stopping.signal), /^Error: stopped$/);
    }),
  );
});

test('a receiver that is away is tried again later', async () => {
  for (const type of TYPES) {
    const receiver = await openReceiver();
    await receiver[Symbol.asyncDispose]();
    await using channel = await openOf(type, receiver.url);
    const attempts = [() => channel.send(MESSAGE, signal), () => channel.check(signal)];
    for (const attempt of attempts) {
      const error = await rejects(attempt(), 'CHANNEL_UNAVAILABLE');
      assert.match(error.message, /the connection was refused$/, type);
    }
  }
});

test('a check sends no message', async () => {
  for (const type of TYPES) {
    await using receiver = await openReceiver();
    await using channel = await openOf(type, receiver.url);
    await channel.check(signal);
    assert.ok(
      receiver.received.every(({ method }) => method === 'GET'),
      type,
    );
  }
});

test('Retry-After is passed on as seconds or as a time, an hour at most', async () => {
  await using receiver = await openReceiver();
  await using channel = await openOf('webhook', receiver.url);
  const inAMinute = new Date(NOW.getTime() + 60_000).toUTCString();
  for (const [status, header, expected] of [
    [429, '30', 30_000],
    [429, '0.5', 500],
    [503, inAMinute, 60_000],
    [429, '99999999', 3_600_000],
    [429, '-5', undefined],
    [429, 'soon', undefined],
    [429, '1e9', undefined],
  ] as const) {
    receiver.answer = (_, response) => response.writeHead(status, { 'Retry-After': header }).end();
    const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
    assert.equal(error.details.retryAfterMs, expected, header);
  }
});

test('a receiver can prove with the secret who sent it and when', async () => {
  await using receiver = await openReceiver();
  await using channel = await openOf('webhook', receiver.url);
  await channel.send(MESSAGE, signal);
  const [request] = receiver.received;
  const [, t = '', v1 = ''] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request?.headers['isobar-signature'])) ?? [];
  assert.equal(Number(t), Math.floor(NOW.getTime() / 1_000));
  const own = createHmac('sha256', SECRET).update(`${t}.${request?.body}`).digest('hex');
  assert.equal(v1, own);
});

test('of several numbers only those are tried again that did not get it', async () => {
  for (const type of ['twilio', 'sms'] as const) {
    await using receiver = await openReceiver();
    const to = ['+441632960961', '+441632960962', '+441632960963'];
    await using channel = await open({ type, ...OPENERS[type](receiver.url), to }, { S: SECRET });
    let isBusy = true;
    receiver.answer = ({ body }, response) => {
      if (body.includes('960962')) response.statusCode = 400;
      if (body.includes('960963') && isBusy) response.statusCode = 503;
      response.end();
    };
    await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
    isBusy = false;
    await rejects(channel.send(MESSAGE, signal), 'CHANNEL_REFUSED');
    const numbers = receiver.received.map(({ body }) => /960(96[123])/.exec(body)?.[1]);
    assert.deepEqual(numbers, ['961', '962', '963', '963']);
    const keys = receiver.received.map(({ headers }) => headers['idempotency-key']);
    assert.equal(new Set(keys).size, 3, 'a key for each number');
  }
});

test('a receiver over https is trusted by the authority that its channel names', async () => {
  using trust = makeTrust();
  await using receiver = await openReceiver(trust.pair);
  for (const type of ['webhook', 'slack', 'ntfy', 'alertmanager', 'sms'] as const) {
    const openWith = (more: object) =>
      open(
        { type, timeout: '5s', ...OPENERS[type](receiver.url), ...more },
        { S: SECRET, URL: `${receiver.url}/hooks/${SECRET}` },
      );
    await using right = await openWith({ tls_authority: trust.authority });
    await right.check(signal);
    receiver.received.length = 0;
    await right.send(MESSAGE, signal);
    assert.equal(receiver.received.length, 1, type);
    for (const more of [{}, { tls_authority: trust.other }]) {
      await using wrong = await openWith(more);
      for (const trying of [wrong.check(signal), wrong.send(MESSAGE, signal)]) {
        const { message } = await rejects(trying, 'CHANNEL_UNAVAILABLE');
        assert.match(message, /its certificate is not of an authority that is trusted/, type);
      }
    }
    assert.equal(receiver.received.length, 1, type);
    await rejects(openWith({ tls_authority: '/nowhere.pem' }), 'CONFIG_INVALID');
  }
});
