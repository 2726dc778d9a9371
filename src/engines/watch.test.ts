import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { FIGURES } from '../model/engine-figures.ts';
import { testProbe } from './testing/service.ts';
import { openWatch } from './watch.ts';

const SLOW = { intervalSeconds: 3_600, timeoutSeconds: 5, trendHours: 1 };
const START = Date.parse('2024-11-01T00:00:00Z');

const kafkaProbe = (next: Parameters<typeof testProbe<'kafka'>>[2]) =>
  testProbe('kafka', Object.keys(FIGURES.kafka), next);
const hdfsProbe = (next: Parameters<typeof testProbe<'hdfs'>>[2]) =>
  testProbe('hdfs', Object.keys(FIGURES.hdfs), next);

const gone = async () => {
  throw new IsobarError('SERVICE_UNREACHABLE', 'host:1: ECONNREFUSED');
};

test('the state is that of the worst figure, with what to do', async () => {
  const probe = kafkaProbe(async () => ({ lag_seconds: 601, brokers_live: 3 }));
  await using watch = openWatch([probe], SLOW);
  await watch.look();
  const [card] = watch.list();
  assert.equal(card?.state, 'warning');
  const lag = card?.figures.find(({ name }) => name === 'lag_seconds');
  assert.deepEqual(
    [lag?.value, lag?.state, lag?.threshold],
    [601, 'warning', { is: 'above', warning: 600, failing: 3_600 }],
  );
  assert.match(lag?.remedy ?? '', /isobar status/);
  probe.next = async () => ({ lag_seconds: 600, offline_partitions: 1 });
  await watch.look();
  assert.equal(watch.list()[0]?.state, 'failing');
});

test('a service that does not answer keeps its figures, with their age, until it answers again', async () => {
  let now = START;
  const probe = kafkaProbe(async () => ({ lag_records: 7 }));
  await using watch = openWatch([probe], { ...SLOW, clock: () => now });
  await watch.look();
  probe.next = gone;
  now += 180_000;
  await watch.look();
  now += 1_000;
  await watch.look();
  const [card] = watch.list();
  assert.equal(card?.state, 'unreachable');
  assert.equal(card?.age_s, 181);
  assert.equal(card?.seen_at, '2024-11-01T00:00:00.000Z');
  assert.equal(card?.error?.code, 'SERVICE_UNREACHABLE');
  // Since the first failure, not since the last.
  assert.equal(card?.error?.since, '2024-11-01T00:03:00.000Z');
  const lag = card?.figures.find(({ name }) => name === 'lag_records');
  assert.equal(lag?.value, 7);
  assert.deepEqual(lag?.trend, { step_s: 60, values: [7, null, null, null] });
  probe.next = async () => ({ lag_records: 0 });
  await watch.look();
  assert.equal(watch.list()[0]?.state, 'ok');
  assert.equal(watch.list()[0]?.error, null);
});

test('before the first answer nothing is known, and a service that never answered has no age', async () => {
  await using watch = openWatch([kafkaProbe(gone)], SLOW);
  assert.equal(watch.list()[0]?.state, 'ok');
  await watch.look();
  const [card] = watch.list();
  assert.deepEqual([card?.state, card?.seen_at, card?.age_s], ['unreachable', null, null]);
});

test('one that hangs is given up, is not asked twice at once, and delays no other', async () => {
  const held = Promise.withResolvers<object>();
  const hanging = kafkaProbe(() => held.promise);
  const well = hdfsProbe(async () => ({ blocks: 1 }));
  await using watch = openWatch([hanging, well], {
    intervalSeconds: 0.01,
    timeoutSeconds: 0.05,
    trendHours: 1,
  });
  while (well.reads < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  const [kafka, hdfs] = watch.list();
  assert.equal(hanging.reads, 1);
  assert.equal(kafka?.state, 'unreachable');
  assert.match(kafka?.error?.message ?? '', /no answer within 0.05 s/);
  assert.notEqual(hdfs?.state, 'unreachable');
  held.resolve({});
  while (hanging.reads < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await watch.look();
  assert.equal(watch.list()[0]?.state, 'ok');
});

test('the text of an unexpected error stays inside', async () => {
  const probe = kafkaProbe(async () => {
    throw new Error('password=hunter2');
  });
  await using watch = openWatch([probe], SLOW);
  await watch.look();
  assert.doesNotMatch(JSON.stringify(watch.list()), /hunter2/);
});

test('NaN and infinity count as not reported', async () => {
  const probe = kafkaProbe(async () => ({ lag_seconds: Number.NaN, lag_records: 1 / 0 }));
  await using watch = openWatch([probe], SLOW);
  await watch.look();
  const values = watch.list()[0]?.figures.map(({ value }) => value);
  assert.ok(values?.every((value) => value === null));
});

test('closing cancels what is under way, and closes the probes', async () => {
  const closed: string[] = [];
  const cancelled = Promise.withResolvers<void>();
  const waiting = kafkaProbe(
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          cancelled.resolve();
          reject(signal.reason);
        });
      }),
  );
  const other = hdfsProbe(async () => ({}));
  for (const probe of [waiting, other]) {
    probe[Symbol.asyncDispose] = async () => void closed.push(probe.kind);
  }
  const watch = openWatch([waiting, other], SLOW);
  await watch[Symbol.asyncDispose]();
  await cancelled.promise;
  assert.deepEqual(closed.sort(), ['hdfs', 'kafka']);
  const { reads } = other;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(other.reads, reads);
});

// Less than the time after which a probe is not waited for any more.
test('closing one probe waits for no other', { timeout: 1_500 }, async () => {
  const bothBegun = Promise.withResolvers<void>();
  let begun = 0;
  const probes = [kafkaProbe(async () => ({})), hdfsProbe(async () => ({}))];
  for (const probe of probes) {
    probe[Symbol.asyncDispose] = () => {
      begun += 1;
      if (begun === probes.length) bothBegun.resolve();
      return bothBegun.promise;
    };
  }
  await openWatch(probes, SLOW)[Symbol.asyncDispose]();
  assert.equal(begun, 2);
});

test('a probe that is added is asked from now on, and stands in its order', async () => {
  await using watch = openWatch([hdfsProbe(async () => ({}))], SLOW);
  const probe = kafkaProbe(async () => ({ lag_records: 1 }));
  watch.add(probe);
  await watch.look();
  assert.equal(probe.reads, 1);
  assert.deepEqual(
    watch.list().map(({ kind }) => kind),
    ['kafka', 'hdfs'],
  );
});
