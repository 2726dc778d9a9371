/** New certificates under open connections, pairs that do not fit, and how the server ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { until } from '../../../test/support/until.ts';
import { observation } from '../../table/testing/lake.ts';
import { openCertificate } from './certificate.ts';
import {
  ask2,
  DAY_MS,
  makePair,
  openLogRecorder,
  openPairFolder,
  openSecureApi,
  openSession,
  openTls,
} from './testing/secure-api.ts';

const OPEN = 50;

async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
  return String((await once(socket, 'data'))[0]);
}

/** Keeps what a stream of events sends. */
function follow(session: ClientHttp2Session): { readonly stream: ClientHttp2Stream; text: string } {
  const stream = session.request({ ':path': '/api/events' });
  const followed = { stream, text: '' };
  stream.setEncoding('utf8');
  stream.on('data', (part: string) => {
    followed.text += part;
  });
  return followed;
}

async function fingerprintOf(port: number, options = {}): Promise<string | undefined> {
  const socket = await openTls(port, options);
  const { fingerprint256 } = socket.getPeerX509Certificate() ?? {};
  socket.destroy();
  return fingerprint256;
}

test('connections and streams outlive a new certificate, which new ones get', async () => {
  await using secure = await openSecureApi();
  const { port, pairs, certificate, api } = secure;
  const before = certificate.pair.fingerprint;
  const sockets = await Promise.all(Array.from({ length: OPEN }, () => openTls(port)));
  const session = await openSession(port);
  const events = follow(session);
  const resumed = await openTls(port);
  resumed.resume();
  const [ticket] = await once(resumed, 'session');
  await until('the first events', async () => events.text !== '');

  for (let times = 1; times <= 3; times++) {
    const last = certificate.pair.fingerprint;
    pairs.replace(makePair());
    await until('the new certificate', async () => certificate.pair.fingerprint !== last);
  }
  const now = certificate.pair.fingerprint;
  assert.notEqual(now, before);
  assert.equal(await fingerprintOf(port), now);
  assert.equal(await fingerprintOf(port, { maxVersion: 'TLSv1.2' }), now);
  // Who comes back with a ticket of the old one meets the new one.
  assert.equal(await fingerprintOf(port, { session: ticket }), now);

  const answers = await Promise.all(sockets.map(ask));
  assert.ok(answers.every((answer) => answer.startsWith('HTTP/1.1 200 ')));
  assert.ok(sockets.every((one) => one.getPeerX509Certificate()?.fingerprint256 === before));
  assert.equal((await ask2(session, '/livez')).status, 200);
  api.put(0, observation('berlin', 1, { temperature_c: 7 }));
  await until('an event of afterwards', async () => events.text.includes('"temperature_c":7'));
  assert.equal(events.stream.closed, false);
  for (const socket of sockets) socket.destroy();
  session.destroy();
});

test('a pair that does not fit leaves the old one in use, with one warning', async () => {
  using pairs = openPairFolder();
  const logger = openLogRecorder();
  await using certificate = await openCertificate({ files: pairs.files, logger, pollMs: 10 });
  const first = certificate.pair.fingerprint;
  const other = makePair();
  for (const [spoil, expected] of [
    [
      () => pairs.replace({ ...other, key: makePair().key }),
      /key_file: .* not the key of the cert/,
    ],
    [() => writeFileSync(pairs.files.certificate_file, ''), /certificate_file: .*expected PEM/],
    [() => rmSync(pairs.files.key_file), /certificate_file: .*expected PEM/],
    [() => pairs.replace(makePair(1, new Date(Date.now() - 9 * DAY_MS))), /^api.* has expired at/],
    [() => chmodSync(pairs.files.key_file, 0o644), /key_file: .*chmod 600/],
  ] as const) {
    const warned = logger.lines.length;
    spoil();
    await until('a warning', async () => logger.lines.length > warned);
    const { error } = certificate.status();
    assert.match(error?.message ?? '', expected);
    assert.ok(logger.lines.at(-1)?.includes('going on with the one that is in use'));
    assert.equal(certificate.pair.fingerprint, first);
  }
  // Looked at many times, each is said once.
  assert.equal(logger.lines.length, 5);
  pairs.replace(other);
  await until('the good pair', async () => certificate.pair.fingerprint !== first);
  assert.equal(certificate.status().error, null);
});

test('the old pair, put back, ends the error', async () => {
  const own = makePair();
  using pairs = openPairFolder(own);
  const logger = openLogRecorder();
  await using certificate = await openCertificate({ files: pairs.files, logger, pollMs: 10 });
  pairs.replace({ ...own, key: makePair().key });
  await until('an error', async () => certificate.status().error !== null);
  pairs.replace(own);
  await until('no error', async () => certificate.status().error === null);
});

