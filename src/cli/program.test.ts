/**
 * The help of each command is a file of testcases/; ISOBAR_GOLDENS=write writes them anew.
 * Commands run in this process; what needs one of its own is in test/command.test.ts.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CommanderError } from 'commander';
import { findRedis, startRedis } from '../../test/support/redis-server.ts';
import { asIsobarError, type ErrorCode, IsobarError } from '../errors.ts';
import { startReceiver } from '../tracing/testing/receiver.ts';
import type { Environment } from './environment.ts';
import { buildProgram } from './program.ts';
import { openTestEnvironment } from './testing/environment.ts';

const CASES = join(import.meta.dirname, 'testcases');
const rewrites = process.env.ISOBAR_GOLDENS === 'write' && !process.env.CI;
const FIXTURE = join(import.meta.dirname, '..', 'import', 'fixtures', 'kaggle');
const KEY = '0123456789abcdef0123456789abcdef';
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-cli-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly out: string;
  readonly stderr: string;
  readonly error: unknown;
}

async function run(argv: readonly string[], env: Environment['env'] = {}): Promise<Ran> {
  const { environment, printed } = openTestEnvironment({ env });
  const program = buildProgram(environment);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return { out: printed.stdout, stderr: printed.stderr, error: null };
  } catch (error) {
    return { out: printed.stdout, stderr: printed.stderr, error };
  }
}

const data = () => ['--data', join(folder, 'data'), '--log-level', 'error'];

async function runWell(...argv: readonly string[]): Promise<string> {
  const { out, error } = await run([...argv, ...data()]);
  if (error !== null) throw error;
  return out;
}

async function failsWith(code: ErrorCode, argv: readonly string[]): Promise<string> {
  const { error, out } = await run([...argv, ...data()]);
  assert.ok(error instanceof IsobarError, `${argv.join(' ')}: ${error}`);
  assert.equal(error.code, code, `${argv.join(' ')}: ${error.message}`);
  assert.equal(out, '');
  return error.message;
}

test('the help of the program and of each command is as it was', async () => {
  const listed = /^ {2}([a-z]+) .*\n/gm;
  const { out: help } = await run(['--help']);
  const commands = help.slice(help.indexOf('Run the pipeline:'), help.indexOf('Examples:'));
  const names = [...commands.matchAll(listed)].map(([, name = '']) => name);
  assert.ok(names.length >= 13, names.join());
  for (const name of ['isobar', ...names]) {
    const { out, error } = await run(name === 'isobar' ? ['--help'] : [name, '--help']);
    assert.ok(error instanceof CommanderError && error.exitCode === 0);
    const golden = join(CASES, `${name}.txt`);
    if (rewrites) writeFileSync(golden, out);
    assert.ok(existsSync(golden), `${golden}: ISOBAR_GOLDENS=write makes it`);
    assert.equal(out, readFileSync(golden, 'utf8'), name);
    for (const line of out.split('\n')) assert.ok(line.length <= 110, `${name}: ${line}`);
  }
});

test('reports what is not understood and what to do', async () => {
  for (const [argv, pattern] of [
    [['strt'], /unknown command 'strt'[\s\S]*Did you mean start[\s\S]*isobar --help/],
    [['status', '--jsn'], /unknown option '--jsn'[\s\S]*--json/],
    [['query'], /missing required argument 'sql'/],
    [['query', 'SELECT 1', '--format', 'xml'], /Allowed choices are table, csv, json/],
    [['import', 'x', '--units', 'si'], /Allowed choices are metric, standard, imperial/],
  ] as const) {
    const { error, stderr, out } = await run(argv);
    assert.ok(error instanceof CommanderError && error.exitCode !== 0, argv.join(' '));
    assert.match(stderr, pattern);
    assert.equal(out, '');
  }
});

test('config prints values with origins as YAML and as JSON, and never the key', async () => {
  const argv = ['config', '--set', 'api.port=8080', ...data()];
  const yaml = await run(argv, { ISOBAR_OPENWEATHER_KEY: KEY });
  assert.match(yaml.out, /^ {2}port: 8080 {2}# flag$/m);
  assert.match(yaml.out, /^ {2}# key: "\*\*\*" {2}# ISOBAR_OPENWEATHER_KEY$/m);
  const json = await run([...argv, '--json'], { ISOBAR_OPENWEATHER_KEY: KEY });
  const port = JSON.parse(json.out).find((row: { setting: string }) => row.setting === 'api.port');
  assert.deepEqual(port, { setting: 'api.port', value: 8_080, origin: 'flag' });
  assert.doesNotMatch(yaml.out + yaml.stderr + json.out + json.stderr, new RegExp(KEY));
  assert.match(await failsWith('USAGE', ['config', '--set', 'api.port']), /write setting=value/);
});

test('the profile of the cluster is that of the data folder in effect', async () => {
  const place = join(folder, 'with-cluster');
  const file = join(folder, 'with-cluster.yaml');
  writeFileSync(file, `data: ${place}\n`);
  const argv = ['config', '--json', '--config', file, '--profile', 'cluster'];
  const { error } = await run(argv);
  assert.equal(asIsobarError(error).code, 'CLUSTER_ABSENT');
  assert.match(asIsobarError(error).message, /with-cluster.*profile\.yaml does not exist/);
  mkdirSync(join(place, 'cluster'), { recursive: true });
  writeFileSync(join(place, 'cluster', 'profile.yaml'), 'api:\n  port: 7007\n');
  const { out } = await run(argv);
  const port = JSON.parse(out).find(({ setting }: { setting: string }) => setting === 'api.port');
  assert.equal(port.value, 7_007);
});

test('doctor reports a taken port, a folder that cannot be written, a missing key', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const notFolder = join(folder, 'file');
  writeFileSync(notFolder, '');
  try {
    const argv = ['doctor', '--json', '--set', `api.port=${port}`, '--data', join(notFolder, 'd')];
    const { out, error } = await run(argv);
    assert.equal(asIsobarError(error).code, 'CHECK_FAILED');
    assert.match(asIsobarError(error).message, /^2 checks failed|^3 checks failed/);
    const findings = JSON.parse(out) as Record<'check' | 'verdict' | 'text' | 'remedy', string>[];
    const of = (check: string) => findings.find((finding) => finding.check === check);
    assert.equal(of('node')?.verdict, 'ok');
    assert.equal(of('key')?.verdict, 'warn');
    assert.match(of('key')?.remedy ?? '', /ISOBAR_OPENWEATHER_KEY/);
    assert.equal(of('folder')?.verdict, 'fail');
    assert.equal(of('port')?.verdict, 'fail');
    assert.match(of('port')?.text ?? '', new RegExp(`^${port} of .* is taken by another program$`));
    for (const { verdict, remedy, check } of findings) {
      if (verdict === 'fail') assert.notEqual(remedy, '', check);
    }
  } finally {
    server.close();
  }
  const odd = await run(['doctor', '--set', 'api.port=0', ...data()], {
    ISOBAR_OPENWEATHER_KEY: 'x1',
  });
  assert.match(odd.out, /key does not look like one/);
});

test('doctor says whether the shared cache can be used, without its password', async () => {
  const cacheOf = async (url: string) => {
    const env = { ISOBAR_API_CACHE_REDIS_URL: url };
    const { out } = await run(['doctor', '--json', '--set', 'api.port=0', ...data()], env);
    assert.doesNotMatch(out, /secret/);
    const findings = JSON.parse(out) as Record<'check' | 'verdict' | 'text' | 'remedy', string>[];
    return findings.find(({ check }) => check === 'cache');
  };
  assert.equal(await cacheOf(''), undefined);
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  const away = await cacheOf(`redis://:secret@127.0.0.1:${port}`);
  assert.equal(away?.text, `CACHE_UNAVAILABLE: 127.0.0.1:${port}: the connection is refused`);
  assert.match(away?.remedy ?? '', /Check api\.cache\.redis_url/);
  const program = await findRedis();
  if (program === null) return;
  await using redis = await startRedis(program, ['--requirepass', 'secret'], 'secret');
  const refused = await cacheOf(`redis://127.0.0.1:${redis.port}`);
  assert.match(refused?.text ?? '', /^CACHE_LOGIN_REFUSED: .*: the login is refused$/);
  const url = `redis://:secret@127.0.0.1:${redis.port}`;
  const full = await cacheOf(url);
  assert.deepEqual(full?.verdict, 'warn');
  assert.match(full?.text ?? '', /^Redis [\d.]+ at .* takes the login and a value, but once/);
  await redis.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  assert.equal((await cacheOf(url))?.verdict, 'ok');
});

test('doctor says whether spans are taken, and each problem of alerts and the stream', async () => {
  const findingsOf = async (settings: Readonly<Record<string, string>>) => {
    const given = { 'api.port': '0', ...settings };
    const flags = Object.entries(given).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
    const { out, error } = await run(['doctor', '--json', ...data(), ...flags]);
    const findings = JSON.parse(out) as Record<'check' | 'verdict' | 'text' | 'remedy', string>[];
    return { findings: findings.filter(({ verdict }) => verdict === 'fail'), error };
  };
  const receiver = await startReceiver();
  try {
    const { findings } = await findingsOf({ 'tracing.otlp_url': receiver.url });
    assert.deepEqual(findings, []);
  } finally {
    await receiver[Symbol.asyncDispose]();
  }
  const away = await findingsOf({ 'tracing.otlp_url': receiver.url });
  assert.match(asIsobarError(away.error).message, /^1 check failed$/);
  assert.match(away.findings[0]?.text ?? '', /v1\/traces: no answer \(ECONNREFUSED\)$/);
  assert.match(away.findings[0]?.remedy ?? '', /tracing\.otlp_url/);

  const file = join(folder, 'two-problems.yaml');
  writeFileSync(file, 'rulez: []\nchannels: 3\n');
  const { findings } = await findingsOf({ 'alerts.file': file, 'streaming.enabled': 'true' });
  assert.deepEqual(
    findings.map(({ check }) => check),
    ['alerts', 'alerts', 'stream'],
  );
  assert.match(findings[2]?.text ?? '', /streaming\.enabled: log\.engine must be kafka/);
});

test('doctor says through which proxy the provider is called, without its login', async () => {
  const proxies = async (env: Environment['env'], ...argv: readonly string[]) => {
    const { out } = await run(['doctor', '--json', '--set', 'api.port=0', ...data(), ...argv], env);
    assert.doesNotMatch(out, /secret/);
    const findings = JSON.parse(out) as Record<'check' | 'verdict' | 'text' | 'remedy', string>[];
    return findings.filter(({ check }) => check === 'proxy');
  };
  const HTTPS_PROXY = 'http://user:secret@proxy.example:3128';
  const ours = 'api.openweathermap.org';
  assert.deepEqual(await proxies({}), []);
  const [used] = await proxies({ HTTPS_PROXY });
  assert.deepEqual(used?.text, `${ours} is called through proxy.example:3128 (HTTPS_PROXY)`);
  const [excepted] = await proxies({ HTTPS_PROXY, NO_PROXY: 'openweathermap.org' });
  assert.match(excepted?.text ?? '', /is called directly, although HTTPS_PROXY is set/);
  const [wrong] = await proxies({ HTTPS_PROXY: 'socks5://user:secret@proxy.example' });
  assert.deepEqual([wrong?.verdict, wrong?.remedy], ['fail', 'Correct or unset HTTPS_PROXY.']);
});

test('a host to listen on that does not exist is a fault of its setting', async () => {
  const argv = ['serve', '--port', '0', '--set', 'api.host=no-such-host.invalid'];
  assert.match(await failsWith('CONFIG_INVALID', argv), /^api\.auth\.mode: expected local/);
  argv.push('--set', 'api.auth.mode=local');
  assert.match(await failsWith('CONFIG_INVALID', argv), /^api\.host: unknown host/);
});

test('query prints rows as a table, CSV and JSON', async () => {
  await runWell('import', FIXTURE);
  const sql = `SELECT city, count(*) AS n, 'a "b", c' AS t FROM observations
    WHERE city_id = 'denver-us' GROUP BY ALL`;
  const [row] = JSON.parse(await runWell('query', sql, '--json'));
  assert.equal(row.city, 'Denver');
  assert.equal(await runWell('query', sql), `city     n  t\nDenver  ${row.n}  a "b", c\n`);
  assert.equal(
    await runWell('query', sql, '--format', 'csv'),
    `city,n,t\r\nDenver,${row.n},"a ""b"", c"\r\n`,
  );
  assert.equal(await runWell('query', 'FROM observations LIMIT 0'), '(no rows)\n');
});

test('query cannot write, change settings, or read anything else', async () => {
  const out = join(folder, 'out.csv');
  for (const sql of [
    `COPY observations TO '${out}'`,
    `COPY (SELECT 1) TO '${out}'`,
    `EXPORT DATABASE '${out}'`,
    `ATTACH '${out}'`,
    'CREATE TABLE t AS SELECT 1',
    'CREATE VIEW v AS SELECT 1',
    'INSERT INTO observations SELECT * FROM observations',
    'DELETE FROM observations',
    'DROP VIEW observations',
    'SET memory_limit = 1',
    'RESET memory_limit',
    'PRAGMA enable_profiling',
    'CALL pragma_version()',
    'INSTALL httpfs',
    'LOAD httpfs',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP VIEW observations',
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM (SELECT * FROM read_blob('/etc/passwd'))",
    'SELEC 1',
    '',
  ]) {
    const { error, out: printed } = await run(['query', sql, ...data()]);
    assert.ok(error instanceof IsobarError, `${sql}: ${printed}`);
    assert.ok(['QUERY_INVALID', 'QUERY_FAILED'].includes(error.code), `${sql}: ${error}`);
    assert.equal(printed, '');
  }
  assert.equal(existsSync(out), false);
});

test('land --accept-loss wants offsets, and those that are lost', async () => {
  for (const text of ['9-1', '0:5', 'a:1-2', '0:1-2-3', '-1:0-1', '']) {
    const message = await failsWith('USAGE', ['land', `--accept-loss=${text}`]);
    assert.match(message, /write partition:from-to/, text);
  }
  for (const text of ['99:0-1', '0:5-3', '0:0-999999999']) {
    const { error } = await run(['land', '--accept-loss', text, ...data()]);
    assert.ok(error instanceof IsobarError && error.code !== 'INTERNAL', `${text}: ${error}`);
  }
  assert.match(await runWell('land', '--once'), /^0 landings, 0 rows landed, 0 rejected\n$/);
});

test('status and verify report what the files hold', async () => {
  const status = JSON.parse(await runWell('status', '--json'));
  assert.equal(status.simulated, false);
  assert.ok(status.table.rows > 300);
  assert.match(await runWell('status'), /not running\n[\s\S]*rejected {3}nothing/);
  assert.match(await runWell('verify'), /everything adds up\n$/);
});

test('paths that are not there are named', async () => {
  const missing = join(folder, 'none');
  assert.match(
    await failsWith('IMPORT_INVALID', ['import', missing]),
    /none: no such file or folder/,
  );
  assert.match(await failsWith('IMPORT_INVALID', ['import', import.meta.dirname]), /--mapping/);
  assert.match(
    await failsWith('CONFIG_INVALID', ['config', '--config', missing]),
    /none: the file does not exist/,
  );
});

test('a password in a file that others can read is refused', async () => {
  const file = join(folder, 'password');
  writeFileSync(file, 'heron in the reeds', { mode: 0o644 });
  const argv = ['users', 'add', 'kiosk', '--password-file', file];
  assert.match(await failsWith('CONFIG_INVALID', argv), /password: others may read or change it/);
});

test('a secret on the command line is refused, and not repeated', async () => {
  const message = await failsWith('USAGE', ['config', '--set', 'log.kafka.password=hunter2']);
  assert.match(message, /^--set log\.kafka\.password: .* set ISOBAR_LOG_KAFKA_PASSWORD, or /);
  assert.doesNotMatch(message, /hunter2/);
  // These hold none.
  const redis = 'api.cache.redis_url=redis://127.0.0.1:1';
  await runWell('config', '--set', 'openweather.key=', '--set', redis);
});

/** The program in a process of its own. */
async function runChild(argv: readonly string[], stopReading = false) {
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [main, ...argv, ...data()], {
    env: { ...process.env, NODE_TEST_CONTEXT: '', ISOBAR_OPENWEATHER_KEY: KEY },
    timeout: 60_000,
  });
  let [out, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (stopReading) child.stdout.destroy();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, out, stderr };
}

test('errors go to stderr, with the exit code of their kind, also as JSON', async () => {
  const usage = await runChild(['land', '--accept-loss', KEY]);
  assert.equal(usage.code, 2);
  assert.match(usage.stderr, /^isobar: The command was not understood\.\n.*\n.*--help\.\n$/);
  assert.doesNotMatch(usage.stderr, new RegExp(KEY));
  assert.equal(usage.out, '');
  const json = await runChild(['query', "FROM read_text('/etc/passwd')", '--json']);
  assert.notEqual(json.code, 0);
  assert.deepEqual(Object.keys(JSON.parse(json.stderr)), ['code', 'message', 'remedy']);
});

test('a reader that goes away is not an error', async () => {
  const sql = 'SELECT range AS n, repeat(range::VARCHAR, 20) AS t FROM range(200000)';
  const { code, stderr } = await runChild(['query', sql, '--format', 'csv'], true);
  assert.deepEqual([code, stderr], [0, '']);
});
