/** Services that would be reached without TLS, and what `require_tls` says of each. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { CONNECTING_SETTINGS, connectionsOf } from './connections.ts';
import { loadConfig } from './load.ts';
import { SETTINGS } from './settings.ts';

type Flags = Readonly<Record<string, string>>;

const folder = mkdtempSync(join(tmpdir(), 'isobar-connections-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const load = (flags: Flags, env: Flags = {}) => loadConfig({ file: null, env, flags });

function problems(flags: Flags, env: Flags = {}): readonly string[] {
  try {
    load({ ...flags, require_tls: 'true' }, env);
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID');
    return error.message.split('\n');
  }
  return [];
}

/**
 * Texts that are no address at which isobar connects to a service. A setting that is neither here nor
 * among the connecting ones fails the test below: decide whether its connection can be plain, and
 * add it to `src/config/connections.ts` or here.
 */
const NO_CONNECTION: Readonly<Record<string, readonly string[]>> = {
  'files of this machine': [
    ...['data', 'collector.cities', 'alerts.file', 'lake.hdfs.keytab_file'],
    'lake.hdfs.kerberos_config',
    ...['log.kafka.tls_certificate_file', 'log.kafka.tls_key_file'],
    ...['api.tls.certificate_file', 'api.tls.key_file'],
    ...SETTINGS.map(({ path }) => path).filter((path) => path.endsWith('.tls_authority')),
  ],
  'names, words and secrets': [
    ...['openweather.key', 'log.kafka.topic', 'log.kafka.group', 'log.kafka.user'],
    ...['log.kafka.password', 'log.kafka.oauth.client_id', 'log.kafka.oauth.client_secret'],
    ...['log.kafka.oauth.scope', 'log.kafka.oauth.audience', 'log.kafka.oauth.extensions'],
    ...['lake.hdfs.folder', 'lake.hdfs.user', 'lake.hdfs.principal', 'lake.hdfs.token'],
    ...['analytics.spark.token', 'analytics.spark.user', 'analytics.spark.properties'],
    ...['index.opensearch.user', 'index.opensearch.password', 'index.opensearch.prefix'],
    ...['tracing.headers', 'api.cache.prefix', 'api.base_path', 'api.auth.roles'],
    ...['api.auth.oidc.client_id', 'api.auth.oidc.client_secret', 'api.auth.oidc.label'],
    ...['api.auth.oidc.scopes', 'api.auth.oidc.name_claim', 'api.auth.oidc.role_claim'],
    ...['api.auth.oidc.city_claim', 'api.auth.proxy.user_header', 'api.auth.proxy.role_header'],
    ...['api.auth.proxy.city_header', 'api.auth.tokens.audience', 'api.auth.tokens.algorithms'],
    ...['api.auth.tokens.name_claim', 'api.auth.tokens.role_claim', 'api.auth.tokens.city_claim'],
  ],
  'where isobar itself listens, and who may come': [
    ...['api.host', 'health.host', 'api.allowed_hosts', 'api.cors_origins'],
    ...['api.trusted_proxies', 'api.auth.proxy.addresses'],
  ],
  'addresses that browsers or Spark go to': [
    ...['alerts.page_url', 'api.auth.oidc.page_url', 'api.auth.proxy.logout_url'],
    'lake.hdfs.address',
  ],
  'hosts to which NameNodes lead: by https from those that are asked by https': [
    'lake.hdfs.datanode_hosts',
  ],
};

test('each setting that may hold an address has its place here', () => {
  const texts = SETTINGS.filter(({ type }) => type === 'string').map(({ path }) => path);
  const decided = [...CONNECTING_SETTINGS, ...Object.values(NO_CONNECTION).flat()];
  assert.deepEqual(decided.toSorted(), texts.toSorted());
});

