import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { SETTINGS } from '../src/config/settings.ts';
import { assertAccess } from '../src/pipeline/access.ts';

const root = join(import.meta.dirname, '..');

interface Service {
  readonly image: string;
  readonly ports?: readonly string[];
  readonly networks: readonly string[] | Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
  readonly [key: string]: unknown;
}

interface Composition {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<
    Record<string, null | { internal?: boolean; driver_opts?: Record<string, string> }>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>;
}

const composition: Composition = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'), {
  merge: true,
});
const { services, networks } = composition;
const published = Object.values(services).flatMap(({ ports = [] }) => ports);
const networksOf = ({ networks }: Service): string[] =>
  Array.isArray(networks) ? networks : Object.keys(networks);

test('the profile of compose.yaml names ports that it publishes', () => {
  const profile = join(root, 'compose.profile.yaml');
  const { log, lake, analytics } = loadConfig({ file: profile, env: {}, flags: {} }).config;
  const { brokers } = log.kafka;
  const { namenodes } = lake.hdfs;
  for (const address of [brokers, namenodes, analytics.spark.address]) {
    const port = /:(\d+)$/.exec(address)?.[1];
    assert.ok(published.includes(`127.0.0.1:${port}:${port}`), address);
  }
});

/** Named by version alone until someone who reaches the registry of images looks up the digest. */
const WITHOUT_DIGEST = [
  'apache/hadoop:3.4.1',
  'apache/kafka:4.1.2',
  'apache/spark:4.2.0',
  // Built here, from this folder.
  'isobar:0.2.0',
  'zookeeper:3.9.3',
];

test('compose.yaml pins each image by digest, or it is on the list of those without', () => {
  const images = new Set(Object.values(services).map(({ image }) => image));
  const pinned = /^[\w./-]+:\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/;
  const others = [...images].filter((image) => !pinned.test(image));
  assert.deepEqual(others.sort(), WITHOUT_DIGEST);
});

test('compose.yaml publishes nothing beyond this machine', () => {
  for (const port of published) assert.match(port, /^127\.0\.0\.1:/);
});

test('each service has no rights, and writes only where it says', () => {
  for (const [name, service] of Object.entries(services)) {
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.equal(service.read_only, true, name);
    for (const refused of ['cap_add', 'privileged', 'network_mode', 'pid', 'ipc', 'devices']) {
      assert.equal(service[refused], undefined, `${name}: ${refused}`);
    }
    const own = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
    for (const volume of own) assert.ok(volume in composition.volumes, `${name}: ${volume}`);
    assert.ok(
      service.tmpfs?.some((path) => path.startsWith('/tmp:')),
      name,
    );
  }
});

test('networks separate the front, the engines and their administration', () => {
  assert.deepEqual(Object.keys(networks).sort(), ['administration', 'engines', 'front']);
  assert.equal(networks.engines?.internal, true);
  assert.deepEqual(networks.administration?.driver_opts, {
    'com.docker.network.bridge.enable_ip_masquerade': 'false',
  });
  for (const [name, service] of Object.entries(services)) {
    const joined = networksOf(service);
    // Only isobar is in front, and it reaches no port for administration.
    assert.equal(joined.includes('front'), name === 'isobar', name);
    assert.ok(joined.includes('engines'), name);
    const isPublished = (service.ports ?? []).length > 0;
    assert.equal(joined.includes('administration'), isPublished && name !== 'isobar', name);
  }
});

test('secrets are files, and isobar understands what it is given', () => {
  const { environment = {}, secrets = [] } = services.isobar ?? {};
  const folder = mkdtempSync(join(tmpdir(), 'isobar-compose-'));
  try {
    const env: Record<string, string> = { ...environment };
    for (const { path, variable, secret } of SETTINGS) {
      assert.ok(!secret || !(variable in env), `${path} is in the environment`);
      const file = env[`${variable}_FILE`];
      if (!secret || file === undefined) continue;
      const name = file.replace('/run/secrets/', '');
      assert.ok(secrets.includes(name) && composition.secrets[name]?.file, path);
      writeFileSync(join(folder, name), 'abc', { mode: 0o600 });
      env[`${variable}_FILE`] = join(folder, name);
    }
    const { config, warnings } = loadConfig({ file: null, env, flags: {} });
    assert.deepEqual(warnings, []);
    assert.equal(config.openweather.key, 'abc');
    assertAccess(config);
    // By names and ports that only the containers have.
    for (const [address, name] of [
      [config.log.kafka.brokers, 'kafka'],
      [config.lake.hdfs.namenodes, 'namenode'],
      [config.analytics.spark.address, 'spark-connect'],
    ] as const) {
      assert.equal(/(?:^|\/)([a-z-]+):\d+$/.exec(address)?.[1], name, address);
      assert.ok(name in services);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const { file = '' } of Object.values(composition.secrets)) {
    assert.match(file, /^\.\/secrets\//);
    assert.ok(readFileSync(join(root, '.gitignore'), 'utf8').includes('\n/secrets/\n'));
  }
});
