import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { IsobarError } from '../errors.ts';
import { type ConfigSources, describeConfig, formatConfig, loadConfig } from './load.ts';
import { SETTINGS, type Setting } from './settings.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-config-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, name = 'isobar.yaml'): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

function load(sources: Partial<ConfigSources> = {}) {
  return loadConfig({ file: write('', 'empty.yaml'), env: {}, flags: {}, ...sources });
}

function problems(sources: Partial<ConfigSources>): string[] {
  try {
    load(sources);
  } catch (error) {
    assert.ok(error instanceof IsobarError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.message.split('\n');
  }
  throw new assert.AssertionError({ message: 'the configuration was taken' });
}

test('each layer overrides the one below it, and the origin names the layer', () => {
  const file = write('api:\n  port: 3\n');
  const defaults = { 'api.port': 2 };
  const env = { ISOBAR_API_PORT: '4' };
  const layers = [
    [{}, 5_000, 'default'],
    [{ defaults }, 2, 'default of the command'],
    [{ defaults, file }, 3, `${file} line 2`],
    [{ defaults, file, env }, 4, 'ISOBAR_API_PORT'],
    [{ defaults, file, env, flags: { 'api.port': '5' } }, 5, 'flag'],
  ] as const;
  for (const [sources, port, origin] of layers) {
    const { config, origins } = load(sources);
    assert.deepEqual([config.api.port, origins.get('api.port')], [port, origin]);
  }
});

test('the file can be named by ISOBAR_CONFIG, and a named file must be there', () => {
  const file = write('log_level: warn\n', 'other.yaml');
  assert.equal(load({ file: null, env: { ISOBAR_CONFIG: file } }).config.log_level, 'warn');
  const missing = join(folder, 'missing.yaml');
  assert.match(problems({ file: missing })[0] ?? '', /missing\.yaml: the file does not exist/);
});

test('reports all problems at once, each with its place', () => {
  const file = write(
    'log_level: loud\napi:\n  port: high\n  prt: 5\ncollector: 7\nlake:\ntable:\n  raw_export: 3\n',
  );
  const reported = problems({
    file,
    env: { ISOBAR_LOG_PARTITIONS: '65', ISOBAR_OPENWEATHER_KEY_FILE: join(folder, 'nokey') },
    flags: {
      ...{ 'log.size_max_mib': '15', 'nowhere.at_all': '1', 'openweather.url': 'ftp://x' },
      'index.opensearch.url': 'https://user:hunter2@search:9200',
      'alerts.page_url': 'weather.example.org',
    },
  });
  const wanted = [
    /^log_level \(.*isobar\.yaml line 1\): expected one of debug, info.*; got "loud"/,
    /^api\.port \(.*line 3\): expected a whole number; got "high"/,
    /^api\.prt \(.*line 4\): unknown setting; did you mean api\.port\?/,
    /^collector \(.*line 5\): it is a section/,
    /^table\.raw_export \(.*line 8\): expected true or false; got 3/,
    /^log\.partitions \(ISOBAR_LOG_PARTITIONS\): expected at most 64; got 65/,
    /^openweather\.key \(ISOBAR_OPENWEATHER_KEY_FILE\): \S+nokey: the file does not exist/,
    /^log\.size_max_mib \(flag\): expected at least 16; got 15/,
    /^nowhere\.at_all \(flag\): unknown setting$/,
    /^openweather\.url \(flag\): expected an address such as .*; got "ftp:\/\/x"/,
    /^index\.opensearch\.url \(flag\): expected an address such as [^@]* without a user name/,
    /^alerts\.page_url \(flag\): expected an address such as https:\/\/example\.org/,
  ];
  for (const pattern of wanted)
    assert.ok(
      reported.some((line) => pattern.test(line)),
      String(pattern),
    );
  assert.equal(reported.length, wanted.length, reported.join('\n'));
  assert.ok(!reported.join('\n').includes('hunter2'));
});

test('reports a file that is not YAML, or holds no settings, with its line', () => {
  assert.match(problems({ file: write('a: 1\na: 2\n') }).join(' '), /line 2: Map keys must be/);
  assert.match(problems({ file: write('- a\n') }).join(' '), /must hold sections and settings/);
  assert.match(problems({ file: write('log_level: *none\n') }).join(' '), /isobar\.yaml.*none/);
  assert.deepEqual(load({ file: write('# nothing\n') }).config, load().config);
});

test('"did you mean" names what is near and nothing else', () => {
  const hint = (key: string) => problems({ flags: { [key]: '1' } })[0]?.split('; ')[1] ?? '';
  assert.equal(hint('api.hots'), 'did you mean api.host?');
  assert.equal(hint('apii'), 'did you mean api?');
  assert.equal(hint('port'), 'did you mean api.port?');
  assert.equal(hint('bar'), '');
  assert.equal(hint('__proto__'), '');
  assert.deepEqual(load({ env: { ISOBAR_API_PRT: '1' } }).warnings, [
    'the variable ISOBAR_API_PRT belongs to no setting; did you mean ISOBAR_API_PORT?',
  ]);
});

test('a secret comes from a file, without its line end, and is never printed', () => {
  const file = write('s3cret-of-mine\n', 'key');
  const loaded = load({ env: { ISOBAR_OPENWEATHER_KEY_FILE: file } });
  assert.equal(loaded.config.openweather.key, 's3cret-of-mine');
  assert.deepEqual(loaded.secrets, ['s3cret-of-mine']);
  assert.equal(loaded.origins.get('openweather.key'), 'ISOBAR_OPENWEATHER_KEY_FILE');
  const printed = formatConfig(loaded) + JSON.stringify(describeConfig(loaded));
  assert.doesNotMatch(printed, /s3cret/);
  assert.match(printed, /\*\*\*/);
  const long = write('x'.repeat(5_000), 'key');
  const reported = problems({ env: { ISOBAR_OPENWEATHER_KEY_FILE: long } });
  assert.match(reported.join(), /the limit is 4096 bytes/);
  assert.doesNotMatch(reported.join(), /xxx/);
});

test('no error shows a secret of the file', () => {
  for (const text of [
    'openweather:\n  key: [s3cret\n',
    'openweather:\n  key: "s3cret\n',
    'openweather: { key: s3cret, key: s3cret }\n',
    'openweather:\n  key: { s3cret: 1 }\n',
    'openweather:\n  key: s3cret: x\n',
  ]) {
    assert.doesNotMatch(problems({ file: write(text) }).join('\n'), /s3cret/, text);
  }
});

test('what `isobar config` prints is a file of the same values', () => {
  const odd = [
    'a: b # c',
    '   ',
    '~',
    'true',
    '17',
    "it's",
    'x'.repeat(200),
    `${'word '.repeat(60)}end`,
    'two\nlines',
    'tab\tand "quotes"',
    '- list',
  ];
  for (const data of odd) {
    const loaded = load({ flags: { data, 'openweather.key': 's3cret', 'simulator.speed': '0.5' } });
    const again = load({ file: write(formatConfig(loaded), 'printed.yaml') });
    const { openweather, ...rest } = loaded.config;
    const { openweather: openweatherAgain, ...restAgain } = again.config;
    assert.deepEqual(restAgain, rest, data);
    assert.equal(openweatherAgain.url, openweather.url);
    // The mask must not become the key.
    assert.equal(openweatherAgain.key, '');
  }
});

test('describeConfig names every setting once, with its origin', () => {
  const rows = describeConfig(load({ flags: { data: '/x' } })) as { setting: string }[];
  assert.deepEqual(
    rows.map(({ setting }) => setting),
    SETTINGS.map(({ path }) => path),
  );
  assert.deepEqual(rows[0], { setting: 'data', value: '/x', origin: 'flag' });
});

/** Settings of logins that hold a text of some form, and need each other. */
const LOGINS: Readonly<Record<string, readonly string[]>> = {
  'api.auth.roles': ['a=admin', 'a b=viewer; c=admin'],
  'api.auth.oidc.issuer': ['https://a.example', 'http://localhost:1/realms/b'],
  'api.auth.oidc.client_id': ['isobar'],
  'api.auth.oidc.label': ['us', '#: "'],
  'api.auth.oidc.page_url': ['', 'https://a.example/b/'],
  'api.auth.oidc.scopes': ['openid', 'openid profile'],
  'api.auth.proxy.addresses': ['127.0.0.1', '::1, 10.0.0.0/8'],
  'api.auth.proxy.user_header': ['x-user', 'Remote-User'],
  'api.auth.proxy.role_header': ['', 'x-groups'],
  'api.auth.proxy.city_header': ['', 'x-cities'],
  'api.auth.proxy.logout_url': ['', 'https://a.example/out'],
  // Not in every mode.
  'api.auth.tokens.issuer': [''],
  'api.auth.tokens.audience': ['', 'isobar'],
  'api.auth.tokens.jwks_url': ['', 'https://a.example/keys'],
  'api.auth.tokens.algorithms': ['ES256', 'RS256, EdDSA'],
};

function valuesOf(setting: Setting): fc.Arbitrary<unknown> {
  const { type, choices, minimum, maximum, path } = setting;
  if (type === 'choice') return fc.constantFrom(...choices);
  // Else all services have to be encrypted: src/config/connections.test.ts
  if (path === 'require_tls') return fc.constant(false);
  if (type === 'boolean') return fc.boolean();
  const [min, max] = [minimum ?? 0, maximum ?? 1e9];
  if (type === 'integer') return fc.integer({ min, max });
  if (type === 'number') return fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
  if (path in LOGINS) return fc.constantFrom(...(LOGINS[path] ?? []));
  if (/^api\.auth\..*_claim$/.test(path)) return fc.constantFrom('sub', 'a.b');
  if (path.endsWith('.url')) return fc.constantFrom('http://localhost:1', 'https://a.example');
  if (path === 'alerts.page_url') return fc.constantFrom('', 'https://a.example/weather');
  if (path === 'tracing.otlp_url') return fc.constantFrom('', 'http://a:4318', 'https://b/c');
  if (path === 'log.kafka.oauth.token_url') return fc.constantFrom('https://a.example/token');
  if (path === 'log.kafka.oauth.extensions') return fc.constantFrom('a=1', 'a=1, b=two');
  if (path === 'tracing.headers') return fc.constantFrom('a=b', 'api-key=%2C,x=1');
  if (path.startsWith('engines.')) return fc.constantFrom('', 'http://a:1', 'https://b/c');
  if (/^(api|health)\.host$/.test(path)) return fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  if (path === 'api.base_path') return fc.constantFrom('', '/weather', '/a/b.c');
  if (path === 'api.allowed_hosts') return fc.array(fc.domain()).map((names) => names.join(','));
  if (path === 'api.trusted_proxies') return fc.constantFrom('', '::1, 10.0.0.0/8');
  if (path === 'api.cors_origins') return fc.constantFrom('', 'https://a.example, http://b:1');
  if (path === 'openweather.key') return fc.stringMatching(/^[!-~]{1,40}$/);
  if (path === 'api.cache.prefix') return fc.stringMatching(/^[!-~]{1,40}$/);
  if (path === 'api.cache.redis_url') return fc.constantFrom('', 'redis://:a%20b@cache:1/2');
  if (path === 'lake.hdfs.namenodes')
    return fc.constantFrom('https://a:1', 'https://a:1,https://b:2');
  if (setting.secret) return fc.stringMatching(/^\P{Cc}{1,40}$/u);
  // Variables hold no NUL, and an empty one counts as none.
  return fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !text.includes('\0'));
}

