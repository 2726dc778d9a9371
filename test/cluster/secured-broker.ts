/**
 * A broker of one's own that encrypts, asks who one is in each way, ends sessions, and permits
 * nothing that no rule permits.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, resolveDistribution } from '../../src/cluster/artifacts.ts';
import { kafkaServices } from '../../src/cluster/kafka.ts';
import { openPorts } from '../../src/cluster/ports.ts';
import { openService } from '../../src/cluster/process.ts';
import type { ServiceSpec } from '../../src/cluster/service.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import {
  AUDIENCE,
  ISSUER,
  startTokenEndpoint,
  type TokenEndpoint,
} from '../../src/log/testing/token-endpoint.ts';

export const run = promisify(execFile);
export const SECRET = 'the right password';
const STORE = 'store-password';

type Kafka = Config['log']['kafka'];

interface SecuredPorts {
  readonly tls: number;
  readonly plain: number;
  readonly mutual: number;
  readonly inner: number;
  readonly controller: number;
}

export interface SecuredBroker extends AsyncDisposable {
  readonly folder: string;
  readonly ports: SecuredPorts;
  /** Gives tokens for the user `isobar`. */
  readonly issuer: TokenEndpoint;
  /** The log over TLS as user `isobar`, with these settings changed. */
  configOf(kafka?: Partial<Kafka>): Config['log'];
  /** Before its time. */
  stop(): Promise<void>;
  /** A certificate of the authority for this name; resolves with its files. */
  certify(name: string): Promise<Pick<Kafka, 'tls_certificate_file' | 'tls_key_file'>>;
}

export interface SecuredOptions {
  /** With passwords; beside them there is `admin`, who may do everything. */
  readonly users: readonly string[];
  /** Who may do everything beside `admin`. */
  readonly superUsers?: readonly string[];
  /** Milliseconds after which brokers end a session, unless one logs in again. */
  readonly sessionMs?: number;
}

