import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { rejects } from '../../../test/support/rejects.ts';
import { openMailServer } from '../testing/mail-server.ts';
import { MESSAGE, messageOf } from '../testing/messages.ts';
import { open } from '../testing/open.ts';

const signal = new AbortController().signal;
const answer = (code: number, text: string) =>
  Object.assign(new Error(text), { responseCode: code });

test('a message arrives encrypted, from the user who logged in', async () => {
  const sessions: { secure: boolean; user: unknown }[] = [];
  await using server = await openMailServer({
    onMailFrom(_address, { secure, user }, done) {
      sessions.push({ secure, user });
      done();
    },
  });
  await using channel = await open(server.settings, server.env);
  await channel.check(signal);
  assert.equal(server.mails.length, 0, 'a check sends nothing');
  await channel.send(MESSAGE, signal);
  assert.deepEqual(sessions, [{ secure: true, user: 'isobar' }]);
  assert.equal(server.mails.length, 1);
});

test('a message that is sent twice is the same mail', async () => {
  await using server = await openMailServer();
  await using channel = await open(server.settings, server.env);
  await channel.send(MESSAGE, signal);
  await channel.send(MESSAGE, signal);
  const [first, second] = server.mails.map(({ messageId }) => messageId);
  assert.ok(first);
  assert.equal(first, second);
});

test('an authority that cannot be read is named with its setting', async () => {
  await using server = await openMailServer();
  const settings = { ...server.settings, tls_authority: '/nowhere/authority.pem' };
  const error = await rejects(open(settings, server.env), 'CONFIG_INVALID');
  assert.match(
    error.message,
    /^channels\..+\.tls_authority: \/nowhere\/authority\.pem: the file does not exist$/,
  );
});

test('TLS from the beginning works, too', async () => {
  await using server = await openMailServer({ secure: true });
  await using channel = await open({ ...server.settings, security: 'tls' }, server.env);
  await channel.check(signal);
  await channel.send(MESSAGE, signal);
  assert.equal(server.mails.length, 1);
});

test('a wrong password is refused, and is in no error', async () => {
  await using server = await openMailServer();
  const wrong = 'not-the-password-at-all';
  await using channel = await open(server.settings, { PASSWORD: wrong });
  const attempts = [() => channel.send(MESSAGE, signal), () => channel.check(signal)];
  for (const attempt of attempts) {
    const error = await rejects(attempt(), 'CHANNEL_REFUSED');
    assert.match(error.message, /^channel ops: localhost:\d+: it answers 535 no such user isobar$/);
    for (const form of [wrong, Buffer.from(wrong).toString('base64')]) {
      assert.ok(!JSON.stringify(error.details).includes(form) && !error.message.includes(form));
    }
  }
});

test('a server without STARTTLS gets neither login nor message', async () => {
  const commands: string[] = [];
  await using server = await openMailServer({
    hideSTARTTLS: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ method }, _session, done) {
      commands.push(method);
      done(null, { user: 'isobar' });
    },
  });
  await using channel = await open(server.settings, server.env);
  const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
  assert.match(error.message, /it offers no encryption \(STARTTLS\), which is required$/);
  await rejects(channel.check(signal), 'CHANNEL_UNAVAILABLE');
  assert.deepEqual([commands, server.mails], [[], []]);
});

test('a certificate that is not trusted ends the attempt before the login', async () => {
  for (const secure of [false, true]) {
    const logins: string[] = [];
    await using server = await openMailServer({
      secure,
      onAuth({ method }, _session, done) {
        logins.push(method);
        done(null, { user: 'isobar' });
      },
    });
    const { tls_authority: _, ...untrusting } = server.settings;
    const settings = { ...untrusting, security: secure ? 'tls' : 'starttls' };
    await using channel = await open(settings, server.env);
    const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
    assert.match(error.message, /its certificate is not of an authority that is trusted/);
    assert.deepEqual([logins, server.mails], [[], []]);
  }
});

test('a temporary answer is tried again later, a permanent one is not', async () => {
  for (const [at, code, expected] of [
    ['onMailFrom', 452, 'CHANNEL_UNAVAILABLE'],
    ['onMailFrom', 550, 'CHANNEL_REFUSED'],
    ['onRcptTo', 452, 'CHANNEL_UNAVAILABLE'],
    ['onRcptTo', 550, 'CHANNEL_REFUSED'],
    ['onData', 452, 'CHANNEL_UNAVAILABLE'],
    ['onData', 552, 'CHANNEL_REFUSED'],
    ['onConnect', 421, 'CHANNEL_UNAVAILABLE'],
    ['onConnect', 554, 'CHANNEL_REFUSED'],
  ] as const) {
    const refuse = (...args: readonly unknown[]) => {
      const done = args.at(-1) as (error: Error) => void;
      if (at === 'onData') (args[0] as NodeJS.ReadableStream).resume();
      done(answer(code, 'not now'));
    };
    await using server = await openMailServer({ [at]: refuse });
    await using channel = await open(server.settings, server.env);
    const error = await rejects(channel.send(MESSAGE, signal), expected);
    assert.match(error.message, new RegExp(`it answers ${code} .*not now`), at);
    assert.equal(server.mails.length, 0);
  }
});