const anyConfig = fc
  .record(Object.fromEntries(SETTINGS.map((setting) => [setting.path, valuesOf(setting)])))
  .filter((values) => values['api.port'] !== values['api.tls.redirect_port'])
  .filter((values) => values['log.kafka.tls'] === true || values['log.engine'] === 'sqlite')
  .map((values) => {
    const isKerberos = values['lake.hdfs.authentication'] === 'kerberos';
    const unused = isKerberos ? ['user', 'token'] : ['keytab_file', 'principal', 'kerberos_config'];
    return { ...values, ...Object.fromEntries(unused.map((one) => [`lake.hdfs.${one}`, ''])) };
  });

const SECRETS = SETTINGS.filter(({ secret }) => secret).map(({ path }) => path);

test('a profile stands below the file and above the defaults, and must be there', () => {
  const profile = write('api:\n  port: 7001\n  host: 127.0.0.2\n', 'profile.yaml');
  const file = write('api:\n  port: 7002\n', 'above.yaml');
  const { config, origins } = load({ profile, file, defaults: { 'api.host': '127.0.0.3' } });
  assert.deepEqual([config.api.port, config.api.host], [7_002, '127.0.0.2']);
  assert.match(origins.get('api.host') ?? '', /profile\.yaml line 3$/);
  assert.throws(() => load({ profile: 'not-there.yaml' }), /not-there\.yaml/);
});

