/** Known vulnerabilities of what is shipped: reports of npm, and what may be shipped all the same. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  type Acceptance,
  judge,
  readAccepted,
  readReport,
  UnknownError,
} from '../vulnerabilities.ts';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const recorded = (name: string) => read(`test/fixtures/npm-audit/${name}.json`);

const VERSIONS: Readonly<Record<string, string>> = {
  'node_modules/fast-uri': '4.2.3',
  'node_modules/ajv/node_modules/fast-uri': '3.1.0',
  'node_modules/ajv': '8.0.0',
  'node_modules/fastify': '5.12.8',
  'node_modules/preact': '10.28.0',
  'node_modules/@preact/signals': '2.0.0',
  'node_modules/typescript': '7.0.2',
  'node_modules/@bufbuild/protoplugin/node_modules/typescript': '5.4.5',
};
const SHIPPED = [
  'fast-uri@4.2.3',
  'fast-uri@3.1.0',
  'ajv@8.0.0',
  'fastify@5.12.8',
  'preact@10.28.0',
];
const TODAY = '2026-11-30';
const versionAt = (path: string) => VERSIONS[path];
const FOUND = readReport(recorded('report'), new Set(SHIPPED), versionAt);

test('advisories of shipped packages are found, of the page too, and those of tools are not', () => {
  assert.deepEqual(
    FOUND.map(({ id, package: name, severity, versions }) => [severity, id, name, versions]),
    [
      ['high', 'GHSA-1111-2222-3333', 'fast-uri', ['3.1.0', '4.2.3']],
      ['moderate', 'GHSA-2222-3333-4444', 'preact', ['10.28.0']],
    ],
  );
  const tools = readReport(recorded('report'), new Set(['typescript@7.0.2']), versionAt);
  assert.deepEqual(
    tools.map(({ package: name }) => name),
    ['typescript'],
  );
});

test('an answer of another form is never taken for a report without vulnerabilities', () => {
  for (const answer of [
    recorded('refused'),
    ...['', 'null', '[]', '{}', '<html>', '{"vulnerabilities":{}}'],
    ...['{"auditReportVersion":3,"vulnerabilities":{}}', '{"auditReportVersion":2}'],
    '{"auditReportVersion":2,"vulnerabilities":{},"error":{"code":"ENOAUDIT"}}',
  ]) {
    assert.throws(() => readReport(answer, new Set(SHIPPED), versionAt), UnknownError, answer);
  }
  assert.throws(() => readReport(recorded('refused'), new Set(), versionAt), /405 Method Not All/);
  const elsewhere = () => readReport(recorded('report'), new Set(SHIPPED), () => undefined);
  assert.throws(elsewhere, UnknownError);
});

const acceptance = (more: Partial<Acceptance> = {}): Acceptance => ({
  ...{ id: 'GHSA-1111-2222-3333', package: 'fast-uri', until: '2026-12-31' },
  reason: 'isobar resolves no addresses of others with it',
  ...more,
});
const ACCEPTED = [acceptance(), acceptance({ id: 'GHSA-2222-3333-4444', package: 'preact' })];

test('a known vulnerability fails unless it is accepted, with a reason and an end', () => {
  assert.deepEqual(judge([], [], TODAY), { exitCode: 0, lines: [] });
  const open = judge(FOUND, [], TODAY);
  assert.equal(open.exitCode, 1);
  assert.match(
    open.lines.join('\n'),
    /^high: fast-uri 3\.1\.0, 4\.2\.3: .* \(GHSA-1111-2222-3333, /,
  );
  assert.match(open.lines.join('\n'), /^moderate: preact 10\.28\.0: .*\n {2}update it, or accept/m);
  const accepted = judge(FOUND, ACCEPTED, TODAY);
  assert.equal(accepted.exitCode, 0);
  assert.match(
    accepted.lines.join('\n'),
    /^accepted until 2026-12-31: GHSA-1111-2222-3333 of fast-/,
  );
  assert.equal(judge(FOUND, ACCEPTED, '2026-12-31').exitCode, 0, 'to the end of its day');
});

test('an acceptance of another kind does not count', () => {
  const [, preact = acceptance()] = ACCEPTED;
  for (const [more, expected] of [
    [{ until: '2026-11-29' }, /the acceptance ended on 2026-11-29/],
    [{ until: '2027-03-01' }, /90 days from now at most/],
    [{ until: 'next year' }, /expected until to be a day/],
    [{ until: '2026-13-45' }, /expected until to be a day/],
    [{ reason: 'harmless' }, /expected a reason/],
    [{ id: 'GHSA-1111-2222-3334' }, /^high: fast-uri/],
    [{ package: 'fast-url' }, /^high: fast-uri/],
  ] as const) {
    const { exitCode, lines } = judge(FOUND, [acceptance(more), preact], TODAY);
    assert.equal(exitCode, 1, JSON.stringify(more));
    assert.match(lines.join('\n'), expected);
  }
  const stale = judge([], ACCEPTED, TODAY);
  assert.equal(stale.exitCode, 0);
  assert.match(stale.lines.join('\n'), /GHSA-1111-2222-3333 of fast-uri is not known.*; remove it/);
});

test('the file of acceptances is read strictly', () => {
  assert.deepEqual(readAccepted('# none\n'), []);
  assert.deepEqual(readAccepted('[]'), []);
  const entry = '- id: A\n  package: b\n  reason: c\n  until: 2026-12-31\n';
  assert.deepEqual(readAccepted(entry), [
    { id: 'A', package: 'b', reason: 'c', until: '2026-12-31' },
  ]);
  for (const wrong of ['a: b', '- a', '- id: A\n', `${entry}  severity: low\n`, '- [a]']) {
    assert.throws(() => readAccepted(wrong), /expected a list of entries with id, package/, wrong);
  }
  const { exitCode, lines } = judge([], readAccepted(read('vulnerabilities.yaml')), TODAY);
  assert.deepEqual([exitCode, lines], [0, []], 'what is accepted today is looked at here, too');
});

/** The script with npm itself, against a registry that answers so. */
async function runAgainst(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cache = mkdtempSync(join(tmpdir(), 'isobar-npm-'));
  const settings = { registry: `http://127.0.0.1:${port}/`, cache, fetch_retries: '0' };
  const env = Object.entries(settings).map(([name, value]) => [`npm_config_${name}`, value]);
  try {
    const child = spawn(process.execPath, ['vulnerabilities.ts'], {
      cwd: root,
      env: { ...process.env, ...Object.fromEntries(env), NODE_TEST_CONTEXT: '' },
    });
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if (child.exitCode === null) await once(child, 'exit');
    return { code: child.exitCode, output, errors };
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(cache, { recursive: true, force: true });
  }
}

