/** The chart as Helm renders it: valid, restricted, and with exactly the connections of its table. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { loadConfig } from '../../src/config/load.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { assertAccess } from '../../src/pipeline/access.ts';
import { assertStreams } from '../../src/pipeline/streaming.ts';
import {
  CHART,
  findHelm,
  type Manifest,
  NAMESPACE,
  type Pod,
  parseManifests,
  podsOf,
  renderChart,
  valuesWith,
} from '../support/helm.ts';
import {
  isExpected,
  namedHosts,
  podHost,
  portsTried,
  strangers,
} from '../support/network-matrix.ts';
import { type Host, isAllowed } from '../support/network-policies.ts';
import { findKubernetesValidate } from '../support/python.ts';
import { restrictedProblems } from '../support/restricted.ts';
import { readTopology, rolesIn, servicesOf } from '../support/topology.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'isobar-helm-'));
after(() => rmSync(folder, { recursive: true }));
const helm = await findHelm();
const skip = helm === null && 'no Go here to build Helm with';
const topology = readTopology();
const SETS = readdirSync(join(CHART, 'ci')).sort();
/** The oldest that the chart says it runs on, one between, and the newest. */
const KUBERNETES = ['1.25', '1.30', '1.37'];

test('there are six sets of values', () => assert.equal(SETS.length, 6));

for (const name of SETS) {
  test(`the chart with ${name}`, { skip }, async (t) => {
    const file = join(CHART, 'ci', name);
    const values = valuesWith(file);
    await run(helm ?? '', ['lint', '--strict', CHART, '--values', file]);
    const text = await renderChart(helm ?? '', ['--values', file]);
    const manifests = parseManifests(text);
    const pods = podsOf(manifests);

    await t.test('has a workload for each role that runs', () => {
      assert.deepEqual([...pods.keys()].sort(), rolesIn(topology, values).sort());
      for (const [role, { spec }] of pods) {
        assert.deepEqual(spec.containers[0].args, topology.roles[role]?.command, role);
      }
    });

    await t.test('is valid in old and new versions of Kubernetes', async () => {
      const rendered = join(folder, name);
      writeFileSync(rendered, text);
      const python: string | null = await findKubernetesValidate();
      assert.ok(python !== null, 'Python 3 is needed');
      for (const version of KUBERNETES) {
        const args = ['-m', 'kubernetes_validate', '--strict', '-k', version, rendered];
        const { stdout }: { stdout: string } = await run(python, args);
        assert.equal(stdout.match(/ passed for resource /g)?.length, manifests.length, version);
      }
    });

    await t.test('keeps to the pod security standard "restricted"', () => {
      for (const [role, pod] of pods) assert.deepEqual(restrictedProblems(pod), [], role);
    });

    await t.test('asks every pod how it is', () => {
      for (const [role, pod] of pods) assertProbes(role, pod);
    });

    await t.test('gives each pod the secrets of its services only', () => {
      assert.deepEqual(
        manifests.filter(({ kind }) => kind === 'Secret'),
        [],
      );
      for (const [role, pod] of pods) {
        const services = servicesOf(topology, role, values);
        const expected = services
          .flatMap((service) => topology.services[service]?.secrets ?? [])
          .filter((setting) => setting in values.secrets);
        assert.deepEqual(secretsOf(pod), expected.sort(), role);
      }
    });

    await t.test('sets what isobar understands', () => {
      for (const [role, pod] of pods) assertConfig(role, pod, manifests, values.secrets);
    });

    await t.test('allows exactly the connections of its table', (t) => {
      const roles = [...pods].map(([role, pod]) => podHost(role, pod));
      const named = namedHosts(values);
      const others = [...named, ...strangers(named)];
      const ports = portsTried(topology, values);
      const counts = { allowed: 0, denied: 0 };
      const wrong: string[] = [];
      const check = (from: Host, to: Host) => {
        for (const port of ports) {
          for (const protocol of ['TCP', 'UDP'] as const) {
            const connection = { from, to, port, protocol };
            const expected = isExpected(topology, values, [...pods.keys()], connection);
            counts[expected ? 'allowed' : 'denied'] += 1;
            if (isAllowed(manifests, connection) === expected) continue;
            const what = expected ? 'denied' : 'allowed';
            wrong.push(`${from.name} → ${to.name} ${protocol} ${port} is ${what}`);
          }
        }
      };
      for (const role of roles) {
        for (const other of [...others, ...roles]) check(role, other);
        for (const other of others) check(other, role);
      }
      t.diagnostic(`${name}: ${counts.allowed} cells are allowed, ${counts.denied} denied`);
      assert.deepEqual(wrong, []);
      assert.ok(counts.allowed > pods.size * 3 && counts.denied > 20 * counts.allowed);
    });

    await t.test('denies all that no role allows', () => {
      const [deny, ...rest] = manifests.filter(
        ({ kind, spec }) => kind === 'NetworkPolicy' && !spec.ingress && !spec.egress,
      );
      assert.ok(deny !== undefined && rest.length === 0);
      for (const [role, pod] of pods) {
        const host = podHost(role, pod);
        const other = { name: 'any', namespace: NAMESPACE, labels: {} };
        const at = { port: 443, protocol: 'TCP' } as const;
        assert.equal(isAllowed([deny], { from: host, to: other, ...at }), false);
        assert.equal(isAllowed([deny], { from: other, to: host, ...at }), false);
      }
    });
  });
}

