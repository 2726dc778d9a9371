import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKafkaJmx } from './kafka-jmx.ts';
import { openRates } from './rates.ts';
import { startService } from './testing/service.ts';

/** What a broker's beans hold, as both kinds of agents answer them. */
const BEANS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'kafka.server:type=BrokerTopicMetrics,name=TotalProduceRequestsPerSec': {
    EventType: 'requests',
    OneMinuteRate: 12.5,
  },
  'kafka.server:type=BrokerTopicMetrics,name=TotalFetchRequestsPerSec': { OneMinuteRate: 7.5 },
  'kafka.network:type=RequestMetrics,name=TotalTimeMs,request=Produce': { '99thPercentile': 42 },
  'kafka.server:type=KafkaRequestHandlerPool,name=RequestHandlerAvgIdlePercent': {
    OneMinuteRate: 0.97,
  },
  'kafka.server:type=KafkaServer,name=linux-disk-read-bytes': { Value: 1_000 },
  'kafka.server:type=KafkaServer,name=linux-disk-write-bytes': { Value: 5_000 },
  'kafka.log:type=LogManager,name=OfflineLogDirectoryCount': { Value: 0 },
};
const UNKNOWN = {
  requests_per_second: null,
  produce_p99_seconds: null,
  request_handlers_idle_ratio: null,
  disk_read_bytes_per_second: null,
  disk_written_bytes_per_second: null,
  offline_log_folders: null,
};

const TIMES = { timeoutMs: 5_000, signal: new AbortController().signal };

const asJolokia = (path: string) => {
  const bean = path.replace('/jolokia/read/', '');
  const value = BEANS[bean];
  // Jolokia answers 200 with its own status.
  return value === undefined ? { status: 404, error: 'none' } : { status: 200, value };
};
const asPage = (path: string) => {
  const name = new URL(path, 'http://a').searchParams.get('qry') ?? '';
  return { beans: name in BEANS ? [{ name, ...BEANS[name] }] : [] };
};

for (const [kind, path, answer] of [
  ['Jolokia', '/jolokia', asJolokia],
  ['a page of beans', '/jmx', asPage],
] as const) {
  test(`${kind}: requests, disks and folders of the brokers`, async () => {
    await using one = await startService(answer);
    await using other = await startService(answer);
    let now = 0;
    const rates = openRates(() => now);
    const urls = [one, other].map(({ url }) => url + path);
    const read = () => readKafkaJmx(urls, rates, TIMES);
    await read();
    now += 10_000;
    one.answer = (asked) => {
      const found = answer(asked);
      return asked.includes('linux-disk-write')
        ? JSON.parse(JSON.stringify(found).replace('5000', '6000'))
        : found;
    };
    assert.deepEqual(await read(), {
      requests_per_second: 40,
      produce_p99_seconds: 0.042,
      request_handlers_idle_ratio: 0.97,
      disk_read_bytes_per_second: 0,
      disk_written_bytes_per_second: 100,
      offline_log_folders: 0,
    });
  });

  test(`${kind}: what is missing, has another type or does not answer is left out`, async () => {
    await using broken = await startService((asked) =>
      answer(asked.replaceAll('name=', 'name=Other')),
    );
    await using odd = await startService(() => ({
      value: { Value: 'NaN', OneMinuteRate: -1 },
      beans: [{ Value: null, OneMinuteRate: 'NaN' }],
    }));
    const rates = openRates();
    const urls = [broken.url + path, odd.url + path, `http://127.0.0.1:1${path}`];
    assert.deepEqual(await readKafkaJmx(urls, rates, TIMES), UNKNOWN);
  });
}

test('without an address nothing is known', async () => {
  assert.deepEqual(await readKafkaJmx([], openRates(), TIMES), UNKNOWN);
});
