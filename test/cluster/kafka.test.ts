/** The log on Kafka: what every log must do, and what only a topic can be or become. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Producer } from '@platformatic/kafka';
import { type ErrorCode, IsobarError, isErrorCode } from '../../src/errors.ts';
import type { Log } from '../../src/log/log.ts';
import { choosePartition } from '../../src/log/partition.ts';
import { describeLog } from '../../src/log/testing/contract.ts';
import { EVERYTHING, recordsOf } from '../../src/log/testing/records.ts';
import { RECORD_BYTES_MAX } from '../../src/model/observation.ts';
import { until } from '../support/until.ts';
import { type KafkaPlace, makeKafkaPlace } from './kafka-place.ts';
import { absent, service } from './services.ts';

for (const kind of ['kafka', 'kafka39'] as const) {
  const brokers = service(kind)?.brokers ?? '';
  describe(`Kafka (${kind})`, { skip: brokers === '' && absent(kind) }, () => {
    describeLog(kind, () => makeKafkaPlace(brokers), {
      clock: 'of servers',
      limitsItself: false,
      histories: 10,
    });
    describeTopic(brokers);
    describeOpening(brokers);
    describeRecords(brokers);
  });
}

async function fails(promise: Promise<Log>, code: ErrorCode, words: RegExp): Promise<void> {
  await assert.rejects(
    promise.then((log) => log[Symbol.asyncDispose]()),
    (error) => {
      assert.ok(error instanceof IsobarError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      return true;
    },
  );
}

function describeTopic(brokers: string): void {
  const withPlace = async (run: (place: KafkaPlace) => Promise<void>) => {
    await using place = await makeKafkaPlace(brokers);
    await run(place);
  };

  it('makes the topic so that imported history stays', () =>
    withPlace(async (place) => {
      await using _log = await place.open({ config: { retention_days: 5 } });
      const [described] = await place.admin.describeConfigs({
        resources: [{ resourceType: 2, resourceName: place.topic }],
      });
      const settings = new Map(described?.configs.map(({ name, value }) => [name, value]));
      assert.equal(settings.get('message.timestamp.type'), 'LogAppendTime');
      assert.equal(settings.get('retention.ms'), String(5 * 86_400_000));
      assert.equal(settings.get('cleanup.policy'), 'delete');
      assert.equal(settings.get('max.message.bytes'), String(2 * 1024 * 1024));
    }));

  it('is another log when the topic is made anew, and says so to whoever has it open', () =>
    withPlace(async (place) => {
      await using log = await place.open();
      await log.append(recordsOf(3));
      await place.deleteTopic();
      await until('the topic is gone', async () => {
        const topics = await place.admin.listTopics();
        return !topics.includes(place.topic);
      });
      await using again = await place.open();
      assert.notEqual(again.id, log.id);
      assert.deepEqual(await again.range(0), { first: 0n, next: 0n });
      await assert.rejects(log.read(0, 0n, EVERYTHING), (e) => isErrorCode(e, 'LOG_REPLACED'));
    }));

  const refused: [string, Record<string, string>, RegExp][] = [
    [
      'that would remove imported history at once',
      { 'message.timestamp.type': 'CreateTime', 'retention.ms': '604800000' },
      /message\.timestamp\.type is CreateTime and retention\.ms is 604800000/,
    ],
    ['that is compacted', { 'cleanup.policy': 'compact' }, /cleanup\.policy is compact/],
    [
      'that drops by size',
      { 'message.timestamp.type': 'LogAppendTime', 'retention.bytes': '1000000000' },
      /retention\.bytes is 1000000000/,
    ],
    [
      'that is too narrow for a record',
      { 'message.timestamp.type': 'LogAppendTime', 'max.message.bytes': '100000' },
      /max\.message\.bytes is 100000/,
    ],
  ];
  for (const [what, settings, words] of refused) {
    it(`refuses a topic ${what}`, () =>
      withPlace(async (place) => {
        await place.createTopic(settings);
        await fails(place.open(), 'LOG_TOPIC_UNFIT', words);
      }));
  }

  it('takes a topic with the times of its producers when it keeps records for ever', () =>
    withPlace(async (place) => {
      await place.createTopic({ 'message.timestamp.type': 'CreateTime', 'retention.ms': '-1' });
      const clock = () => new Date(Date.now() + 3_650 * 86_400_000);
      await using log = await place.open({ config: { retention_days: 1 }, clock });
      await log.append(recordsOf(30));
      for (let partition = 0; partition < 3; partition++) await log.landed(partition, 10n);
      assert.equal((await log.size()).keptMs, null);
      assert.equal(await log.trim(), 0);
      for (let partition = 0; partition < 3; partition++) {
        assert.equal((await log.range(partition)).first, 0n);
      }
    }));

  it('says which offsets are gone when they were removed before they landed', () =>
    withPlace(async (place) => {
      await using log = await place.open({ config: { partitions: 1 } });
      await log.append(recordsOf(100));
      await place.admin.deleteRecords({
        topics: [{ name: place.topic, partitions: [{ partition: 0, offset: 40n }] }],
      });
      await assert.rejects(log.read(0, 7n, EVERYTHING), (error) => {
        assert.ok(error instanceof IsobarError && error.code === 'LOG_GAP', String(error));
        assert.deepEqual(error.details, { partition: 0, from: '7', to: '39' });
        return true;
      });
      assert.equal(await log.timeOf(0, 39n), null);
      assert.equal((await log.read(0, 40n, EVERYTHING)).length, 60);
    }));

  it('commits offsets for lag tools, and keeps records for others', () =>
    withPlace(async (place) => {
      await using log = await place.open({ config: { partitions: 1 } });
      await log.append(recordsOf(100));
      await log.landed(0, 60n);
      const committed = async () => {
        const [group] = await place.admin.listConsumerGroupOffsets({ groups: [place.topic] });
        return group?.topics[0]?.partitions[0]?.committedOffset;
      };
      assert.equal(await committed(), 60n);
      await log.landed(0, 80n);
      await log.landed(0, 70n);
      await until('the second offset is committed too', async () => (await committed()) === 80n);
    }));

  it('sees partitions that were added while it runs, and writes to them', () =>
    withPlace(async (place) => {
      await using log = await place.open();
      await using other = await place.open();
      await place.admin.createPartitions({
        topics: [{ name: place.topic, count: 6, assignments: null }],
      });
      await until('both see them', () => log.partitionCount === 6 && other.partitionCount === 6);
      const keys = Array.from({ length: 100 }, (_, i) => `city-${i}`);
      await log.append(keys.map((key) => ({ key, value: Buffer.from('x') })));
      for (let partition = 0; partition < 6; partition++) {
        const found = await other.read(partition, 0n, EVERYTHING);
        const expected = keys.filter((key) => choosePartition(key, 6) === partition);
        assert.deepEqual(
          found.map(({ key }) => key),
          expected,
        );
      }
    }));
}

function describeOpening(brokers: string): void {
  it('reports a refused connection within the limit', async () => {
    await using place = await makeKafkaPlace(brokers);
    const started = performance.now();
    await fails(
      place.openWith({ brokers: '127.0.0.1:9', timeout_s: 2 }),
      'LOG_UNAVAILABLE',
      /127\.0\.0\.1:9: looking for it: .*ECONNREFUSED/,
    );
    assert.ok(performance.now() - started < 4_000);
  });

  it('refuses invalid broker addresses, and a topic that no broker accepts', async () => {
    await using place = await makeKafkaPlace(brokers);
    await fails(
      place.openWith({ brokers: 'kafka' }),
      'CONFIG_INVALID',
      /"kafka" is not of the form host:port/,
    );
    await fails(place.openWith({ topic: 'no/topic' }), 'LOG_TOPIC_UNFIT', /INVALID_TOPIC/);
    await fails(
      place.openWith({ replication: 9 }),
      'LOG_TOPIC_UNFIT',
      /INVALID_REPLICATION_FACTOR/,
    );
  });
}

function describeRecords(brokers: string): void {
  for (const compression of ['none', 'snappy', 'lz4', 'zstd', 'gzip'] as const) {
    it(`gives back what it took with the compression ${compression}`, async () => {
      await using place = await makeKafkaPlace(brokers);
      // The brokers' own limit, which leaves little room for a compression that does not help.
      await place.createTopic({
        'message.timestamp.type': 'LogAppendTime',
        'max.message.bytes': '1048588',
      });
      await using log = await place.openWith({ compression });
      // Incompressible and as large as may be, many alike, and none.
      const large = crypto.getRandomValues(new Uint8Array(60_000));
      const values = [
        Buffer.concat(Array.from({ length: 15 }, () => large)),
        ...Array.from({ length: 3_000 }, (_, i) => Buffer.from(`{"temperature_c": ${i}}`)),
        Buffer.alloc(0),
        crypto.getRandomValues(new Uint8Array(65_536)),
      ];
      const noise = new Uint8Array(RECORD_BYTES_MAX);
      for (let at = 0; at < noise.length; at += 65_536) {
        crypto.getRandomValues(noise.subarray(at, Math.min(noise.length, at + 65_536)));
      }
      values.push(noise, noise, noise);
      await log.append(values.map((value) => ({ key: 'a', value })));
      const found = await log.read(choosePartition('a', 3), 0n, EVERYTHING);
      assert.equal(found.length, values.length);
      for (const [i, { value }] of found.entries()) {
        assert.ok(Buffer.from(value).equals(values[i] ?? Buffer.alloc(1)), `record ${i}`);
      }
    });
  }

  it('reads what others produce: without keys, without values, with headers', async () => {
    await using place = await makeKafkaPlace(brokers);
    await using log = await place.open({ config: { partitions: 1 } });
    const producer = new Producer({ clientId: 'other', bootstrapBrokers: brokers.split(',') });
    const { topic } = place;
    const headers = new Map([[Buffer.from('h'), Buffer.from('1')]]);
    await producer.send({
      acks: -1,
      messages: [
        { topic, value: Buffer.from('no key'), headers },
        { topic, key: Buffer.from('k'), value: null as unknown as Buffer },
        { topic, key: Buffer.from('k'), value: Buffer.from('both'), headers },
      ],
    });
    await producer.close();
    const found = await log.read(0, 0n, EVERYTHING);
    assert.deepEqual(
      found.map(({ key, value }) => [key, Buffer.from(value).toString()]),
      [
        ['', 'no key'],
        ['k', ''],
        ['k', 'both'],
      ],
    );
  });

  it('passes the markers of transactions', async () => {
    await using place = await makeKafkaPlace(brokers);
    await using log = await place.open({ config: { partitions: 1 } });
    const producer = new Producer({
      clientId: 'other',
      bootstrapBrokers: brokers.split(','),
      idempotent: true,
      transactionalId: place.topic,
    });
    for (let i = 0; i < 3; i++) {
      const transaction = await producer.beginTransaction();
      await transaction.send({
        messages: [{ topic: place.topic, value: Buffer.from(`v${i}`) }],
      });
      await transaction.commit();
    }
    await producer.close();
    await until('the last marker is there', async () => (await log.range(0)).next === 6n);
    const found = await log.read(0, 0n, EVERYTHING);
    assert.deepEqual(
      found.map(({ offset, value }) => [offset, Buffer.from(value).toString()]),
      [
        [0n, 'v0'],
        [2n, 'v1'],
        [4n, 'v2'],
      ],
    );
    assert.deepEqual(await log.read(0, 5n, EVERYTHING), []);
  });
}
