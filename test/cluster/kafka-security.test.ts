/**
 * A broker that asks who one is, over encrypted connections: what fits gets in, what does not is a
 * named error within the limit, no error holds a secret, and a session that ends is renewed in time.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { connectionsApiChannel, connectionsConnectsChannel } from '@platformatic/kafka';
import type { Config } from '../../src/config/schema.ts';
import { type ErrorCode, IsobarError, isErrorCode } from '../../src/errors.ts';
import type { Log } from '../../src/log/log.ts';
import { openLog } from '../../src/log/open.ts';
import { EVERYTHING, recordsOf } from '../../src/log/testing/records.ts';
import { certify, SECRET, type SecuredBroker, startSecuredBroker } from './secured-broker.ts';
import { absent, service } from './services.ts';

const WRONG = 'not the right password';
const CLIENT_SECRET = 'the secret of the client';
/** Sessions are renewed after four fifths of it. */
const SESSION_MS = 5_000;
const SASL_HANDSHAKE = 17;

const isThere = service('kafka') !== null;

describe('a broker that asks who one is', { skip: !isThere && absent('kafka') }, () => {
  let broker: SecuredBroker;

  before(async () => {
    broker = await startSecuredBroker({
      ...{ users: ['isobar', 'stranger'], superUsers: ['isobar', 'CN=isobar'] },
      sessionMs: SESSION_MS,
    });
  });
  after(() => broker?.[Symbol.asyncDispose]());

  const place = () => mkdtemp(join(broker.folder, 'place-'));
  const authority = (name: string) => join(broker.folder, `${name}.pem`);

  /** With certificates, on the listener that asks for them. */
  function mutual(files: Partial<Config['log']['kafka']>): Partial<Config['log']['kafka']> {
    const brokers = `127.0.0.1:${broker.ports.mutual}`;
    return { mechanism: 'none', brokers, ...files };
  }

  function bearer(oauth: Partial<Config['log']['kafka']['oauth']> = {}) {
    const known = {
      token_url: broker.issuer.url,
      client_id: 'weather',
      client_secret: CLIENT_SECRET,
    };
    const rest = broker.configOf().kafka.oauth;
    return { mechanism: 'oauthbearer' as const, oauth: { ...rest, ...known, ...oauth } };
  }

  async function refused(
    kafka: Partial<Config['log']['kafka']>,
    code: ErrorCode,
    words = /./,
  ): Promise<void> {
    const started = performance.now();
    await assert.rejects(
      openLog(broker.configOf(kafka), await place()).then((log) => log[Symbol.asyncDispose]()),
      (error) => {
        assert.ok(error instanceof IsobarError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, words);
        const all = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error);
        const secrets = [SECRET, WRONG, CLIENT_SECRET, ...broker.issuer.given];
        for (const secret of secrets) assert.ok(!all.includes(secret), all);
        return true;
      },
    );
    assert.ok(performance.now() - started < 7_000, 'it took too long');
  }

  /** Appends, reads all of it back, and asks for the size. */
  async function assertWorks(kafka: Partial<Config['log']['kafka']>): Promise<void> {
    await using log = await openLog(broker.configOf(kafka), await place());
    await log.append(recordsOf(30));
    assert.equal((await readAll(log)).length, 30);
    assert.ok((await log.size()).bytes > 0);
  }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const) {
    it(`lets in with ${mechanism}, encrypted and not`, async () => {
      for (const tls of [true, false]) {
        const brokers = `127.0.0.1:${tls ? broker.ports.tls : broker.ports.plain}`;
        await assertWorks({ ...bearer(), mechanism, tls, brokers, topic: `${mechanism}-${tls}` });
      }
    });
  }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    it(`refuses a wrong password with ${mechanism}`, () =>
      refused({ mechanism, password: WRONG }, 'LOG_LOGIN_REFUSED'));
  }

  it('refuses a certificate of an authority that is not trusted, or of none named', async () => {
    await refused({ tls_authority: authority('other') }, 'LOG_TLS');
    await refused({ tls_authority: '' }, 'LOG_TLS');
  });

  it('says that one side encrypts and the other does not', async () => {
    const { plain } = broker.ports;
    await refused({ tls: false, mechanism: 'none' }, 'LOG_TLS');
    await refused({ tls: false }, 'LOG_UNAVAILABLE', /the port may expect TLS, or a login/);
    await refused({ brokers: `127.0.0.1:${plain}` }, 'LOG_TLS');
  });

  it('says that a login is missing, or that the user has no permission', async () => {
    await refused({ mechanism: 'none' }, 'LOG_UNAVAILABLE', /may expect TLS, or a login/);
    await refused({ user: 'stranger' }, 'LOG_FORBIDDEN', /lacks DESCRIBE on topic weather_data/);
  });

  it('refuses a file of authorities that is not there', () =>
    refused({ tls_authority: authority('missing') }, 'CONFIG_INVALID'));

  it('lets in who shows a certificate, and only new connections show the renewed one', async () => {
    const files = await broker.certify('isobar');
    const config = broker.configOf(mutual({ ...files, topic: 'mutual' }));
    await using log = await openLog(config, await place());
    await log.append(recordsOf(10));
    // Of a name that may do nothing, so that it is seen which one a connection shows.
    const renewed = await broker.certify('unknown');
    await copyFile(renewed.tls_certificate_file, files.tls_certificate_file);
    // The certificate does not fit the key: a connection that is opened now shows the old one.
    await log.range(0);
    await copyFile(renewed.tls_key_file, files.tls_key_file);
    await assert.rejects(readAll(log), (error) => isErrorCode(error, 'LOG_FORBIDDEN'));
    await log.append(recordsOf(10));
    await log.range(0);
  });

  it('says that the brokers want a certificate, or another one', async () => {
    await refused(mutual({}), 'LOG_TLS', /want a certificate of ours/);
    const stranger = await certify(broker.folder, 'stranger', 'other');
    await refused(mutual(stranger), 'LOG_TLS', /do not take the one that was shown/);
    const unknown = await broker.certify('unknown');
    await refused(mutual({ ...unknown, topic: 'mutual' }), 'LOG_FORBIDDEN', /topic mutual/);
  });

  it('says that the token is refused, and gets another one next time', async () => {
    const { issuer } = broker;
    const tokens = [issuer.token(-3_600), 'not.a.token'];
    try {
      for (const access_token of tokens) {
        const answer = JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 300 });
        issuer.answer = (response) => response.end(answer);
        await refused(bearer(), 'LOG_LOGIN_REFUSED', /refuse the token|SASL/);
      }
    } finally {
      issuer.answer = null;
    }
    await assertWorks({ ...bearer(), topic: 'again' });
  });

  it('says what is wrong with the token endpoint, within the limit', async () => {
    const { issuer } = broker;
    const answered = async (status: number, body: string, code: ErrorCode, words: RegExp) => {
      issuer.answer = (response) => response.writeHead(status).end(body);
      await refused(bearer(), code, words);
    };
    try {
      await answered(401, '{"error":"invalid_client"}', 'LOG_NO_TOKEN', /invalid_client, 401/);
      await answered(503, '', 'LOG_UNAVAILABLE', /token endpoint .*answers 503/);
      issuer.answer = () => {};
      await refused(bearer(), 'LOG_UNAVAILABLE', /token endpoint .*: no answer within 2 s/);
    } finally {
      issuer.answer = null;
    }
    await refused(bearer({ client_secret: '' }), 'CONFIG_INVALID', /client_secret: expected/);
    const gone = bearer({ token_url: 'http://127.0.0.1:9/token' });
    await refused(gone, 'LOG_UNAVAILABLE', /token endpoint .*ECONNREFUSED/);
  });

  for (const mechanism of ['scram-sha-256', 'oauthbearer'] as const) {
    it(`renews sessions of ${mechanism} on the same connection while records flow`, async () => {
      const { issuer } = broker;
      issuer.lifetimeS = 8;
      const topic = `renewed-${mechanism}`;
      const config = broker.configOf({ ...bearer(), mechanism, topic });
      await using log = await openLog(config, await place());
      await log.append(recordsOf(1));
      await readAll(log);
      await log.range(0);
      using count = countConnections();
      const asked = issuer.requests.length;
      let appended = 1;
      const ended = performance.now() + 4 * SESSION_MS;
      while (performance.now() < ended) {
        // More than the library has under way at a time: some wait while it logs in again.
        const ranges = Array.from({ length: 30 }, (_, n) => log.range(n % log.partitionCount));
        await Promise.all([log.append(recordsOf(20)), readAll(log), ...ranges]);
        appended += 20;
      }
      assert.equal((await readAll(log)).length, appended, 'each record is there once');
      assert.equal(count.connects, 0, 'no connection was opened anew');
      assert.ok(count.logins >= 12, `${count.logins} logins of four connections`);
      if (mechanism === 'oauthbearer') {
        const requests = issuer.requests.length - asked;
        assert.ok(requests >= 2 && requests <= 5, `${requests} tokens in 20 s, each for 8 s`);
      }
      issuer.lifetimeS = 300;
    });
  }

  it('goes on with a valid token while the endpoint is away, and ends as asked', async () => {
    const { issuer } = broker;
    issuer.lifetimeS = 30;
    const config = broker.configOf({ ...bearer(), topic: 'away' });
    await using log = await openLog(config, await place());
    try {
      issuer.answer = (response) => response.writeHead(503).end();
      using count = countConnections();
      const ended = performance.now() + 2 * SESSION_MS;
      let appended = 0;
      while (performance.now() < ended) {
        await log.append(recordsOf(20));
        appended += 20;
      }
      assert.equal((await readAll(log)).length, appended);
      assert.ok(count.logins > 0);
    } finally {
      [issuer.answer, issuer.lifetimeS] = [null, 300];
    }
  });
});

async function readAll(log: Log) {
  const found = Array.from({ length: log.partitionCount }, (_, partition) =>
    log.read(partition, 0n, EVERYTHING),
  );
  return (await Promise.all(found)).flat();
}

/** Connections that are opened and logins on them, from now on. */
function countConnections() {
  const count = { connects: 0, logins: 0 };
  const connect = {
    start: () => {
      count.connects += 1;
    },
  };
  const request = {
    start: (message: unknown) => {
      if ((message as { apiKey?: unknown }).apiKey === SASL_HANDSHAKE) count.logins += 1;
    },
  };
  connectionsConnectsChannel.subscribe(connect as never);
  connectionsApiChannel.subscribe(request as never);
  return {
    get connects() {
      return count.connects;
    },
    get logins() {
      return count.logins;
    },
    [Symbol.dispose]() {
      connectionsConnectsChannel.unsubscribe(connect as never);
      connectionsApiChannel.unsubscribe(request as never);
    },
  };
}
