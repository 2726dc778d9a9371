/** `isobar doctor` on a cluster: each service that is used, whether it lets isobar in. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROFILE } from '../../src/cluster/profile.ts';
import { runCommand } from '../cases/place.ts';
import { absent, control, service } from './services.ts';

const missing = (['kafka', 'hdfs', 'spark'] as const).find((kind) => service(kind) === null);

async function findings(...settings: readonly string[]): Promise<Record<string, string>> {
  const data = mkdtempSync(join(tmpdir(), 'isobar-doctor-'));
  const { note } = await control();
  try {
    const set = settings.flatMap((one) => ['--set', one]);
    const profile = ['--profile', join(note.folder, PROFILE), '--data', data];
    const { stdout } = await runCommand([
      'doctor',
      '--json',
      '--set',
      'api.port=0',
      ...profile,
      ...set,
    ]);
    const all: { check: string; verdict: string; text: string }[] = JSON.parse(stdout);
    return Object.fromEntries(
      all.map(({ check, verdict, text }) => [check, `${verdict}: ${text}`]),
    );
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

test('doctor asks each service of a cluster', {
  skip: missing !== undefined && absent(missing),
}, async () => {
  const { log = '', lake = '', engine = '' } = await findings();
  assert.match(log, /^ok: Kafka answers at /);
  assert.match(lake, /^ok: HDFS answers at /);
  assert.match(engine, /^ok: Spark answers at /);
});

test('doctor names each service of a cluster that does not answer, once', {
  skip: missing !== undefined && absent(missing),
}, async () => {
  const found = await findings(
    ...['log.kafka.brokers=127.0.0.1:1', 'log.kafka.timeout_s=2'],
    ...['lake.hdfs.namenodes=http://127.0.0.1:1', 'lake.hdfs.retry_timeout_s=1'],
    'analytics.spark.address=sc://127.0.0.1:1',
  );
  assert.match(found.log ?? '', /^fail: LOG_UNAVAILABLE: /);
  assert.match(found.lake ?? '', /^fail: LAKE_UNAVAILABLE: /);
  assert.match(found.engine ?? '', /^fail: ENGINE_UNAVAILABLE: /);
  assert.deepEqual([found.data, found.index], [undefined, undefined]);
});