test('random valid values survive the environment, the flags and the printed file', () => {
  fc.assert(
    fc.property(anyConfig, (values) => {
      const env: Record<string, string> = {};
      for (const { path, variable } of SETTINGS) env[variable] = String(values[path]);
      const fromEnv = load({ env });
      const flags: Record<string, string> = {};
      for (const { path } of SETTINGS) flags[path] = String(values[path]);
      assert.deepEqual(load({ flags }).config, fromEnv.config);
      for (const row of describeConfig(fromEnv) as { setting: string; value: unknown }[]) {
        const isSecret = SECRETS.includes(row.setting) && values[row.setting] !== '';
        assert.equal(row.value, isSecret ? '***' : values[row.setting]);
      }
      const printed = formatConfig(fromEnv);
      assert.equal(typeof parse(printed), 'object');
      const again = load({ file: write(printed, 'random.yaml') });
      const printable = Object.entries(flags).filter(([path]) => !SECRETS.includes(path));
      assert.deepEqual(again.config, load({ flags: Object.fromEntries(printable) }).config);
    }),
    { numRuns: 60 },
  );
});

test('a configuration or key file that is a pipe or a device is refused at once, by name', () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of [pipe, '/dev/zero', folder]) {
    const refused = `${path}: expected a regular file`;
    assert.ok(problems({ file: path })[0]?.startsWith(refused));
    assert.ok(problems({ profile: path })[0]?.startsWith(refused));
    const [problem = ''] = problems({ env: { ISOBAR_OPENWEATHER_KEY_FILE: path } });
    assert.ok(problem.startsWith(`openweather.key (ISOBAR_OPENWEATHER_KEY_FILE): ${refused}`));
  }
});