/** Answers as the registry does for these packages, whatever their versions. */
function registryWith(names: readonly string[]): RequestListener {
  return async (request, response) => {
    if (!request.url?.endsWith('/advisories/bulk')) return void response.writeHead(404).end('{}');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString('utf8'));
    const known = names.filter((name) => name in asked).map((name) => [name, [advisoryOf(name)]]);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(Object.fromEntries(known)));
  };
}

const advisoryOf = (name: string) => ({
  ...{ id: 1_109_001, url: 'https://github.com/advisories/GHSA-1111-2222-3333', cwe: [] },
  ...{ title: `${name} is open to all`, severity: 'low', vulnerable_versions: '>=0.0.0' },
  cvss: { score: 0, vectorString: null },
});

test('npm’s own answer decides: tools may have one, the program and the page may not', async () => {
  const tool = await runAgainst(registryWith(['typescript', '@biomejs/biome']));
  assert.deepEqual([tool.code, tool.errors], [0, '']);
  assert.match(tool.output, /^\d+ packages that are shipped: nothing to do$/m);
  const page = await runAgainst(registryWith(['fastify', 'preact']));
  assert.equal(page.code, 1, page.errors);
  assert.match(
    page.output,
    /^low: fastify \S+: fastify is open to all \(GHSA-1111-2222-3333, http/m,
  );
  assert.match(page.output, /^low: preact \S+: preact is open to all/m);
});

test('a registry that does not answer is an error, and never a pass', async () => {
  for (const listener of [
    (_, response) => response.writeHead(405).end(),
    (_, response) => response.writeHead(200).end('<html>'),
    (request) => request.socket.destroy(),
  ] satisfies RequestListener[]) {
    const { code, output, errors } = await runAgainst(listener);
    assert.deepEqual([code, output], [2, '']);
    assert.match(errors, /^the registry could not be asked for known vulnerabilities: \S.*$/m);
    assert.match(errors, /^nothing was checked; run it again where npm reaches the registry$/m);
  }
});

test('both workflows ask, after the installation and before anything is published', () => {
  for (const name of ['test', 'release']) {
    const workflow = read(`.github/workflows/${name}.yml`);
    const places = ['npm ci', 'npm run -s vulnerabilities', 'npm test'].map((command) =>
      workflow.indexOf(`- run: ${command}\n`),
    );
    assert.ok(
      places.every((at) => at > 0),
      name,
    );
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      name,
    );
  }
});
