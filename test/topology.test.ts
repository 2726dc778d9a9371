/** The table of roles, services and arrows agrees with the settings, the values and the documents. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { formatChartSchema } from '../src/cli/chart-schema.ts';
import { buildProgram } from '../src/cli/program.ts';
import { CONNECTING_SETTINGS } from '../src/config/connections.ts';
import { SETTINGS } from '../src/config/settings.ts';
import { ROLES } from '../src/pipeline/pipeline.ts';
import { CHART, type Manifest, valuesWith } from './support/helm.ts';
import { type Host, isAllowed } from './support/network-policies.ts';
import { type Condition, readTopology } from './support/topology.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const topology = readTopology();
const { roles, services, callers, arrows } = topology;
const values = valuesWith(null);
const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));

test('each step of the pipeline is a role, started by a command that is there', () => {
  const steps = Object.keys(roles).map((role) => (role === 'alerts' ? 'alert' : role));
  assert.deepEqual(steps.sort(), [...ROLES].sort());
  const program = buildProgram({
    ...{ version: '0', signal: new AbortController().signal, env: {} },
    ...{ print: () => {}, report: () => {} },
  } as unknown as Parameters<typeof buildProgram>[0]);
  for (const { command } of Object.values(roles)) {
    const found = command.reduce<typeof program | undefined>(
      (at, word) => at?.commands.find((one) => one.name() === word) as typeof program | undefined,
      program,
    );
    assert.ok(found, `isobar ${command.join(' ')}`);
  }
});

test('arrows lead from roles to services that are there, each once', () => {
  const seen = new Set<string>();
  for (const { from, to } of arrows) {
    assert.ok(to in services, to);
    for (const role of from) {
      assert.ok(role in roles, role);
      assert.ok(!seen.has(`${role} → ${to}`), `${role} → ${to}`);
      seen.add(`${role} → ${to}`);
    }
  }
  for (const service of Object.keys(services)) {
    assert.ok(
      arrows.some(({ to }) => to === service),
      service,
    );
  }
  for (const { to } of Object.values(callers)) assert.ok(to in roles, to);
});

test('every address and every secret among the settings belongs to a service', () => {
  const rows = Object.values(services);
  const addresses = CONNECTING_SETTINGS.toSorted();
  assert.deepEqual(rows.flatMap(({ settings = [] }) => settings).sort(), addresses);
  const secrets = SETTINGS.filter(({ secret }) => secret).map(({ path }) => path);
  assert.deepEqual(rows.flatMap(({ secrets = [] }) => secrets).sort(), secrets.sort());
  const conditions = [...arrows, ...Object.values(roles)].flatMap(({ when = [] }) => when);
  for (const { setting, is, secret } of conditions) {
    const found = SETTINGS.find(({ path }) => path === (setting ?? secret));
    assert.ok(found && found.secret === (secret !== undefined), setting ?? secret);
    if (is !== undefined) assert.ok(found.choices.includes(is), setting);
  }
});

test('the values have a place for each service, with the ports of the table', () => {
  const { network } = values;
  assert.deepEqual(Object.keys(network.services).sort(), Object.keys(services).sort());
  assert.deepEqual(Object.keys(network.callers).sort(), Object.keys(callers).sort());
  assert.deepEqual(Object.keys(values.roles).sort(), Object.keys(roles).sort());
  for (const [name, places] of Object.entries(network.services)) {
    const service = services[name];
    if (service?.optional) continue;
    assert.deepEqual(
      places.map(({ ports }) => ports),
      [service?.ports],
      name,
    );
  }
});

test('the schema of the values is current', () => {
  const text = JSON.stringify(schema);
  assert.equal(JSON.stringify(JSON.parse(formatChartSchema(text))), text, 'run `npm run docs`');
  const { network, roles: roleValues } = schema.properties;
  for (const [node, table] of [
    [network.properties.services, services],
    [network.properties.callers, callers],
    [roleValues, roles],
  ]) {
    assert.deepEqual(Object.keys(node.properties).sort(), Object.keys(table).sort());
  }
});

test('the chart has the version of the package', () => {
  const { version, appVersion } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
  const manifest = JSON.parse(read('package.json'));
  assert.deepEqual([version, appVersion], [manifest.version, manifest.version]);
});

test('docs/security.md draws exactly the arrows of the table', () => {
  const section =
    /## Between the services\n([\s\S]+?)\n## /.exec(read('docs/security.md'))?.[1] ?? '';
  assert.ok(section.includes(formatArrows()), `expected in docs/security.md:\n${formatArrows()}`);
  const zones = new Set([...Object.values(services), ...Object.values(callers)].map(zoneOf));
  const drawn = [...section.matchAll(/^\| (\w+) \| [^|●○]+ \| [^|]+ \|$/gm)].map(
    ([, zone]) => zone,
  );
  assert.deepEqual(drawn.slice(1).sort(), [...zones].sort());
});

const zoneOf = ({ zone }: { readonly zone: string }) => zone;

/** A row for each service and each caller, a column for each role. */
function formatArrows(): string {
  const names = Object.keys(roles);
  const lines = Object.entries(services).map(([name, { title, zone, ports }]) => {
    const own = arrows.filter(({ to }) => to === name);
    const cells = names.map((role) => {
      const arrow = own.find(({ from }) => from.includes(role));
      if (arrow === undefined) return '';
      return arrow.when === undefined ? '●' : '○';
    });
    const when = own.flatMap((arrow) => arrow.when ?? []).map(formatCondition);
    return [title, ports.join(', '), zone, ...cells, when.join(' or ')];
  });
  const head = ['to', 'port', 'zone', ...names, '○ with'];
  const rows = [head, head.map(() => '---'), ...lines];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function formatCondition({ setting, is, secret }: Condition): string {
  return `\`${setting ?? secret}${is === undefined ? '' : `: ${is}`}\``;
}

const pod = (namespace: string, app: string): Host => ({
  name: app,
  namespace,
  namespaceLabels: { name: namespace },
  labels: { app },
});
const policy = (spec: object): Manifest => ({
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace: 'a' },
  spec,
});

