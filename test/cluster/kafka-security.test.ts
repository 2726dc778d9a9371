/**
 * A broker that asks who one is, over encrypted connections: what fits gets in, what does not is a
 * named error within the limit, and no error holds a secret.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspect, promisify } from 'node:util';
import { cacheFolder, resolveDistribution } from '../../src/cluster/artifacts.ts';
import { kafkaServices } from '../../src/cluster/kafka.ts';
import { openPorts } from '../../src/cluster/ports.ts';
import { openService, type ServiceProcess } from '../../src/cluster/process.ts';
import type { ServiceSpec } from '../../src/cluster/service.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { type ErrorCode, IsobarError } from '../../src/errors.ts';
import { openLog } from '../../src/log/open.ts';
import { EVERYTHING, recordsOf } from '../../src/log/testing/records.ts';
import { absent, service } from './services.ts';

const run = promisify(execFile);
const SECRET = 'the right password';
const WRONG = 'not the right password';
const STORE = 'store-password';

/** An authority, and a certificate of it for 127.0.0.1, as PKCS12 for Java. */
async function makeCertificates(folder: string, authority: string): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const fresh = ['-newkey', 'rsa:2048', '-nodes'];
  const signed = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  await writeFile(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1\n');
  await openssl(
    ...['req', '-x509', ...fresh, '-days', '2', '-subj', `/CN=${authority}`],
    ...['-keyout', `${authority}.key`, '-out', `${authority}.pem`],
  );
  await openssl(
    ...['req', ...fresh, '-subj', '/CN=broker', '-keyout', 'broker.key', '-out', 'broker.csr'],
  );
  await openssl(
    ...['x509', '-req', '-days', '2', '-in', 'broker.csr', ...signed],
    ...['-extfile', 'san', '-out', 'broker.pem'],
  );
  await openssl(
    ...['pkcs12', '-export', '-in', 'broker.pem', '-inkey', 'broker.key'],
    ...['-out', 'broker.p12', '-passout', `pass:${STORE}`],
  );
}

interface SecuredPorts {
  readonly tls: number;
  readonly plain: number;
  readonly inner: number;
}

/** Users `isobar` and `stranger`; the second has no permission. */
function secured(spec: ServiceSpec, ports: SecuredPorts, folder: string): ServiceSpec {
  const jaas = 'org.apache.kafka.common.security';
  const users = ['isobar', 'stranger'];
  const lines = [
    spec.files['server.properties'],
    `listeners=INNER://127.0.0.1:${ports.inner},TLS://127.0.0.1:${ports.tls},` +
      `OPEN://127.0.0.1:${ports.plain},CONTROLLER://127.0.0.1:${ports.inner + 1}`,
    `advertised.listeners=INNER://127.0.0.1:${ports.inner},TLS://127.0.0.1:${ports.tls},` +
      `OPEN://127.0.0.1:${ports.plain}`,
    'listener.security.protocol.map=INNER:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL,OPEN:SASL_PLAINTEXT',
    'inter.broker.listener.name=INNER',
    `controller.quorum.voters=1@127.0.0.1:${ports.inner + 1}`,
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...['tls', 'open'].flatMap((name) => [
      `listener.name.${name}.plain.sasl.jaas.config=${jaas}.plain.PlainLoginModule required ` +
        `${users.map((user) => `user_${user}="${SECRET}"`).join(' ')};`,
      ...['256', '512'].map(
        (bits) =>
          `listener.name.${name}.scram-sha-${bits}.sasl.jaas.config=${jaas}.scram.ScramLoginModule required;`,
      ),
    ]),
    `ssl.keystore.location=${join(folder, 'broker.p12')}`,
    `ssl.keystore.password=${STORE}`,
    'ssl.keystore.type=PKCS12',
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:ANONYMOUS;User:isobar',
    'allow.everyone.if.no.acl.found=false',
  ];
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    users.flatMap((user) => ['--add-scram', `${mechanism}=[name=${user},password=${SECRET}]`]),
  );
  return {
    ...spec,
    name: 'kafka-secured',
    files: { ...spec.files, 'server.properties': `${lines.join('\n')}\n` },
    prepare: (spec.prepare ?? []).map((java) => [...java, ...scram]),
    ready: (probe) => probe.said('Kafka Server started'),
  };
}