export async function startSecuredBroker(options: SecuredOptions): Promise<SecuredBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-secured-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await makeAuthority(folder, 'authority');
  await makeAuthority(folder, 'other');
  await makeStores(folder);
  const issuer = stack.use(await startTokenEndpoint('isobar'));
  await writeFile(join(folder, 'keys.json'), issuer.keys);
  const given = await openPorts(join(folder, 'ports.json'));
  const ports: SecuredPorts = {
    tls: await given.of('tls'),
    plain: await given.of('plain'),
    mutual: await given.of('mutual'),
    inner: await given.of('inner'),
    controller: await given.of('controller'),
  };
  const distribution = await resolveDistribution('kafka', cacheFolder(process.env));
  const nodes = [{ port: ports.inner, controllerPort: ports.controller }];
  const [spec] = kafkaServices({ distribution, nodes, heapMib: 256 });
  if (spec === undefined) throw new Error('no broker');
  const broker = openService(secured(spec, ports, folder, options), folder);
  stack.defer(() => broker.stop());
  await broker.start();
  const owned = stack.move();
  return {
    folder,
    ports,
    issuer,
    configOf(kafka = {}) {
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
    },
    stop: () => broker.stop(),
    certify: (name) => certify(folder, name, 'authority'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  await run('openssl', args, { cwd: folder });
}

const FRESH = ['-newkey', 'rsa:2048', '-nodes'];

/** `NAME.pem` and `NAME.key`. */
export async function makeAuthority(folder: string, name: string): Promise<void> {
  await openssl(
    folder,
    ...['req', '-x509', ...FRESH, '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.pem`],
  );
}

export async function certify(folder: string, name: string, authority: string) {
  await writeFile(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1\n');
  await openssl(
    folder,
    ...['req', ...FRESH, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`],
  );
  const signed = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  await openssl(
    folder,
    ...['x509', '-req', '-days', '2', '-in', `${name}.csr`, ...signed],
    ...['-extfile', 'san', '-out', `${name}.pem`],
  );
  return {
    tls_certificate_file: join(folder, `${name}.pem`),
    tls_key_file: join(folder, `${name}.key`),
  };
}

/** As Java wants them: the broker's own certificate, and the authority of clients. */
async function makeStores(folder: string): Promise<void> {
  await certify(folder, 'broker', 'authority');
  await openssl(
    folder,
    ...['pkcs12', '-export', '-in', 'broker.pem', '-inkey', 'broker.key'],
    ...['-out', 'broker.p12', '-passout', `pass:${STORE}`],
  );
}

/** Listeners: each mechanism with TLS and without, and certificates of clients. */
function secured(
  spec: ServiceSpec,
  ports: SecuredPorts,
  folder: string,
  { users, superUsers = [], sessionMs }: SecuredOptions,
): ServiceSpec {
  const everyone = ['admin', ...users];
  const listeners =
    `INNER://127.0.0.1:${ports.inner},TLS://127.0.0.1:${ports.tls},` +
    `OPEN://127.0.0.1:${ports.plain},MUTUAL://127.0.0.1:${ports.mutual}`;
  const keys = join(folder, 'keys.json');
  const lines = [
    spec.files['server.properties'],
    `listeners=${listeners},CONTROLLER://127.0.0.1:${ports.controller}`,
    `advertised.listeners=${listeners}`,
    'listener.security.protocol.map=INNER:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL,' +
      'OPEN:SASL_PLAINTEXT,MUTUAL:SSL',
    'inter.broker.listener.name=INNER',
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    ...['tls', 'open'].flatMap((name) => loginLines(`listener.name.${name}`, everyone)),
    `sasl.oauthbearer.jwks.endpoint.url=file://${keys}`,
    `sasl.oauthbearer.expected.audience=${AUDIENCE}`,
    `sasl.oauthbearer.expected.issuer=${ISSUER}`,
    ...(sessionMs === undefined ? [] : [`connections.max.reauth.ms=${sessionMs}`]),
    `ssl.keystore.location=${join(folder, 'broker.p12')}`,
    `ssl.keystore.password=${STORE}`,
    'ssl.keystore.type=PKCS12',
    'listener.name.mutual.ssl.client.auth=required',
    'listener.name.mutual.ssl.truststore.type=PEM',
    `listener.name.mutual.ssl.truststore.location=${join(folder, 'authority.pem')}`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    `super.users=${['ANONYMOUS', 'admin', ...superUsers].map((name) => `User:${name}`).join(';')}`,
    'allow.everyone.if.no.acl.found=false',
  ];
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    everyone.flatMap((user) => ['--add-scram', `${mechanism}=[name=${user},password=${SECRET}]`]),
  );
  return {
    ...spec,
    name: 'kafka-secured',
    files: { ...spec.files, 'server.properties': `${lines.join('\n')}\n` },
    prepare: (spec.prepare ?? []).map((java) => [...java, ...scram]),
    args: [
      `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://${keys}`,
      `-Dorg.apache.kafka.sasl.oauthbearer.allowed.files=${keys}`,
      ...spec.args,
    ],
    ready: (probe) => probe.said('Kafka Server started'),
  };
}

function loginLines(listener: string, users: readonly string[]): string[] {
  const jaas = 'org.apache.kafka.common.security';
  const passwords = users.map((user) => `user_${user}="${SECRET}"`).join(' ');
  return [
    `${listener}.plain.sasl.jaas.config=${jaas}.plain.PlainLoginModule required ${passwords};`,
    ...['256', '512'].map(
      (bits) =>
        `${listener}.scram-sha-${bits}.sasl.jaas.config=${jaas}.scram.ScramLoginModule required;`,
    ),
    `${listener}.oauthbearer.sasl.jaas.config=${jaas}.oauthbearer.OAuthBearerLoginModule required;`,
    `${listener}.oauthbearer.sasl.server.callback.handler.class=` +
      `${jaas}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
  ];
}
