/**
 * Real reverse proxies in front of a real server, as docs/reverse-proxy.md sets them up: below a path,
 * with the event stream as it comes and the visitor's own address.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { openTestApi, type TestApi } from '../../src/api/testing/api.ts';
import {
  authority,
  openLogRecorder,
  openSecureApi,
  type SecureApi,
} from '../../src/api/tls/testing/secure-api.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { observation } from '../../src/table/testing/lake.ts';
import { findProgram } from '../support/debian-program.ts';
import { openLeash, removeFolder } from '../support/leash.ts';
import { until } from '../support/until.ts';

const HOST = 'weather.example.org';
const PROXY = '127.0.0.1';
const VISITOR = '127.0.0.2';
const TIMEOUT_MS = 120_000;
const SETTINGS = { allowed_hosts: HOST, base_path: '/weather', trusted_proxies: PROXY };

interface ProxyKind {
  readonly name: string;
  readonly package: string;
  arguments(folder: string): readonly string[];
  /** Name and text of its configuration. */
  configure(places: Places): readonly [name: string, text: string];
}

interface Places {
  readonly folder: string;
  readonly port: number;
  readonly server: number;
  /** File with the authority of the server when it speaks HTTPS. */
  readonly authority: string | null;
}

const nginx = (pass: string): ProxyKind => ({
  name: 'nginx',
  package: 'nginx',
  arguments: (folder) => ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'],
  configure: ({ folder, port, server, authority }) => {
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${join(folder, name)};`,
    );
    const verified = `proxy_ssl_trusted_certificate ${authority};
      proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on;`;
    const scheme = authority === null ? 'http' : 'https';
    return [
      'nginx.conf',
      `daemon off; pid nginx.pid; worker_processes 1;
events {}
http {
  access_log off; gzip on; gzip_types application/json; ${temp.join(' ')}
  server {
    listen ${PROXY}:${port};
    location = /weather { return 308 /weather/; }
    location /weather/ {
      proxy_pass ${scheme}://127.0.0.1:${server}${pass};
      ${authority === null ? '' : verified}
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_read_timeout 1h;
    }
  }
}
`,
    ];
  },
});

const HAPROXY: ProxyKind = {
  name: 'haproxy',
  package: 'haproxy',
  arguments: () => ['-f', 'haproxy.cfg', '-db'],
  configure: ({ port, server, authority }) => [
    'haproxy.cfg',
    `defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend visitors
  bind ${PROXY}:${port}
  http-request redirect code 308 location /weather/ if { path /weather }
  use_backend isobar if { path_beg /weather/ }
backend isobar
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  server isobar 127.0.0.1:${server} ${
    authority === null ? '' : `ssl verify required ca-file ${authority} verifyhost localhost`
  }
`,
  ],
};

const CADDY: ProxyKind = {
  name: 'caddy',
  package: 'caddy',
  arguments: () => ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'],
  configure: ({ port, server }) => [
    'Caddyfile',
    `{
  admin off
  auto_https off
}
http://:${port} {
  bind ${PROXY}
  redir /weather /weather/ 308
  reverse_proxy /weather/* 127.0.0.1:${server}
}
`,
  ],
};

const KINDS = [
  { title: 'nginx', kind: nginx(''), secure: false },
  { title: 'nginx that takes the path away', kind: nginx('/'), secure: false, passes: false },
  { title: 'nginx that comes by HTTPS', kind: nginx(''), secure: true },
  { title: 'HAProxy', kind: HAPROXY, secure: false },
  { title: 'HAProxy that comes by HTTPS', kind: HAPROXY, secure: true },
  { title: 'Caddy', kind: CADDY, secure: false },
];

const root = mkdtempSync(join(tmpdir(), 'isobar-proxies-'));
const leash = openLeash(root);
const logger = openLogRecorder();
let plain: TestApi;
let secure: SecureApi;
let ports = { plain: 0, secure: 0 };
before(async () => {
  plain = await openTestApi({
    change: (context) => ({
      ...context,
      logger,
      config: { ...context.config, ...SETTINGS, events_max: 1_000 },
    }),
  });
  secure = await openSecureApi({
    config: SETTINGS,
    change: (context) => ({ ...context, logger }),
  });
  const address = await plain.app.listen({ host: '127.0.0.1', port: 0 });
  ports = { plain: Number(new URL(address).port), secure: secure.port };
});
after(async () => {
  await plain[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
  leash[Symbol.dispose]();
  removeFolder(root);
});

async function ask(port: number, path: string, options: RequestOptions = {}) {
  const headers = { host: HOST, ...options.headers };
  const asked = get({
    host: PROXY,
    port,
    path,
    localAddress: VISITOR,
    agent: false,
    ...options,
    headers,
  });
  return (await once(asked, 'response'))[0] as IncomingMessage;
}

/** The client of the last request that was logged for this path. */
function clientOf(path: string): string | undefined {
  const lines = logger.lines.filter((line) => line.includes(`"path":"${path}"`));
  return JSON.parse(lines.at(-1)?.replace(/^[^{]*/, '') ?? '{}').client;
}

for (const { title, kind, secure: isSecure, passes = true } of KINDS) {
  describe(title, () => {
    let child: ChildProcess | undefined;
    let port = 0;
    before(async () => {
      const program = await findProgram(kind.name, kind.package);
      if (program === null) return;
      const folder = join(root, title.replaceAll(' ', '-'));
      mkdirSync(folder);
      port = await freePort();
      const trusted = join(folder, 'authority.crt');
      writeFileSync(trusted, authority.certificate);
      const server = isSecure ? ports.secure : ports.plain;
      const places = { folder, port, server, authority: isSecure ? trusted : null };
      const [name, configuration] = kind.configure(places);
      writeFileSync(join(folder, name), configuration);
      const env = { ...process.env, ...program.env, HOME: folder };
      child = spawn(program.path, kind.arguments(folder), { cwd: folder, env, stdio: 'pipe' });
      if (child.pid !== undefined) leash.hold(child.pid);
      const said = child.stderr === null ? '' : text(child.stderr);
      let end: string | null = null;
      void once(child, 'exit').then(async () => {
        end = await said;
      });
      await until(`${title} to listen`, () => {
        assert.equal(end, null, `${title} has ended`);
        return isOpen(port);
      });
    });
    after(async () => {
      const running = child;
      if (running === undefined || running.exitCode !== null) return;
      const ended = once(running, 'exit');
      running.kill('SIGTERM');
      await ended;
    });

    test('below a path, with the address of the visitor', { timeout: TIMEOUT_MS }, async (t) => {
      if (child === undefined) return t.skip(`${kind.name} is neither here nor in Debian’s lists`);
      const bare = await ask(port, '/weather');
      const { pathname } = new URL(bare.headers.location ?? '', `http://${HOST}`);
      assert.deepEqual([bare.statusCode, pathname], [308, '/weather/']);
      const openapi = JSON.parse(await text(await ask(port, '/weather/openapi.json')));
      assert.deepEqual(openapi.servers, [{ url: '/weather' }]);
      for (const path of ['/weather/', '/weather/docs', '/weather/api/cities?limit=1']) {
        assert.ok([200, 503].includes((await ask(port, path)).statusCode ?? 0), path);
      }
      const live = await text(await ask(port, '/weather/livez'));
      assert.deepEqual(JSON.parse(live), { status: 'ok' });
      const path = passes ? '/weather/livez' : '/livez';
      assert.equal(clientOf(path), VISITOR);
      const forged = { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7' };
      await text(await ask(port, '/weather/livez', { headers: forged }));
      assert.equal(clientOf(path), VISITOR, 'what a visitor claims is not believed');
      const evil = await ask(port, '/weather/api/status', { headers: { host: 'evil.example' } });
      assert.equal(evil.statusCode, 403);
    });

    test('with events as they come', { timeout: TIMEOUT_MS }, async (t) => {
      if (child === undefined) return t.skip(`${kind.name} is neither here nor in Debian’s lists`);
      const headers = { 'accept-encoding': 'gzip', accept: 'text/event-stream' };
      const stream = await ask(port, '/weather/api/events', { headers });
      assert.equal(stream.headers['content-encoding'], undefined);
      let received = '';
      stream.setEncoding('utf8').on('data', (part: string) => {
        received += part;
      });
      await until('the first words', () => received.includes('retry:'));
      const { api } = isSecure ? secure : { api: plain };
      for (const degrees of [11, 12, 13]) {
        api.put(0, observation('berlin', degrees, { temperature_c: degrees }));
        // One by one, while the stream is open: nothing waits for more to come.
        await until(`${degrees} °C`, () => received.includes(`"temperature_c":${degrees}`), 5_000);
      }
      stream.destroy();
    });
  });
}

test('a client that is not a trusted proxy cannot forge its address', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-host': HOST };
  await text(await ask(ports.plain, '/readyz', { headers }));
  assert.equal(clientOf('/readyz'), VISITOR);
  const answer = await ask(ports.plain, '/livez', {
    headers: { ...headers, host: 'evil.example' },
  });
  assert.equal(answer.statusCode, 403);
});

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, PROXY);
  const opened = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return opened;
}
