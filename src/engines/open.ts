/** The probes that the configuration asks for: one for each service that is used. */
import type { Config } from '../config/schema.ts';
import type { EngineProbe } from './engine-probe.ts';
import type { KafkaProbeOptions } from './kafka.ts';

export interface ProbeSources {
  /** A client of its own for the topic of this data. */
  openKafka(): Promise<Omit<KafkaProbeOptions, 'jmxUrls' | 'timeoutMs'>>;
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
    probes.push(openKafkaProbe({ ...(await sources.openKafka()), jmxUrls, timeoutMs }));
  }
  if (lake.engine === 'hdfs') {
    const { openHdfsProbe } = await import('./hdfs.ts');
    const nameNodes = parseAddresses(lake.hdfs.namenodes);
    const journalNodes = parseAddresses(engines.hdfs.journalnode_urls);
    probes.push(openHdfsProbe({ nameNodes, journalNodes, timeoutMs }));
  }
  if (engines.spark.ui_url !== '') {
    const { openSparkProbe } = await import('./spark.ts');
    const { ui_url, master_url } = engines.spark;
    const masterUrl = master_url === '' ? null : master_url;
    probes.push(openSparkProbe({ uiUrl: ui_url, masterUrl, timeoutMs }));
  }
  if (api.cache.redis_url !== '') {
    const { openRedisProbe } = await import('./redis.ts');
    probes.push(await openRedisProbe({ url: api.cache.redis_url, timeoutMs }));
  }
  if (index.engine === 'opensearch') {
    const { openOpenSearchProbe } = await import('./opensearch.ts');
    probes.push(openOpenSearchProbe(index.opensearch));
  }
  return probes;
}

function parseAddresses(text: string): string[] {
  return text
    .split(',')
    .map((address) => address.trim().replace(/\/$/, ''))
    .filter((address) => address !== '');
}
