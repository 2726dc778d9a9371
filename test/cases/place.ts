/** What a case is run with: commands and servers in this process, a provider, files in a folder. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { buildProgram, reportError } from '../../src/cli/program.ts';
import { openTestEnvironment } from '../../src/cli/testing/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Logger } from '../../src/logger.ts';
import { findWebFolder, ROLES, startPipeline } from '../../src/pipeline/pipeline.ts';

type Texts = Readonly<Record<string, string>>;
// biome-ignore lint/suspicious/noExplicitAny: answers are looked at as a client sees them.
export type Json = any;

export interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A case while it runs: its own files, and a folder that is removed afterwards. */
export interface Place extends Disposable {
  /** Path of one of the case's own files, which are only read. */
  input(name: string): string;
  /** Path in the folder of this run. */
  made(name: string): string;
  write(name: string, content: string | Uint8Array): string;
  /** Writes a file of the case with some of its text replaced, each piece once. */
  writeChanged(name: string, changes: Texts): string;
}

export function openPlace(cases: string, name: string): Place {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-case-'));
  const place: Place = {
    input: (file) => join(cases, name, file),
    made: (file) => join(folder, file),
    write(file, content) {
      writeFileSync(place.made(file), content, { mode: 0o600 });
      return place.made(file);
    },
    writeChanged(file, changes) {
      let text = readFileSync(place.input(file), 'utf8');
      for (const [from, to] of Object.entries(changes)) {
        assert.equal(text.split(from).length, 2, `${file} has ${from} once`);
        text = text.replace(from, () => to);
      }
      return place.write(`changed-${file}`, text);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
  return place;
}

/** A command in this process; `onStderr` gets each text for stderr. */
export async function runCommand(
  args: readonly string[],
  signal: AbortSignal = new AbortController().signal,
  onStderr: (text: string) => void = () => {},
): Promise<Ended> {
  const { environment, printed } = openTestEnvironment({ signal, report: onStderr });
  const all = [...args, '--log-level', 'silent', '--set', 'analytics.threads=1'];
  const exit = await buildProgram(environment)
    .parseAsync(all, { from: 'user' })
    .then(
      () => 0,
      (error: unknown) => reportError(error, args.includes('--json'), environment),
    );
  return { exit, ...printed };
}

/** Imports with exit code 0: the counts, the whole summary, and what went to stderr. */
export async function importFiles(data: string, ...args: readonly string[]) {
  const { exit, stdout, stderr } = await runCommand(['import', ...args, '--data', data, '--json']);
  assert.equal(exit, 0, stderr);
  const summary: Json = JSON.parse(stdout);
  const { read, landed, duplicate, superseded, invalid } = summary;
  return { counts: { read, landed, duplicate, superseded, invalid }, summary, stderr };
}

/** The counts of an import whose rows all land, except those that are invalid. */
export function landed(read: number, invalid = 0) {
  return { read, landed: read - invalid, duplicate: 0, superseded: 0, invalid };
}

/** The error of a command that fails: its exit code, and what `--json` writes to stderr. */
export async function failureOf(...args: readonly string[]) {
  const { exit, stderr } = await runCommand([...args, '--json']);
  const { code, message } = JSON.parse(stderr);
  return { exit, code, message };
}

/** The rows of a query, each as the list of its values. */
export async function rowsOf(data: string, sql: string): Promise<unknown[][]> {
  const { exit, stdout, stderr } = await runCommand(['query', sql, '--data', data, '--json']);
  assert.equal(exit, 0, stderr);
  return JSON.parse(stdout).map((row: object) => Object.values(row));
}

/** The observations in the order of time: each one's time and these columns. */
export function observationsOf(data: string, ...columns: readonly string[]): Promise<unknown[][]> {
  const sql = `SELECT ${['observed_at', ...columns].join(', ')} FROM observations ORDER BY 1`;
  return rowsOf(data, sql);
}

/** The same rows, numbers within a billionth. */
export function assertRows(found: readonly unknown[][], expected: readonly unknown[][]): void {
  const rounded = (rows: readonly unknown[][]) =>
    rows.map((row) =>
      row.map((value) => (typeof value === 'number' ? Math.round(value * 1e9) / 1e9 : value)),
    );
  assert.deepEqual(rounded(found), rounded(expected));
}

export interface Served extends AsyncDisposable {
  readonly url: string;
  /** The log so far, a line each: code and message. */
  readonly lines: readonly string[];
  ask(path: string, options?: { method?: string; headers?: Texts }): Promise<Answer>;
  json(path: string): Promise<Json>;
}

/** All steps in this process on a free port, as `isobar start` runs them. */
export async function serve(flags: Texts, env: Texts = {}): Promise<Served> {
  const lines: string[] = [];
  const log = (first: string | object, second = '') => {
    const code = typeof first === 'string' ? '' : ((first as { code?: string }).code ?? '');
    lines.push(typeof first === 'string' ? first : `${code} ${second}`);
  };
  const logger: Logger = { debug: () => {}, info: log, warn: log, error: log };
  const defaults = { 'table.landing_age_s': 1, 'analytics.threads': 1, 'api.port': 0 };
  const { config } = loadConfig({ file: null, env, flags, defaults });
  const options = { config, roles: ROLES, logger, version: '0', command: 'isobar start' };
  const pipeline = await startPipeline({ ...options, webFolder: findWebFolder() });
  const url = pipeline.url ?? '';
  const ask: Served['ask'] = (path, asked = {}) => askServer(url + path, asked);
  return {
    url,
    lines,
    ask,
    async json(path) {
      const { status, body } = await ask(path);
      assert.equal(status, 200, `${path}: ${body}`);
      return JSON.parse(body);
    },
    [Symbol.asyncDispose]: () => pipeline[Symbol.asyncDispose](),
  };
}

/** With headers that `fetch` would not send; of a stream of events only the head is waited for. */
async function askServer(
  url: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Texts },
): Promise<Answer> {
  const asked = request(url, { method, headers, agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  let body = '';
  const isStream = response.headers['content-type']?.startsWith('text/event-stream');
  if (isStream) response.destroy();
  else for await (const piece of response.setEncoding('utf8')) body += piece;
  return { status: response.statusCode, headers: response.headers, body };
}

/** Asks again until the answer is as wanted; fails with the last one after 30 s. */
export async function until<T>(
  ask: () => Promise<T> | T,
  isRight: (answer: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    assert.ok(performance.now() < deadline, `still ${inspect(answer).slice(0, 500)}`);
    await delay(50);
  }
}

/** A server on a free port of this machine. */
export async function listen(server: Server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A provider that answers each call with this status and body; `change` may set headers. */
export async function startProvider(
  answer: () => {
    readonly status?: number;
    readonly headers?: Texts;
    readonly body: object;
  },
) {
  const keys: (string | null)[] = [];
  const server = createServer((asked, response) => {
    keys.push(new URL(asked.url ?? '', 'http://provider').searchParams.get('appid'));
    const { status = 200, headers = {}, body } = answer();
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  });
  return { keys, ...(await listen(server)) };
}
