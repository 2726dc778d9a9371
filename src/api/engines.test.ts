import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testProbe } from '../engines/testing/service.ts';
import { openWatch } from '../engines/watch.ts';
import { IsobarError } from '../errors.ts';
import { FIGURES } from '../model/engine-figures.ts';
import type { EnginesAnswer } from './engine-schemas.ts';
import { quantile } from './own-figures.ts';
import { openTestApi } from './testing/api.ts';

const SLOW = { intervalSeconds: 3_600, timeoutSeconds: 5, trendHours: 1 };

test('/api/engines has the server itself and the services, in their order', async () => {
  const probe = testProbe('hdfs', Object.keys(FIGURES.hdfs), async () => ({ missing_blocks: 2 }));
  await using engines = openWatch([probe], SLOW);
  await using api = await openTestApi({ change: (context) => ({ ...context, engines }) });
  await api.app.inject('/api/cities');
  await api.app.inject('/api/cities');
  await engines.look();
  const answer = await api.app.inject('/api/engines');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const { meta, data } = answer.json<EnginesAnswer>();
  assert.equal(meta.interval_s, 3_600);
  assert.deepEqual(
    data.map(({ kind, state }) => [kind, state]),
    [
      ['api', 'ok'],
      ['hdfs', 'failing'],
    ],
  );
  const [own] = data;
  assert.equal(own?.address, '127.0.0.1:0');
  assert.deepEqual(
    own?.figures.map(({ name }) => name),
    Object.keys(FIGURES.api),
  );
  const values = Object.fromEntries(own?.figures.map(({ name, value }) => [name, value]) ?? []);
  assert.ok((values.requests_per_second ?? 0) > 0);
  assert.ok((values.request_p99_seconds ?? 0) > 0);
  assert.equal(values.error_ratio, 0);
  assert.equal(values.cache_hit_ratio, 0.5);
  assert.equal(values.event_streams, 0);
  assert.deepEqual(
    own?.parts.map(({ name }) => name),
    ['/api/cities'],
  );
});

test('metrics of the services have a sample while they answer, and their age afterwards', async () => {
  const probe = testProbe('kafka', Object.keys(FIGURES.kafka), async () => ({ lag_seconds: 3 }));
  await using engines = openWatch([probe], SLOW);
  await using api = await openTestApi({ change: (context) => ({ ...context, engines }) });
  await engines.look();
  const before = (await api.app.inject('/metrics')).body;
  assert.match(before, /^isobar_engines_kafka_lag_seconds 3$/m);
  assert.match(before, /^isobar_engines_up\{engine="kafka"\} 1$/m);
  probe.next = async () => {
    throw new IsobarError('SERVICE_UNREACHABLE', 'gone');
  };
  await engines.look();
  const after = (await api.app.inject('/metrics')).body;
  assert.doesNotMatch(after, /^isobar_engines_kafka_lag_seconds \d/m);
  assert.match(after, /^isobar_engines_up\{engine="kafka"\} 0$/m);
  assert.match(after, /^isobar_engines_age_seconds\{engine="kafka"\} \d/m);
});

test('a quantile is linear within its bucket, and beyond the last bound that bound', () => {
  const buckets = new Map([
    [1, 50],
    [2, 100],
    [Number.POSITIVE_INFINITY, 100],
  ]);
  assert.equal(quantile(buckets, 0.5), 1);
  assert.equal(quantile(buckets, 0.75), 1.5);
  assert.equal(
    quantile(
      new Map([
        [1, 0],
        [Number.POSITIVE_INFINITY, 4],
      ]),
      0.5,
    ),
    1,
  );
  assert.equal(quantile(new Map(), 0.5), null);
});
