/**
 * Disk and request figures of brokers by JMX over HTTP: an agent such as Jolokia
 * (`http://broker:8778/jolokia`), or a page of beans (`http://broker:9404/jmx`).
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { FigureValues } from '../model/engine-figures.ts';
import { askPart, type FetchOptions, fetchJson, type PartOptions } from './fetch-json.ts';
import type { Rates } from './rates.ts';

type JmxFigures = Pick<
  FigureValues<'kafka'>,
  | 'requests_per_second'
  | 'produce_p99_seconds'
  | 'request_handlers_idle_ratio'
  | 'disk_read_bytes_per_second'
  | 'disk_written_bytes_per_second'
  | 'offline_log_folders'
>;

const BEANS = {
  produce: [
    'kafka.server:type=BrokerTopicMetrics,name=TotalProduceRequestsPerSec',
    'OneMinuteRate',
  ],
  fetch: ['kafka.server:type=BrokerTopicMetrics,name=TotalFetchRequestsPerSec', 'OneMinuteRate'],
  slowest: ['kafka.network:type=RequestMetrics,name=TotalTimeMs,request=Produce', '99thPercentile'],
  idle: [
    'kafka.server:type=KafkaRequestHandlerPool,name=RequestHandlerAvgIdlePercent',
    'OneMinuteRate',
  ],
  read: ['kafka.server:type=KafkaServer,name=linux-disk-read-bytes', 'Value'],
  written: ['kafka.server:type=KafkaServer,name=linux-disk-write-bytes', 'Value'],
  offline: ['kafka.log:type=LogManager,name=OfflineLogDirectoryCount', 'Value'],
} as const satisfies Record<string, readonly [bean: string, attribute: string]>;

type Values = Record<keyof typeof BEANS, number | null>;

const ATTRIBUTES = Type.Record(Type.String(), Type.Unknown());
const JOLOKIA = Type.Object({ value: Type.Optional(ATTRIBUTES) });
const PAGE = Type.Object({ beans: Type.Array(ATTRIBUTES) });

/** Null for what no broker reports; a broker that does not answer is left out. Never rejects. */
export async function readKafkaJmx(
  urls: readonly string[],
  rates: Rates,
  { authority = null, ...options }: PartOptions & Pick<FetchOptions, 'authority'>,
): Promise<JmxFigures> {
  const answers = await Promise.all(
    urls.map(async (url) => {
      const read = (signal: AbortSignal) => readBroker(url, { signal, authority });
      const values = await askPart(url, options, read).catch(() => null);
      return values === null ? [] : [{ url, values }];
    }),
  );
  const brokers = answers.flat();
  const each = (name: keyof Values) => brokers.flatMap(({ values }) => values[name] ?? []);
  const growth = (name: 'read' | 'written') =>
    brokers.flatMap(({ url, values }) => {
      const value = values[name];
      return value === null ? [] : (rates.perSecond(`${url} ${name}`, value) ?? []);
    });
  const slowest = most(each('slowest'));
  return {
    requests_per_second: sum([...each('produce'), ...each('fetch')]),
    produce_p99_seconds: slowest === null ? null : slowest / 1_000,
    request_handlers_idle_ratio: least(each('idle')),
    disk_read_bytes_per_second: sum(growth('read')),
    disk_written_bytes_per_second: sum(growth('written')),
    offline_log_folders: sum(each('offline')),
  };
}

async function readBroker(address: string, asked: FetchOptions): Promise<Values> {
  const names = Object.keys(BEANS) as (keyof Values)[];
  const read = /\/jmx\/?$/.test(new URL(address).pathname) ? readPageBean : readJolokiaBean;
  const values = await Promise.all(
    names.map(async (name) => {
      const [bean, attribute] = BEANS[name];
      const value = (await read(address, bean, asked))[attribute];
      // JMX has NaN and -1 for what it does not know; JSON makes a text of the first.
      const isKnown = typeof value === 'number' && Number.isFinite(value) && value >= 0;
      return [name, isKnown ? value : null] as const;
    }),
  );
  return Object.fromEntries(values) as Values;
}

type Attributes = Static<typeof ATTRIBUTES>;

async function readPageBean(url: string, bean: string, asked: FetchOptions): Promise<Attributes> {
  const address = new URL(url);
  address.searchParams.set('qry', bean);
  const { beans } = await fetchJson(address, PAGE, asked);
  return beans.find(({ name }) => name === bean) ?? beans[0] ?? {};
}

async function readJolokiaBean(
  url: string,
  bean: string,
  asked: FetchOptions,
): Promise<Attributes> {
  const address = new URL(`${url.replace(/\/$/, '')}/read/${encodeURIComponent(bean)}`);
  const answer = await fetchJson(address, Type.Unknown(), asked);
  // A bean that the broker does not have is answered without a value.
  return Value.Check(JOLOKIA, answer) ? (answer.value ?? {}) : {};
}

const sum = (values: readonly number[]) =>
  values.length === 0 ? null : values.reduce((total, one) => total + one, 0);
const most = (values: readonly number[]) => (values.length === 0 ? null : Math.max(...values));
const least = (values: readonly number[]) => (values.length === 0 ? null : Math.min(...values));
