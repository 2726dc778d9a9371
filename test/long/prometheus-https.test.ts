/** The real Prometheus scrapes a server that speaks HTTPS, with a name of its certificate. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { freePort } from '../../src/cluster/ports.ts';
import { openLeash, removeFolder } from '../support/leash.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const folder = mkdtempSync(join(tmpdir(), 'isobar-prometheus-https-'));
const data = join(folder, 'data');
const leash = openLeash(folder);
let started: ChildProcess | undefined;
let isUp = false;

after(async () => {
  started?.kill('SIGKILL');
  if (isUp) await isobar('cluster', 'down');
  leash[Symbol.dispose]();
  removeFolder(folder);
});

async function isobar(...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [MAIN, ...args, '--data', data]);
  const [, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(child.exitCode, 0, errors);
}

test('Prometheus scrapes by HTTPS as `isobar cluster up` sets it up', {
  timeout: 240_000,
}, async () => {
  // Prometheus comes to 127.0.0.1, which the certificate does not name.
  await isobar('certificate', 'make', '*.example.org');
  const settings = [
    `api.port=${await freePort()}`,
    `api.tls.certificate_file=${join(data, 'tls/server.crt')}`,
    `api.tls.key_file=${join(data, 'tls/server.key')}`,
    ...['simulator.history_days=0', 'log_level=silent'],
  ].flatMap((one) => ['--set', one]);
  started = spawn(process.execPath, [MAIN, 'start', '--data', data, ...settings], {
    stdio: 'ignore',
  });
  if (started.pid !== undefined) leash.hold(started.pid);
  await isobar('cluster', 'up', '--only', 'prometheus', ...settings);
  isUp = true;
  const note = JSON.parse(readFileSync(join(data, 'cluster/cluster.json'), 'utf8'));
  leash.hold(note.pid);

  const query = 'isobar_api_certificate_expiry_timestamp_seconds - time()';
  const left = await until('a scrape', async () => {
    const { url } = note.addresses.prometheus;
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { result } = ((await answer.json()) as { data: { result: { value: string[] }[] } }).data;
    return result[0]?.value[1];
  });
  const days = Number(left) / 86_400;
  assert.ok(days > 395 && days < 397, `${days}`);
});
