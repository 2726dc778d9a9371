/** The log on Kafka while brokers hang, die and come back: nothing acknowledged is ever lost. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterControl } from '../../src/cluster/control.ts';
import { isErrorCode } from '../../src/errors.ts';
import type { Log } from '../../src/log/log.ts';
import { EVERYTHING } from '../../src/log/testing/records.ts';
import { until } from '../support/until.ts';
import { type KafkaPlace, makeKafkaPlace } from './kafka-place.ts';
import { absent, control, killService, service } from './services.ts';

const BATCH = 20;

/** Everything in the topic, by city, in the order of the offsets. */
async function readAll(log: Log): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (let partition = 0; partition < log.partitionCount; partition++) {
    const { next } = await log.range(partition);
    const records = await log.read(partition, 0n, EVERYTHING);
    assert.ok(BigInt(records.length) >= next, `partition ${partition} ends too early`);
    for (const [index, { key, value, offset }] of records.entries()) {
      assert.equal(offset, BigInt(index), `partition ${partition} has a gap`);
      const numbers = found.get(key) ?? [];
      numbers.push(Number(Buffer.from(value).toString()));
      found.set(key, numbers);
    }
  }
  return found;
}

/** Each number at least once; those met for the first time go up, whatever came twice. */
function assertComplete(found: ReadonlyMap<string, number[]>, batches: number): number {
  let doubled = 0;
  for (let city = 0; city < BATCH; city++) {
    const numbers = found.get(`city-${city}`) ?? [];
    const firsts = [...new Set(numbers)];
    assert.deepEqual(
      firsts,
      Array.from({ length: batches }, (_, i) => i),
      `city-${city}`,
    );
    doubled += numbers.length - firsts.length;
  }
  return doubled;
}

/** Appends one batch after the other, each again until it is accepted. */
function startWriter(log: Log, mayWait: boolean) {
  const state = { accepted: 0, refused: 0, longestMs: 0, isStopping: false };
  const done = (async () => {
    while (!state.isStopping) {
      const records = Array.from({ length: BATCH }, (_, city) => ({
        key: `city-${city}`,
        value: Buffer.from(String(state.accepted)),
      }));
      const started = performance.now();
      try {
        await log.append(records, { mayWait });
        state.accepted += 1;
      } catch (error) {
        assert.ok(isErrorCode(error, 'LOG_UNAVAILABLE'), String(error));
        state.refused += 1;
      }
      state.longestMs = Math.max(state.longestMs, performance.now() - started);
      await sleep(10);
    }
  })();
  const stop = async (): Promise<void> => {
    state.isStopping = true;
    await done;
  };
  return { state, stop, [Symbol.asyncDispose]: stop };
}

/** How many records wait in front of the log; null when it says nothing of it now. */
async function countWaiting(log: Log): Promise<bigint | null> {
  const size = await log.size().catch(() => null);
  return size?.waiting?.records ?? null;
}

/** A broker that died is registered in ZooKeeper for some seconds, and does not start meanwhile. */
async function startAgain(services: ClusterControl, name: string): Promise<void> {
  await until(`${name} is back`, () =>
    services.start(name).then(
      () => true,
      () => false,
    ),
  );
}

const single = service('kafka39')?.brokers ?? '';

describe('the only broker', { skip: single === '' && absent('kafka39') }, () => {
  const name = 'kafka39';
  let services: ClusterControl;
  before(async () => {
    services = await control();
  });
  after(async () => {
    await services.signal(name, 'SIGCONT');
    await startAgain(services, name);
  });

  const withLog = async (run: (log: Log, place: KafkaPlace) => Promise<void>) => {
    await using place = await makeKafkaPlace(single, { 'log.kafka.timeout_s': '3' });
    await using log = await place.open();
    await run(log, place);
  };

  it('hangs and wakes in the middle of appending: nothing is lost, the order stays', () =>
    withLog(async (log) => {
      await using writer = startWriter(log, false);
      await until('some are in', async () => writer.state.accepted > 20);
      await services.signal(name, 'SIGSTOP');
      await until('an append was refused', async () => writer.state.refused > 0);
      await services.signal(name, 'SIGCONT');
      const { accepted } = writer.state;
      await until('it goes on', async () => writer.state.accepted > accepted + 20);
      await writer.stop();
      // Within the limit, and a little for the machine.
      assert.ok(writer.state.longestMs < 6_000, `${writer.state.longestMs} ms`);
      assertComplete(await readAll(log), writer.state.accepted);
    }));

  it('hangs: what may wait waits here in order, and gets in when it wakes', () =>
    withLog(async (log) => {
      await using writer = startWriter(log, true);
      await until('some are in', async () => writer.state.accepted > 20);
      await services.signal(name, 'SIGSTOP');
      await until('records wait', async () => ((await countWaiting(log)) ?? 0n) > 100n);
      const { waiting } = await log.size();
      assert.equal(waiting?.error?.code, 'LOG_UNAVAILABLE');
      await assert.rejects(log.range(0), (e) => isErrorCode(e, 'LOG_UNAVAILABLE'));
      await services.signal(name, 'SIGCONT');
      await until('none waits', async () => {
        const { waiting: now } = await log.size();
        return now?.records === 0n && now.error === null;
      });
      await writer.stop();
      await until('the rest is in', async () => (await countWaiting(log)) === 0n);
      assert.equal(writer.state.refused, 0);
      assertComplete(await readAll(log), writer.state.accepted);
    }));

  it('dies: a collector that starts meanwhile knows the topic, and its records wait', () =>
    withLog(async (log, place) => {
      await log.append([{ key: 'city-0', value: Buffer.from('0') }]);
      await killService(name);
      try {
        await using blind = await place.open();
        assert.equal(blind.id, log.id);
        assert.equal(blind.partitionCount, 3);
        assert.deepEqual(
          await blind.append([{ key: 'city-0', value: Buffer.from('1') }], { mayWait: true }),
          [],
        );
        assert.equal((await blind.size()).waiting?.records, 1n);
        const stop = new AbortController();
        const news = blind.follow(stop.signal)[Symbol.asyncIterator]();
        await news.next();
        await startAgain(services, name);
        await until('it is in', async () => (await countWaiting(blind)) === 0n);
        assert.equal((await news.next()).done, false);
        stop.abort();
        assert.deepEqual((await readAll(blind)).get('city-0'), [0, 1]);
      } finally {
        await startAgain(services, name);
      }
    }));
});

const brokers = service('kafka')?.brokers ?? '';
const several = brokers.split(',').length > 2;

describe('one of three brokers', { skip: !several && absent('kafka') }, () => {
  let services: ClusterControl;
  before(async () => {
    services = await control();
  });

  for (const [what, signal] of [
    ['dies', 'SIGKILL'],
    ['hangs', 'SIGSTOP'],
  ] as const) {
    it(`${what}: another leads, reading and appending go on`, async () => {
      await using place = await makeKafkaPlace(brokers, { 'log.kafka.timeout_s': '20' });
      await using log = await place.open();
      await using writer = startWriter(log, false);
      await until('some are in', async () => writer.state.accepted > 20);
      try {
        await services.signal('kafka-2', signal);
        const { accepted } = writer.state;
        await until('it goes on', async () => writer.state.accepted > accepted + 50);
        assert.equal((await readAll(log)).size, BATCH);
      } finally {
        if (signal === 'SIGSTOP') await services.signal('kafka-2', 'SIGCONT');
        else await startAgain(services, 'kafka-2');
      }
      await writer.stop();
      assertComplete(await readAll(log), writer.state.accepted);
    });
  }
});