test('the values in docs/kubernetes.md can be installed', { skip }, async () => {
  const page = readFileSync(join(CHART, '../../../docs/kubernetes.md'), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n(# values\.yaml\n[\s\S]+?)```/g)];
  assert.equal(blocks.length, 3);
  const file = join(folder, 'values.yaml');
  for (const [, block = ''] of blocks) {
    writeFileSync(file, block);
    const manifests = parseManifests(await renderChart(helm ?? '', ['--values', file]));
    const pods = podsOf(manifests);
    assert.equal(pods.size, 5);
    const { secrets } = valuesWith(file);
    for (const [role, pod] of pods) assertConfig(role, pod, manifests, secrets);
  }
});

function assertProbes(role: string, { spec }: Pod): void {
  const [{ ports, startupProbe, livenessProbe, readinessProbe }] = spec.containers;
  const names = ports.map((port: { name: string }) => port.name);
  for (const [probe, path] of [
    [startupProbe, '/livez'],
    [livenessProbe, '/livez'],
    [readinessProbe, '/readyz'],
  ] as const) {
    assert.equal(probe.httpGet.path, path, role);
    assert.equal(probe.httpGet.port, role === 'serve' ? 'api' : 'health', role);
    assert.ok(names.includes(probe.httpGet.port), role);
  }
}

/** The settings whose files a pod has; each is mounted where its variable says. */
function secretsOf({ spec }: Pod): string[] {
  const [{ env, volumeMounts }] = spec.containers;
  const volume = spec.volumes.find((one: { name: string }) => one.name === 'secrets');
  const mount = volumeMounts.find((one: { name: string }) => one.name === 'secrets');
  assert.equal(volume === undefined, mount === undefined);
  if (volume === undefined) return [];
  const paths = volume.projected.sources.map(
    (source: { secret: { items: { path: string }[] } }) => source.secret.items[0]?.path ?? '',
  );
  for (const path of paths) {
    const variable = SETTINGS.find((setting) => setting.path === path && setting.secret)?.variable;
    const given = env.find((one: { name: string }) => one.name === `${variable}_FILE`);
    assert.equal(given?.value, `${mount.mountPath}/${path}`);
  }
  return paths.sort();
}

const SAMPLES: Readonly<Record<string, string>> = {
  'api.cache.redis_url': 'rediss://isobar:x@redis:6379/0',
  'tracing.headers': 'authorization=x',
};

/** What the process of the pod would read, read by isobar itself. */
function assertConfig(
  role: string,
  { spec }: Pod,
  manifests: readonly Manifest[],
  given: Readonly<Record<string, unknown>>,
): void {
  const map = manifests.find(({ kind }) => kind === 'ConfigMap');
  const file = join(folder, 'isobar.yaml');
  writeFileSync(file, map?.data?.['isobar.yaml'] ?? '');
  const env: Record<string, string> = {};
  for (const { name, value } of spec.containers[0].env as { name: string; value: string }[]) {
    env[name] = value;
    const setting = SETTINGS.find(({ variable }) => `${variable}_FILE` === name);
    if (setting === undefined) continue;
    const secret = join(folder, setting.path);
    writeFileSync(secret, SAMPLES[setting.path] ?? 'abc', { mode: 0o600 });
    env[name] = secret;
  }
  const { config, warnings } = loadConfig({ file, env, flags: {} });
  assert.deepEqual(warnings, [], role);
  assert.equal(config.data, '/var/lib/isobar');
  assert.equal(config.health.port > 0, role !== 'serve', role);
  assert.ok(role === 'serve' || config.health.host === config.api.host, role);
  assert.equal(spec.terminationGracePeriodSeconds, config.stop_s + 40, role);
  assertAccess(config);
  assertStreams(config);
  // All processes work on real data or on simulated data; only the one that polls has the key.
  const isReal = 'openweather.key' in given;
  assert.equal(config.openweather.key !== '', isReal && role === 'collect', role);
  const polled = isReal ? 'openweathermap' : config.collector.source;
  assert.equal(config.collector.source, role === 'collect' || !isReal ? polled : 'none', role);
  assert.notEqual(config.collector.source, 'auto', role);
}

const REFUSED: readonly (readonly [string, readonly string[], RegExp])[] = [
  [
    'a secret among the settings',
    ['--set', 'config.openweather.key=secret'],
    /openweather.*additional properties 'key' not allowed/s,
  ],
  ['an unknown setting', ['--set', 'config.api.prot=1'], /additional properties 'prot'/],
  ['a value out of range', ['--set', 'config.api.port=70000'], /maximum/],
  ['a setting as a variable', ['--set', 'roles.land.env.ISOBAR_DATA=x'], /ISOBAR_DATA/],
  [
    'a log in a folder',
    ['--set', 'config.log.engine=sqlite'],
    /config\.log\.engine: expected kafka/,
  ],
  [
    'a lake in a folder',
    ['--set', 'config.lake.engine=local'],
    /config\.lake\.engine: expected hdfs/,
  ],
  ['several servers', ['--set', 'roles.serve.replicas=2'], /roles\.serve\.replicas: expected 1/],
  [
    'the provider without its key',
    ['--set', 'config.collector.source=openweathermap'],
    /needs secrets\."openweather\.key"/,
  ],
  [
    'a peer that means everywhere',
    ['--set-json', 'network.services.kafka=[{"ports":[9092],"to":[]}]'],
    /minItems/,
  ],
  [
    'a peer without any selector',
    ['--set-json', 'network.services.kafka=[{"ports":[9092],"to":[{}]}]'],
    /minProperties/,
  ],
  [
    'a service without a place',
    ['--set-json', 'network.services.namenodes=[]'],
    /network\.services\.namenodes: expected where it is, since \w+ connects to it/,
  ],
  ['root', ['--set', 'security.user=0'], /minimum/],
];

for (const [what, args, expected] of REFUSED) {
  test(`the chart refuses ${what}`, { skip }, async () => {
    await assert.rejects(renderChart(helm ?? '', args), (error: { stderr: string }) => {
      assert.match(error.stderr, expected);
      return true;
    });
  });
}