test('a configuration or key file of a gigabyte is refused by its size', () => {
  const file = write('', 'gigabyte');
  truncateSync(file, 1024 ** 3);
  assert.match(problems({ file })[0] ?? '', /gigabyte: 1073741824 bytes, the limit is 1048576/);
  const env = { ISOBAR_OPENWEATHER_KEY_FILE: file };
  assert.match(problems({ env })[0] ?? '', /gigabyte: 1073741824 bytes, the limit is 4096/);
});

test('addresses of services are HTTP addresses, a list where several may be, and without secrets', () => {
  const problemOf = (path: string, value: string) => problems({ flags: { [path]: value } })[0];
  const urls = 'engines.kafka.jmx_urls';
  load({ flags: { [urls]: 'http://a:8778/jolokia, http://b:9404/jmx' } });
  assert.match(problemOf(urls, 'http://a:1,b:2') ?? '', /got "b:2"/);
  assert.match(problemOf('engines.spark.ui_url', 'http://a:1,http://b:2') ?? '', /such as http/);
  for (const wrong of ['a:1', 'ftp://a', 'http://', 'http://a?b', 'http://a b']) {
    assert.match(problemOf('engines.spark.ui_url', wrong) ?? '', /such as http/, wrong);
  }
  const secret = problemOf('engines.spark.ui_url', 'http://user:hunter2@host') ?? '';
  assert.match(secret, /without a user name and a password/);
  assert.doesNotMatch(secret, /hunter2/);
});