test('a certificate that ends while it is used is served on, and reported', async () => {
  await using secure = await openSecureApi({
    pair: makePair(1, new Date(Date.now() - 2 * DAY_MS)),
    change: (context) => ({
      ...context,
      status: async () => ({
        ...(await context.status()),
        certificate: context.certificate?.status() ?? null,
      }),
    }),
  });
  const { error } = secure.certificate.status();
  assert.equal(error?.code, 'CERTIFICATE_EXPIRED');
  assert.equal(secure.logger.lines.length, 1);
  assert.match(secure.logger.lines[0] ?? '', /serving with a certificate that visitors refuse/);
  await assert.rejects(openTls(secure.port), { code: 'CERT_HAS_EXPIRED' });
  const health = (await secure.api.app.inject('/healthz')).json();
  assert.equal(health.status, 'degraded');
  const codes = health.problems.map(({ code }: { code: string }) => code);
  assert.ok(codes.includes('CERTIFICATE_EXPIRED'), codes.join());
  const { body } = await secure.api.app.inject('/metrics');
  assert.match(body, /^isobar_api_certificate_failing 1$/m);
  assert.match(body, /^isobar_api_certificate_expiry_timestamp_seconds 1\d{9}$/m);
  secure.pairs.replace(makePair());
  await until('the new one', async () => secure.certificate.status().error === null);
  (await openTls(secure.port)).destroy();
});

test('closing says good-bye to streams, and does not wait for idle connections', async () => {
  await using secure = await openSecureApi();
  const { port } = secure;
  const session = await openSession(port);
  const events = follow(session);
  await until('the first events', async () => events.text !== '');
  const closing = [
    once(session, 'close'),
    ...[
      connectTcp(port, '127.0.0.1'),
      await openTls(port),
      await openTls(port, { ALPNProtocols: ['h2'] }),
      await openTls(port, { ALPNProtocols: ['http/1.1'] }),
    ].map((socket) => {
      socket.on('error', () => {}).resume();
      return once(socket, 'close');
    }),
  ];
  const used = await openTls(port);
  await ask(used);
  closing.push(once(used, 'close'));
  // One after all of them: they are with the server by then.
  assert.equal((await ask2(session, '/livez')).status, 200);
  const startedAt = performance.now();
  await secure.api.app.close();
  await Promise.all(closing);
  assert.ok(events.text.endsWith('event: bye\ndata: {}\n\n'), events.text.slice(-200));
  assert.ok(performance.now() - startedAt < 4_000, 'before connections are cut');
});

test('a viewer by HTTP/2 that does not read is dropped', async () => {
  await using secure = await openSecureApi();
  const session = await openSession(secure.port);
  const stream = session.request({ ':path': '/api/events' });
  await once(stream, 'response');
  const note = 'x'.repeat(20_000);
  await until('it is dropped', async () => {
    for (let times = 0; times < 50; times++) {
      secure.api.put(0, observation('berlin', 0, { conditions: note } as never));
    }
    const { body } = await secure.api.app.inject('/metrics');
    return /^isobar_api_event_viewers_dropped_total 1$/m.test(body);
  });
  session.destroy();
});

test('more connections than are allowed are closed, others go on', async () => {
  await using secure = await openSecureApi();
  const { server } = secure.api.app;
  server.maxConnections = 2;
  const [one, two] = [await openTls(secure.port), await openTls(secure.port)];
  await assert.rejects(openTls(secure.port));
  assert.match(await ask(one), /^HTTP\/1.1 200 /);
  for (const socket of [one, two]) socket.destroy();
});

test('a visitor by HTTP/2 who goes away while it is answered is counted, and harms nothing', async () => {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using secure = await openSecureApi({
    config: { trusted_proxies: '127.0.0.1' },
    change: (context) => ({
      ...context,
      async status() {
        asked.resolve();
        await gone.promise;
        throw new Error('unexpected');
      },
    }),
  });
  gone.promise.catch(() => {});
  const session = await openSession(secure.port);
  session.on('error', () => {});
  session.request({ ':path': '/api/status' }).on('error', () => {});
  await asked.promise;
  session.destroy();
  await until('the connection to end', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    secure.api.app.server.getConnections((_, count) => resolve(count));
    return (await promise) === 0;
  });
  gone.resolve();
  await until('the failure', () => secure.logger.lines.some((line) => line.includes('it failed')));
  await until('its line with the address', () =>
    secure.logger.lines.some((line) =>
      /^answered a request .*"client":"127\.0\.0\.1".*\/api\/status/.test(line),
    ),
  );
  await until('its count', async () => {
    const { body } = await secure.api.app.inject('/metrics');
    return /requests_total\{route="\/api\/status",method="GET",status="\d+"\} 1/.test(body);
  });
});