/** Every service, each reached without TLS on another machine. */
const PLAIN: Flags = {
  'openweather.url': 'http://weather.example.org:80',
  'openweather.key': '0123456789abcdef0123456789abcdef',
  'log.engine': 'kafka',
  'log.kafka.brokers': 'broker-1:9092, broker-2:9092',
  'lake.engine': 'hdfs',
  'lake.hdfs.namenodes': 'http://nn1:9870, https://nn2:9871, http://nn3:9870',
  'analytics.engine': 'spark',
  'analytics.spark.address': 'sc://spark:15002/;token=hunter2',
  'engines.kafka.jmx_urls': 'http://broker-1:8778/jolokia',
  'engines.hdfs.journalnode_urls': 'http://jn1:8480',
  'engines.spark.ui_url': 'http://spark:4040',
  'engines.spark.master_url': 'http://master:8080',
  'index.engine': 'opensearch',
  'index.opensearch.url': 'http://search:9200',
  'tracing.otlp_url': 'http://collector:4318',
  'api.cache.redis_url': 'redis://isobar:hunter2@cache:6379/0',
};
/** They are refused without TLS in any case, but for this machine: what is set is encrypted. */
const NEVER_PLAIN: Flags = {
  'log.kafka.mechanism': 'oauthbearer',
  'log.kafka.oauth.client_id': 'isobar',
  'log.kafka.oauth.token_url': 'https://login.example.org/token',
  'api.auth.mode': 'oidc',
  'api.auth.roles': 'staff=viewer',
  'api.auth.oidc.issuer': 'https://login.example.org',
  'api.auth.oidc.client_id': 'isobar',
  'api.auth.tokens.issuer': 'https://tokens.example.org',
  'api.auth.tokens.jwks_url': 'https://tokens.example.org/keys',
  'api.auth.tokens.audience': 'api',
};
const SETTING_OF: Flags = { 'log.kafka.brokers': 'log.kafka.tls' };

test('every service that would be reached without TLS is named, all at once, with the remedy', () => {
  const found = problems(PLAIN);
  const named = found.map((line) => line.slice(0, line.indexOf(':')));
  const expected = CONNECTING_SETTINGS.filter((path) => path in PLAIN);
  assert.deepEqual(
    named,
    expected.map((path) => SETTING_OF[path] ?? path),
  );
  const whole = found.join('\n');
  for (const line of found) assert.match(line, /: expected \S.*, since require_tls is true: /);
  assert.match(whole, /log\.kafka\.tls: expected true,.*: broker-1:9092, broker-2:9092 would/);
  assert.match(whole, /lake\.hdfs\.namenodes: expected https:.*: nn1:9870, nn3:9870 would/);
  assert.match(whole, /expected rediss:\/\/….*: cache:6379 would/);
  assert.match(whole, /expected sc:\/\/HOST:PORT\/;use_ssl=true,.*: spark:15002 would/);
  assert.ok(!whole.includes('hunter2'));
});

test('each address is found plain and encrypted, and one of no service is not looked at', () => {
  const { config } = load({ ...PLAIN, ...NEVER_PLAIN, 'log.kafka.tls': 'true' });
  const settings = new Set(connectionsOf(config, {}).map(({ setting }) => setting));
  const expected = CONNECTING_SETTINGS.map((path) => SETTING_OF[path] ?? path);
  assert.deepEqual([...settings], expected, 'each has a connection in this test');
  const tls = Object.entries({ ...PLAIN, ...NEVER_PLAIN }).map(([path, value]) => {
    if (path === 'analytics.spark.address') return [path, `${value};use_ssl=true`];
    return [path, value.replaceAll('http://', 'https://').replace('redis://', 'rediss://')];
  });
  const encrypted = { ...Object.fromEntries(tls), 'log.kafka.tls': 'true' };
  assert.deepEqual(problems(encrypted), []);
  const { config: right } = load(encrypted);
  for (const one of connectionsOf(right, {})) assert.ok(one.isEncrypted, one.service);
  const { 'openweather.url': _, ...unused } = PLAIN;
  const off = { 'log.engine': 'sqlite', 'lake.engine': 'local', 'analytics.engine': 'duckdb' };
  const found = problems({ ...unused, ...off, 'index.engine': 'sqlite' }).join('\n');
  assert.doesNotMatch(found, /log\.kafka|lake\.hdfs|analytics|index|jmx|journalnode/);
});

