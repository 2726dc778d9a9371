/** HTTPS as an operator meets it: made, served, asked, renewed, and explained when it is wrong. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { makeAuthority, makeServerPair } from '../src/api/tls/signing.ts';
import { freePort } from '../src/cluster/ports.ts';
import { openLeash, removeFolder } from './support/leash.ts';
import { until } from './support/until.ts';

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const DAY_MS = 86_400_000;
const FAST = ['simulator.history_days=0', 'collector.delay_s=0', 'log_level=warn'];
const folder = mkdtempSync(join(tmpdir(), 'isobar-https-'));
const data = join(folder, 'data');
const files = { certificate: join(data, 'tls/server.crt'), key: join(data, 'tls/server.key') };
const TLS = [`api.tls.certificate_file=${files.certificate}`, `api.tls.key_file=${files.key}`];
const leash = openLeash(folder);
let [port, redirectPort] = [0, 0];
let started: ChildProcess | undefined;
let errors = '';

const sets = (settings: readonly string[]) => settings.flatMap((one) => ['--set', one]);

async function run(...args: readonly string[]) {
  const env = { ...process.env, ISOBAR_OPENWEATHER_KEY: '', NODE_TEST_CONTEXT: '' };
  const child = spawn(process.execPath, [MAIN, ...args, '--data', data], { env, cwd: folder });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, 'exit');
  return { code: child.exitCode, stdout, stderr };
}

before(async () => {
  [port, redirectPort] = [await freePort(), await freePort()];
});
after(async () => {
  started?.kill('SIGKILL');
  leash[Symbol.dispose]();
  removeFolder(folder);
});

function readAuthority(): string {
  return readFileSync(join(data, 'tls/authority.crt'), 'utf8');
}

async function servedFingerprint(): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: readAuthority() });
  await once(socket, 'secureConnect');
  const found = socket.getPeerX509Certificate()?.fingerprint256;
  socket.destroy();
  return found;
}

test('one command makes the authority and a certificate, and says what to set', async () => {
  const made = await run('certificate', 'make', 'weather.example.org', 'localhost', '127.0.0.1');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^made an authority and a certificate for weather\.example\.org, loc/);
  for (const part of [`certificate_file: ${JSON.stringify(files.certificate)}`, 'authority.crt']) {
    assert.ok(made.stdout.includes(part), made.stdout);
  }
  const again = await run('certificate', 'make', 'localhost');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /server\.crt\n {2}Give --force to replace it/);
});

test('a key that others may read keeps the server from starting, and says what to do', async () => {
  chmodSync(files.key, 0o644);
  const { code, stderr } = await run('serve', ...sets([...TLS, 'api.port=0']));
  assert.equal(code, 2);
  assert.ok(
    stderr.includes(`api.tls.key_file: ${files.key}: others may read or change it`),
    stderr,
  );
  assert.ok(stderr.includes(`run chmod 600 ${files.key}`), stderr);
  chmodSync(files.key, 0o600);
});

test('serves by HTTPS, sends HTTP on, and is asked by its own commands', async () => {
  const settings = [...TLS, `api.port=${port}`, `api.tls.redirect_port=${redirectPort}`, ...FAST];
  const env = { ...process.env, ISOBAR_OPENWEATHER_KEY: '', NODE_TEST_CONTEXT: '' };
  started = spawn(process.execPath, [MAIN, 'start', '--data', data, ...sets(settings)], {
    ...{ env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  });
  if (started.pid !== undefined) leash.hold(started.pid);
  started.stderr?.setEncoding('utf8').on('data', (part: string) => {
    errors += part;
  });
  await until(
    () => `its address: ${errors}`,
    () => errors.includes(`https://127.0.0.1:${port} is up`),
  );

  const session = connectHttp2(`https://localhost:${port}`, {
    ca: readAuthority(),
    createConnection: () =>
      connect({
        ...{ port, host: '127.0.0.1', servername: 'localhost' },
        ...{ ca: readAuthority(), ALPNProtocols: ['h2'] },
      }),
  });
  const stream = session.request({ ':path': '/livez' });
  assert.deepEqual(JSON.parse(await text(stream)), { status: 'ok' });
  session.destroy();

  const asked = get(`http://127.0.0.1:${redirectPort}/?city=oslo`);
  const [answer] = await once(asked, 'response');
  answer.resume();
  const location = `https://127.0.0.1:${port}/?city=oslo`;
  assert.deepEqual([answer.statusCode, answer.headers.location], [308, location]);

  const status = await run('status', '--simulated');
  assert.match(status.stdout, / · running\n/, status.stdout + status.stderr);
  assert.match(
    status.stdout,
    /\nhttps {6}weather\.example\.org, localhost, 127\.0\.0\.1, valid un/,
  );
  const { stdout } = await run('doctor', ...sets([...TLS, `api.port=${port}`]));
  assert.match(stdout, /\nok {4}https {5}.*server\.crt: weather\.example\.org, localhost, 127/);
  assert.match(stdout, new RegExp(`\\nwarn {2}port {6}${port} .* by isobar start \\(proc`));
});

test('a renewed certificate is used by itself, and a bad one is not', async () => {
  const before = await servedFingerprint();
  const names = ['weather.example.org', 'localhost', '127.0.0.1'];
  const made = await run('certificate', 'make', ...names, '--days', '30', '--force');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^made a certificate for/);
  const { fingerprint256 } = new X509Certificate(readFileSync(files.certificate));
  await until('the new one', async () => (await servedFingerprint()) === fingerprint256);
  assert.notEqual(fingerprint256, before);

  writeFileSync(files.certificate, 'nonsense');
  await until('a warning', () => errors.includes('going on with the one that is in use'));
  assert.equal(await servedFingerprint(), fingerprint256);
  const status = await run('status', '--simulated');
  assert.match(status.stdout, / · running\n/, status.stdout + status.stderr);
  assert.match(status.stdout, /\nCONFIG_INVALID since .*server\.crt: expected PEM/);
  const doctor = await run('doctor', ...sets([...TLS, `api.port=${port}`]));
  assert.match(doctor.stdout, /\nfail {2}https {5}CONFIG_INVALID: api\.tls\.certificate_file/);
});

test('status asks no server with another certificate, and one that has expired', async () => {
  const [authority, now] = [makeAuthority('isobar test', new Date()), Date.now()];
  const old = (): ReturnType<typeof makeServerPair> =>
    makeServerPair(authority, { names: ['a.example'], days: 1, now: new Date(now - 9 * DAY_MS) });
  const [pair, other] = [old(), old()];
  const paths: string[] = [];
  const server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    paths.push(request.url ?? '');
    response.end(JSON.stringify({ data: null }));
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ended = once(started ?? server, 'exit');
  started?.kill('SIGTERM');
  await ended;
  const place = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const note = (certificate: string) =>
    writeFileSync(
      join(data, 'simulated/server.json'),
      JSON.stringify({
        ...{ pid: process.pid, command: 'isobar serve', ...place },
        certificate_sha256: new X509Certificate(certificate).fingerprint256,
      }),
    );
  note(other.certificate);
  await run('status', '--simulated');
  assert.equal(paths.length, 0, 'nothing is sent to another');
  note(pair.certificate);
  await run('status', '--simulated');
  assert.ok(paths.includes('/api/status'), paths.join());
  server.close();
});