test('policies are read as Kubernetes reads them', () => {
  const deny = policy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  const rule = (peer: object) =>
    policy({
      podSelector: { matchLabels: { app: 'x' } },
      policyTypes: ['Egress'],
      egress: [{ to: [peer], ports: [{ protocol: 'TCP', port: 1 }] }],
    });
  const from = pod('a', 'x');
  const at = { port: 1, protocol: 'TCP' } as const;
  const allowed = (manifests: Manifest[], to: Host, more: object = {}) =>
    isAllowed(manifests, { from, to, ...at, ...more });

  assert.equal(allowed([], pod('b', 'y')), true, 'without a policy nothing is isolated');
  assert.equal(allowed([deny], pod('b', 'y')), false);
  const own = [deny, rule({ podSelector: { matchLabels: { app: 'y' } } })];
  assert.equal(allowed(own, pod('b', 'y')), false, 'a selector of pods alone is of this namespace');
  assert.equal(allowed(own, pod('a', 'y')), false, 'the other end denies it');
  const both = { namespaceSelector: { matchLabels: { name: 'b' } } };
  const other = [deny, rule({ ...both, podSelector: { matchLabels: { app: 'y' } } })];
  assert.equal(allowed(other, pod('b', 'y')), true);
  assert.equal(allowed(other, pod('b', 'z')), false, 'both selectors have to match');
  assert.equal(allowed(other, pod('c', 'y')), false);
  assert.equal(allowed(other, pod('b', 'y'), { port: 2 }), false);
  assert.equal(allowed(other, pod('b', 'y'), { protocol: 'UDP' }), false);
  const block = [deny, rule({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } })];
  assert.equal(allowed(block, { name: 'in', address: '10.2.0.1' }), true);
  assert.equal(allowed(block, { name: 'except', address: '10.1.0.1' }), false);
  assert.equal(allowed(block, { name: 'out', address: '11.0.0.1' }), false);
  const empty = policy({
    ...{ podSelector: {}, policyTypes: ['Egress'] },
    egress: [{ to: [], ports: [] }],
  });
  assert.equal(allowed([empty], { name: 'any', address: '8.8.8.8' }), true, 'empty is everywhere');
});
