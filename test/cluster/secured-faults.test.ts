/** The drills, and two NameNodes that take over from each other, where all is secured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSecuredCluster } from './secured-cluster.ts';
import { absent, service } from './services.ts';

const TIMEOUT_MS = 1_800_000;

test('the drills pass on a secured cluster', {
  skip: service('kafka') === null && absent('kafka'),
  timeout: TIMEOUT_MS,
}, async () => {
  await using cluster = await startSecuredCluster(
    '--ha',
    '--only',
    'kafka,hdfs,spark,redis,opensearch',
  );
  const { passed, output } = await cluster.test('drills-faults.test.ts');
  assert.ok(passed, output);
});