test('of several recipients only those are tried again that did not get it', async () => {
  let isFull = true;
  await using server = await openMailServer({
    onRcptTo({ address }, _session, done) {
      if (address.startsWith('unknown')) done(answer(550, 'no such user'));
      else if (address.startsWith('full') && isFull) done(answer(452, 'mailbox full'));
      else done();
    },
  });
  const to = ['ops@example.org', 'full@example.org', 'unknown@example.org'];
  await using channel = await open({ ...server.settings, to }, server.env);
  await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
  isFull = false;
  // All that can get it have it now; what is left is for the fallback.
  const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_REFUSED');
  assert.match(error.message, /550 no such user/);
  assert.deepEqual(server.recipients, [['ops@example.org'], ['full@example.org']]);
});

/** A server that accepts connections and does `then` with each. */
async function openSilent(then: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    then(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const PLAIN = { type: 'email', host: '127.0.0.1', security: 'none' };
const TO = { from: 'isobar@example.org', to: ['ops@example.org'] };

test('a server that hangs ends the attempt in time', async () => {
  const hang = async (greeting: string) => {
    await using server = await openSilent((socket) => socket.write(greeting));
    await using channel = await open({ ...PLAIN, ...TO, port: server.port, timeout: '1s' });
    const attempts = [channel.send(MESSAGE, signal), channel.check(signal)];
    for (const error of await Promise.all(
      attempts.map((attempt) => rejects(attempt, 'CHANNEL_UNAVAILABLE')),
    )) {
      assert.match(error.message, /no answer (within 1s|in time)$/);
    }
  };
  await Promise.all(['', '220 hello\r\n', '220-endless\r\n'].map(hang));
});

/** A server that speaks: what it answers to each line, for as long as the connection lasts. */
const speaking = (answer: (line: string, socket: Socket) => void) =>
  openSilent((socket) => {
    socket.write('220 hello\r\n');
    socket.setEncoding('utf8').on('data', (line: string) => answer(line, socket));
  });

test('a server that never comes to an end does not hold the attempt', async () => {
  await using server = await speaking((_, socket) => {
    const timer = setInterval(() => socket.write('250-and more\r\n'), 50);
    socket.once('close', () => clearInterval(timer));
  });
  await using channel = await open({ ...PLAIN, ...TO, port: server.port, timeout: '1s' });
  const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
  assert.match(error.message, /no answer within 1s$/);
  while (server.sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a server that repeats the login does not bring it into the error', async () => {
  for (const method of ['PLAIN', 'LOGIN']) {
    const said: string[] = [];
    await using server = await speaking((line, socket) => {
      said.push(line.trim());
      if (line.startsWith('EHLO')) socket.write(`250-here\r\n250 AUTH ${method}\r\n`);
      else if (method === 'LOGIN' && said.length < 4) socket.write('334 VXNlcm5hbWU6\r\n');
      else socket.write(`535 I know no ${said.join(' ')}\r\n`);
    });
    const login = { user: 'isobar', password_env: 'PASSWORD' };
    const env = { PASSWORD: 'a-canary-of-a-password' };
    await using channel = await open({ ...PLAIN, ...TO, ...login, port: server.port }, env);
    const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_REFUSED');
    assert.match(error.message, /535 I know no EHLO .*\*\*\*/);
    for (const text of [env.PASSWORD, `\0isobar\0${env.PASSWORD}`]) {
      assert.ok(!error.message.includes(Buffer.from(text).toString('base64')), method);
    }
  }
});

test('a connection that is cut or refused is tried again later', async () => {
  const cut = await openSilent((socket) => socket.end('220 hello\r\n', () => socket.destroy()));
  await using channel = await open({ ...PLAIN, ...TO, port: cut.port });
  await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
  await cut[Symbol.asyncDispose]();
  const error = await rejects(channel.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
  assert.match(error.message, /the connection was refused$/);
  await using nowhere = await open({ ...PLAIN, ...TO, host: 'nowhere.localhost', port: 1 });
  await rejects(nowhere.send(MESSAGE, signal), 'CHANNEL_UNAVAILABLE');
});

test('an attempt ends as soon as it is cancelled, and leaves no connection', async () => {
  const stopping = new AbortController();
  await using server = await openSilent(() => stopping.abort(new Error('stopped')));
  await using channel = await open({ ...PLAIN, ...TO, port: server.port, timeout: '2m' });
  await assert.rejects(channel.send(MESSAGE, stopping.signal), /stopped/);
  await assert.rejects(channel.check(stopping.signal), /stopped/);
  while (server.sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('no text adds a header or a recipient', async () => {
  await using server = await openMailServer();
  await using channel = await open(server.settings, server.env);
  const evil = 'x\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>\r\n.\r\nQUIT\r\n';
  const message = messageOf(
    { key: evil, url: `javascript:${evil}` },
    {
      ...{ rule: evil, city: evil, summary: evil, unit: evil, note: evil, incident_id: evil },
      ...{ acknowledged_by: evil, subjects: [evil] },
    },
  );
  await channel.send(message, signal);
  const [mail] = server.mails;
  assert.ok(mail);
  assert.deepEqual(server.recipients, [['ops@example.org']]);
  assert.equal(mail.bcc, undefined);
  assert.match(mail.subject ?? '', /\\u000d\\nBcc: victim/);
  assert.ok(!(mail.html || '').includes('<script'));
  assert.ok(!(mail.html || '').includes('javascript:'));
});