const isThere = service('kafka') !== null;

describe('a broker that asks who one is', { skip: !isThere && absent('kafka') }, () => {
  let folder: string;
  let broker: ServiceProcess;
  let ports: SecuredPorts;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isobar-secured-'));
    await makeCertificates(folder, 'authority');
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=other'],
      ...['-keyout', join(folder, 'other.key'), '-out', join(folder, 'other.pem')],
    ]);
    const given = await openPorts(join(folder, 'ports.json'));
    const inner = await given.of('inner');
    ports = { inner, tls: await given.of('tls'), plain: await given.of('plain') };
    const distribution = await resolveDistribution('kafka', cacheFolder(process.env));
    const nodes = [{ port: inner, controllerPort: await given.of('controller') }];
    const [spec] = kafkaServices({ distribution, nodes, heapMib: 384 });
    assert.ok(spec !== undefined);
    broker = openService(secured(spec, ports, folder), folder);
    await broker.start();
  });
  after(async () => {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function configOf(kafka: Partial<Config['log']['kafka']>): Config['log'] {
    const { log } = loadConfig({ file: null, env: {}, flags: { 'log.engine': 'kafka' } }).config;
    const good = {
      brokers: `127.0.0.1:${ports.tls}`,
      timeout_s: 5,
      tls: true,
      tls_authority: join(folder, 'authority.pem'),
      mechanism: 'scram-sha-512' as const,
      user: 'isobar',
      password: SECRET,
    };
    return { ...log, kafka: { ...log.kafka, ...good, ...kafka } };
  }

  async function refused(
    kafka: Partial<Config['log']['kafka']>,
    code: ErrorCode,
    words = /./,
  ): Promise<void> {
    const place = await mkdtemp(join(folder, 'place-'));
    const started = performance.now();
    await assert.rejects(
      openLog(configOf(kafka), place).then((log) => log[Symbol.asyncDispose]()),
      (error) => {
        assert.ok(error instanceof IsobarError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, words);
        const all = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error);
        assert.ok(!all.includes(SECRET) && !all.includes(WRONG), all);
        return true;
      },
    );
    assert.ok(performance.now() - started < 7_000, 'it took too long');
  }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    it(`lets in with ${mechanism}, encrypted and not`, async () => {
      for (const tls of [true, false]) {
        const place = await mkdtemp(join(folder, 'place-'));
        const brokers = `127.0.0.1:${tls ? ports.tls : ports.plain}`;
        const topic = `${mechanism}-${tls}`;
        await using log = await openLog(configOf({ mechanism, tls, brokers, topic }), place);
        await log.append(recordsOf(30));
        let found = 0;
        for (let partition = 0; partition < log.partitionCount; partition++) {
          found += (await log.read(partition, 0n, EVERYTHING)).length;
        }
        assert.equal(found, 30);
        assert.ok((await log.size()).bytes > 0);
      }
    });

    it(`refuses a wrong password with ${mechanism}`, () =>
      refused({ mechanism, password: WRONG }, 'LOG_LOGIN_REFUSED'));
  }

  it('refuses a certificate of an authority that is not trusted, or of none named', async () => {
    await refused({ tls_authority: join(folder, 'other.pem') }, 'LOG_TLS');
    await refused({ tls_authority: '' }, 'LOG_TLS');
  });

  it('says that one side encrypts and the other does not', async () => {
    await refused({ tls: false, mechanism: 'none' }, 'LOG_TLS');
    await refused({ tls: false }, 'LOG_UNAVAILABLE', /the port may expect TLS, or a login/);
    await refused({ brokers: `127.0.0.1:${ports.plain}` }, 'LOG_TLS');
  });

  it('says that a login is missing, or that the user has no permission', async () => {
    await refused({ mechanism: 'none' }, 'LOG_UNAVAILABLE', /may expect TLS, or a login/);
    await refused({ user: 'stranger' }, 'LOG_FORBIDDEN');
  });

  it('refuses a file of authorities that is not there', () =>
    refused({ tls_authority: join(folder, 'missing.pem') }, 'CONFIG_INVALID'));
});