test('this machine is excepted, but for services that lead elsewhere', () => {
  const local = Object.entries(PLAIN).map(([path, value]) => [
    path,
    value.replaceAll(/(?<=\/\/|@|^|, )[\w.-]+(?=:\d)/g, '127.0.0.1'),
  ]);
  const found = problems(Object.fromEntries(local));
  assert.deepEqual(
    found.map((line) => line.slice(0, line.indexOf(':'))),
    ['log.kafka.tls', 'lake.hdfs.namenodes'],
  );
  for (const host of ['localhost', '[::1]', '127.9.9.9']) {
    assert.deepEqual(problems({ 'tracing.otlp_url': `http://${host}:4318` }), [], host);
  }
  for (const host of [
    '0.0.0.0',
    '10.0.0.1',
    '[::]',
    '[::ffff:10.0.0.1]',
    'localhost.example.org',
  ]) {
    assert.equal(problems({ 'tracing.otlp_url': `http://${host}:4318` }).length, 1, host);
  }
});

const CHANNELS = `
channels:
  plain: { type: webhook, url: 'http://hooks.example.org/a,b' }
  hidden: { type: slack, url_env: SLACK_URL }
  filed: { type: ntfy, url_file: ${join(folder, 'topic')} }
  here: { type: alertmanager, url: 'http://127.0.0.1:9093' }
  safe: { type: webhook, url: 'https://hooks.example.org' }
  lost: { type: slack, url_env: NOT_SET }
  relay: { type: email, host: 127.0.0.1, security: none, from: a@example.org, to: [b@example.org] }
  mail: { type: email, host: mail.example.org, from: a@example.org, to: [b@example.org] }
rules:
  - { name: odd, when: { kind: unknown } }
`;

test('channels of the file of alerts are looked at with their secrets, and named with all else', () => {
  const file = join(folder, 'alerts.yaml');
  writeFileSync(file, CHANNELS);
  writeFileSync(join(folder, 'topic'), 'http://ntfy.example.org/a-secret-topic', { mode: 0o600 });
  const flags = { 'alerts.file': file, 'tracing.otlp_url': 'http://collector:4318' };
  const env = { SLACK_URL: 'https://slack.example.org/services/hunter2' };
  const found = problems(flags, env);
  const where = found.map((line) => /^(\S+: channels\.)?[\w.]+(?=: expected)/.exec(line)?.[0]);
  const at = (field: string) => `${file}: channels.${field}`;
  assert.deepEqual(where, ['tracing.otlp_url', at('plain.url'), at('filed.url_file')]);
  assert.ok(!/hunter2|secret-topic/.test(found.join('\n')));
  const shown = connectionsOf(load(flags, env).config, env).map(
    ({ service, place, isEncrypted }) => `${service} at ${place}: ${isEncrypted}`,
  );
  assert.deepEqual(shown.slice(1), [
    'channel plain (webhook) at hooks.example.org: false',
    'channel hidden (slack) at slack.example.org: true',
    'channel filed (ntfy) at ntfy.example.org: false',
    'channel here (alertmanager) at 127.0.0.1:9093: false',
    'channel safe (webhook) at hooks.example.org: true',
    'channel relay (email) at 127.0.0.1:587: false',
    'channel mail (email) at mail.example.org:587: true',
  ]);
  assert.deepEqual(problems({ 'alerts.file': file, 'alerts.enabled': 'false' }, env), []);
  assert.deepEqual(problems({ 'alerts.file': join(folder, 'nowhere.yaml') }), []);
});

test('without require_tls nothing of it is refused', () => {
  assert.equal(load(PLAIN).config.require_tls, false);
});
