/**
 * The real Prometheus scrapes a real server: what is exposed has nothing to criticise, the rules
 * are rules, and every expression of rules and dashboard is answered with data.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { chartOf } from '../../src/api/metric.ts';
import { listMetrics } from '../../src/api/metric-table.ts';
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { resolveProgram } from '../../src/cluster/debian.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { openLeash, removeFolder } from '../support/leash.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const TIMEOUT_MS = 120_000;

let folder = '';
let started: ChildProcess | null = null;
let leash: ReturnType<typeof openLeash>;
/** Of the server, of Prometheus, of the Alertmanager. */
let server = '';
let prometheus = '';
let alertmanager = '';

async function isobar(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args, '--data', join(folder, 'data')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [out] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(child.exitCode, 0, args.join(' '));
  return out;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-prometheus-'));
  leash = openLeash(folder);
  const port = await freePort();
  const setting = ['--set', `api.port=${port}`];
  server = `http://127.0.0.1:${port}`;
  const fast = ['simulator.history_days=1', 'simulator.interval_s=20', 'collector.delay_s=0'];
  started = spawn(
    process.execPath,
    [
      ...[MAIN, 'start', '--data', join(folder, 'data'), ...setting],
      ...[...fast, 'table.landing_age_s=1', 'log_level=silent'].flatMap((one) => ['--set', one]),
    ],
    { stdio: 'ignore' },
  );
  if (started.pid !== undefined) leash.hold(started.pid);
  await isobar('cluster', 'up', '--only', 'prometheus,alertmanager', ...setting);
  const note = JSON.parse(readFileSync(join(folder, 'data/cluster/cluster.json'), 'utf8'));
  leash.hold(note.pid);
  prometheus = note.addresses.prometheus.url;
  alertmanager = note.addresses.alertmanager.url;
});

after(async () => {
  started?.kill('SIGKILL');
  if (prometheus !== '') await isobar('cluster', 'down');
  leash[Symbol.dispose]();
  removeFolder(folder);
});

async function promtool(args: readonly string[], input: string): Promise<string> {
  const { path, env } = await resolveProgram('promtool', 'prometheus', cacheFolder(process.env));
  const child = spawn(path, args, { env: { ...process.env, ...env } });
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(child.exitCode, 0, out + err);
  return out + err;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at as a client sees them.
type Json = any;

async function ask(path: string): Promise<Json> {
  const answer: Json = await (await fetch(`${prometheus}/api/v1/${path}`)).json();
  return answer.data;
}

/** The series that answer the expression now. */
async function series(expression: string): Promise<readonly Json[]> {
  const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const body: Json = await answer.json();
  assert.equal(body.status, 'success', `${expression}: ${body.error}`);
  return body.data.result;
}

/** Those that a laptop cannot answer are only asked whether they are PromQL. */
function isAbsent(expression: string): boolean {
  return listMetrics().some(
    ([name, { absent }]) => absent !== undefined && new RegExp(`\\b${name}\\b`).test(expression),
  );
}

test('promtool finds nothing to criticise in the metrics of a running server', {
  timeout: TIMEOUT_MS,
}, async () => {
  const body = await until('metrics', async () =>
    fetch(`${server}/metrics`).then(
      (answer) => answer.text(),
      () => null,
    ),
  );
  assert.equal(await promtool(['check', 'metrics'], body), '');
});

test('the rules are rules', { timeout: TIMEOUT_MS }, async () => {
  const rules = await isobar('metrics', 'rules');
  const file = join(folder, 'rules.yml');
  writeFileSync(file, rules);
  const count = parse(rules).groups[0].rules.length;
  assert.match(await promtool(['check', 'rules', file], ''), new RegExp(`${count} rules found`));
});

test('Prometheus scrapes the server, holds its rules and knows the Alertmanager', {
  timeout: TIMEOUT_MS,
}, async () => {
  await until('a scrape', async () => (await series('up{job="isobar"} == 1')).length === 1);
  const { groups } = await ask('rules');
  const [group] = groups;
  const expected = parse(await isobar('metrics', 'rules')).groups[0].rules;
  assert.equal(group.rules.length, expected.length);
  const { activeAlertmanagers } = await until('the Alertmanager', async () => {
    const found = await ask('alertmanagers');
    return found.activeAlertmanagers.length === 1 && found;
  });
  assert.ok(activeAlertmanagers[0].url.startsWith(alertmanager));
});

test('every query of the rules is answered with data', { timeout: 2 * TIMEOUT_MS }, async () => {
  await fetch(`${server}/api/cities`);
  const { rules } = parse(await isobar('metrics', 'rules')).groups[0];
  let answered = 0;
  for (const { alert, expr } of rules) {
    // Whether or not it fires now; what it compares must be there.
    const query = expr.replace(/ (==|!=|[<>]=?) [\d.]+$/, '');
    assert.notEqual(query, expr, alert);
    await series(expr);
    if (isAbsent(query)) continue;
    await until(`${alert}: ${query}`, async () => (await series(query)).length > 0);
    answered += 1;
  }
  assert.ok(answered >= 15, `${answered}`);
});

test('every chart of the dashboard is answered with data', {
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const dashboard = JSON.parse(await isobar('metrics', 'dashboard'));
  assert.ok(dashboard.schemaVersion >= 39);
  const charts = dashboard.panels.flatMap(({ targets = [], title }: Json) =>
    targets.map(({ expr }: Json) => ({ title, expr })),
  );
  const shown = listMetrics().filter(([, { row }]) => row !== undefined);
  assert.deepEqual(
    charts.map(({ expr }: Json) => expr.replace(/ \* 1000$/, '')),
    shown.map(([name, metric]) => chartOf(name, metric)),
  );
  let answered = 0;
  for (const { title, expr } of charts) {
    await series(expr);
    if (isAbsent(expr)) continue;
    await until(`${title}: ${expr}`, async () => (await series(expr)).length > 0);
    answered += 1;
  }
  assert.ok(answered >= 15, `${answered}`);
});
