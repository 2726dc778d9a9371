/** The probes that the configuration asks for: one for each service that is used. */
import { redisAddressOf } from '../config/cache-address.ts';
import { splitList } from '../config/list.ts';
import type { Config } from '../config/schema.ts';
import { authorityOf } from '../config/tls-authority.ts';
import type { HdfsPages } from '../lake/hdfs-pages.ts';
import type { EngineProbe } from './engine-probe.ts';
import type { KafkaProbeOptions } from './kafka.ts';

export interface ProbeSources {
  /** A client of its own for the topic of this data. */
  openKafka(): Promise<Omit<KafkaProbeOptions, 'jmxUrls' | 'authority' | 'timeoutMs'>>;
  /** Null where pages of HDFS need neither a login nor trust of their own. */
  openHdfsPages(): Promise<HdfsPages | null>;
}

/** Of the time of a look, until one of several parts of a service counts as unreachable. */
const PART_OF_TIME = 0.6;

/** Connects to nothing: a service that is away is reported as such. */
export async function openProbes(
  config: Pick<Config, 'engines' | 'log' | 'lake' | 'api' | 'index'>,
  sources: ProbeSources,
): Promise<EngineProbe[]> {
  const { engines, log, lake, api, index } = config;
  const timeoutMs = engines.timeout_s * 1_000 * PART_OF_TIME;
  const probes: EngineProbe[] = [];
  if (log.engine === 'kafka') {
    const { openKafkaProbe } = await import('./kafka.ts');
    const jmxUrls = parseAddresses(engines.kafka.jmx_urls);
    const authority = authorityOf('engines.kafka.tls_authority', engines.kafka.tls_authority);
    const client = await sources.openKafka();
    probes.push(openKafkaProbe({ ...client, jmxUrls, authority, timeoutMs }));
  }
  if (lake.engine === 'hdfs') {
    const { openHdfsProbe } = await import('./hdfs.ts');
    const nameNodes = parseAddresses(lake.hdfs.namenodes);
    const journalNodes = parseAddresses(engines.hdfs.journalnode_urls);
    const pages = await sources.openHdfsPages();
    probes.push(openHdfsProbe({ nameNodes, journalNodes, pages, timeoutMs }));
  }
  if (engines.spark.ui_url !== '') {
    const { openSparkProbe } = await import('./spark.ts');
    const { ui_url, master_url, tls_authority } = engines.spark;
    const authority = authorityOf('engines.spark.tls_authority', tls_authority);
    const masterUrl = master_url === '' ? null : master_url;
    probes.push(openSparkProbe({ uiUrl: ui_url, masterUrl, authority, timeoutMs }));
  }
  const redis = redisAddressOf(api.cache);
  if (redis !== null) {
    const { openRedisProbe } = await import('./redis.ts');
    probes.push(await openRedisProbe({ address: redis, timeoutMs }));
  }
  if (index.engine === 'opensearch') {
    const { openOpenSearchProbe } = await import('./opensearch.ts');
    probes.push(openOpenSearchProbe(index.opensearch));
  }
  return probes;
}

function parseAddresses(text: string): string[] {
  return splitList(text).map((address) => address.replace(/\/$/, ''));
}
