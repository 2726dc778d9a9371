/**
 * The services that isobar connects to, and whether it does so encrypted: the one place that knows,
 * for `require_tls` and for `isobar doctor`.
 *
 * With `require_tls` a plain connection may lead to this machine alone, where what is sent does not reach
 * the network, and a sidecar may encrypt what goes on. Kafka and WebHDFS have no such exception: brokers
 * and NameNodes send clients on to addresses that they choose.
 */
import { isErrorCode } from '../errors.ts';
import type { ChannelConfig } from './alert-channels.ts';
import { loadChannels } from './alert-file.ts';
import { resolveSecrets } from './channel-secrets.ts';
import { isLoopbackHost } from './channel-url.ts';
import { splitList } from './list.ts';
import { parseRedisUrl, placeOf } from './redis-address.ts';
import type { Config } from './schema.ts';
import { hostPort } from './service-address.ts';
import { parseConnectAddress } from './spark-address.ts';

export interface Connection {
  /** `Kafka` */
  readonly service: string;
  /** Host and port as they may be shown. */
  readonly place: string;
  /** The setting that decides, and the value that encrypts: `log.kafka.tls`, `true`. */
  readonly setting: string;
  readonly encrypting: string;
  readonly isEncrypted: boolean;
  /** Whether it leads to this machine. */
  readonly isLocal: boolean;
  /** Whether the service sends clients on to addresses that it chooses. */
  readonly leadsOn?: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;
type Finder = (config: Config, setting: string) => readonly Connection[];

/** Each setting that holds addresses at which isobar connects, and what it connects to there now. */
const FINDERS: Readonly<Record<string, Finder>> = {
  'openweather.url': ({ collector: { source }, openweather: { key, url } }, setting) =>
    source === 'openweathermap' || (source === 'auto' && key !== '')
      ? page('OpenWeatherMap', url, setting)
      : [],
  'log.kafka.brokers': ({ log: { engine, kafka } }) =>
    engine === 'kafka' ? [brokersOf(kafka)] : [],
  'log.kafka.oauth.token_url': ({ log: { engine, kafka } }, setting) =>
    engine === 'kafka' && kafka.mechanism === 'oauthbearer'
      ? page('token endpoint of Kafka', kafka.oauth.token_url, setting)
      : [],
  'lake.hdfs.namenodes': ({ lake }, setting) =>
    lake.engine === 'hdfs'
      ? pages('WebHDFS', lake.hdfs.namenodes, setting).map((one) => ({ ...one, leadsOn: true }))
      : [],
  'analytics.spark.address': ({ analytics }, setting) =>
    analytics.engine === 'spark' ? sparkOf(analytics.spark.address, setting) : [],
  'engines.kafka.jmx_urls': ({ log, engines }, setting) =>
    log.engine === 'kafka' ? pages('JMX of Kafka', engines.kafka.jmx_urls, setting) : [],
  'engines.hdfs.journalnode_urls': ({ lake, engines }, setting) =>
    lake.engine === 'hdfs' ? pages('JournalNode', engines.hdfs.journalnode_urls, setting) : [],
  'engines.spark.ui_url': ({ engines }, setting) =>
    page('page of Spark’s driver', engines.spark.ui_url, setting),
  'engines.spark.master_url': ({ engines: { spark } }, setting) =>
    spark.ui_url === '' ? [] : page('page of Spark’s master', spark.master_url, setting),
  'index.opensearch.url': ({ index }, setting) =>
    index.engine === 'opensearch' ? page('OpenSearch', index.opensearch.url, setting) : [],
  'tracing.otlp_url': ({ tracing }, setting) =>
    page('receiver of traces', tracing.otlp_url, setting),
  'api.auth.oidc.issuer': ({ api: { auth } }, setting) =>
    auth.mode === 'oidc' ? page('provider of the sign-on', auth.oidc.issuer, setting) : [],
  'api.auth.tokens.issuer': ({ api: { auth } }, setting) =>
    page('issuer of tokens', auth.tokens.issuer, setting),
  'api.auth.tokens.jwks_url': ({ api: { auth } }, setting) =>
    page('keys of the issuer of tokens', auth.tokens.jwks_url, setting),
  'api.cache.redis_url': ({ api: { cache } }, setting) => redisOf(cache.redis_url, setting),
};

export const CONNECTING_SETTINGS: readonly string[] = Object.keys(FINDERS);

/** In the order of the settings; then the channels of the file of alerts, where that can be read. */
export function connectionsOf(config: Config, env: Env): readonly Connection[] {
  return [
    ...Object.entries(FINDERS).flatMap(([setting, find]) => find(config, setting)),
    ...channelsOf(config, env),
  ];
}

/** With `require_tls`, a line for each setting by which a service would be reached without TLS. */
export function plainProblems(config: Config, env: Env): string[] {
  if (!config.require_tls) return [];
  const plain = connectionsOf(config, env).filter(
    ({ isEncrypted, isLocal, leadsOn }) => !isEncrypted && (!isLocal || leadsOn),
  );
  const bySetting = Map.groupBy(plain, ({ setting }) => setting);
  return [...bySetting].map(([setting, found]) => {
    const places = found.map(({ place }) => place).join(', ');
    const why = `since require_tls is true: ${places} would be reached without TLS`;
    return `${setting}: expected ${found[0]?.encrypting}, ${why}`;
  });
}

/** Addresses of HTTP, separated by commas. */
function pages(service: string, addresses: string, setting: string): Connection[] {
  return splitList(addresses).flatMap((address) => page(service, address, setting));
}

/** One of them; none for an empty text. */
function page(service: string, address: string, setting: string): Connection[] {
  if (address === '') return [];
  const url = URL.parse(address);
  return [
    {
      ...{ service, setting, place: url?.host ?? 'an address', encrypting: 'https://…' },
      isEncrypted: url?.protocol === 'https:',
      isLocal: isLoopbackHost(url?.hostname ?? ''),
    },
  ];
}

function brokersOf({ brokers, tls }: Config['log']['kafka']): Connection {
  const list = splitList(brokers);
  return {
    ...{ service: 'Kafka', place: list.join(', ') },
    ...{ setting: 'log.kafka.tls', encrypting: 'true', isEncrypted: tls },
    isLocal: list.every((one) => isLoopbackHost(one.replace(/:\d+$/, ''))),
    leadsOn: true,
  };
}

function sparkOf(address: string, setting: string): Connection[] {
  let url: URL;
  try {
    url = new URL(parseConnectAddress(address).url);
  } catch {
    // It is refused where it is used, before anything is connected to.
    return [];
  }
  return [
    {
      ...{ service: 'Spark Connect', place: url.host, setting },
      encrypting: 'sc://HOST:PORT/;use_ssl=true',
      isEncrypted: url.protocol === 'https:',
      isLocal: isLoopbackHost(url.hostname),
    },
  ];
}

function redisOf(text: string, setting: string): Connection[] {
  const address = parseRedisUrl(text);
  if (address === null) return [];
  return [
    {
      ...{ service: 'Redis', place: placeOf(address), setting, encrypting: 'rediss://…' },
      isEncrypted: address.tls,
      isLocal: isLoopbackHost(address.host),
    },
  ];
}

/** A file or a secret that cannot be read is named where it is used. */
function channelsOf({ alerts: { enabled, file } }: Config, env: Env): Connection[] {
  if (!enabled || file === '') return [];
  const found = readOr(() => loadChannels(file), []);
  return found.flatMap((channel) => readOr(() => channelOf(channel, file, env), []));
}

function channelOf(channel: ChannelConfig, file: string, env: Env): Connection[] {
  const { name, type } = channel;
  const [service, at] = [`channel ${name} (${type})`, `${file}: channels.${name}`];
  if (channel.type === 'email') {
    const { host, port, security } = channel;
    return [
      {
        ...{ service, place: hostPort(host, port), setting: `${at}.security` },
        encrypting: 'starttls or tls',
        isEncrypted: security !== 'none',
        isLocal: isLoopbackHost(host),
      },
    ];
  }
  const field = ['url_file', 'url_env'].find((one) => one in channel) ?? 'url';
  return page(service, resolveSecrets(channel, env).url, `${at}.${field}`);
}

function readOr<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (isErrorCode(error, 'CONFIG_INVALID')) return otherwise;
    throw error;
  }
}
