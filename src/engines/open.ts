/** The probes that the configuration asks for: one for each service that is used. */
import type { Config } from '../config/schema.ts';
import type { EngineProbe } from './engine-probe.ts';
import type { KafkaProbeOptions } from './kafka.ts';

export interface ProbeSources {
  /** A client of its own for the topic of this data. */
  openKafka(): Promise<Omit<KafkaProbeOptions, 'jmxUrls'>>;
}

/** Connects to nothing: a service that is away is reported as such. */
export async function openProbes(
  config: Pick<Config, 'engines' | 'log' | 'lake'>,
  sources: ProbeSources,
): Promise<EngineProbe[]> {
  const { engines, log, lake } = config;
  const probes: EngineProbe[] = [];
  if (log.engine === 'kafka') {
    const { openKafkaProbe } = await import('./kafka.ts');
    const jmxUrls = parseAddresses(engines.kafka.jmx_urls);
    probes.push(openKafkaProbe({ ...(await sources.openKafka()), jmxUrls }));
  }
  if (lake.engine === 'hdfs') {
    const { openHdfsProbe } = await import('./hdfs.ts');
    const nameNodes = parseAddresses(lake.hdfs.namenodes);
    const journalNodes = parseAddresses(engines.hdfs.journalnode_urls);
    probes.push(openHdfsProbe({ nameNodes, journalNodes }));
  }
  if (engines.spark.ui_url !== '') {
    const { openSparkProbe } = await import('./spark.ts');
    const { ui_url, master_url } = engines.spark;
    const masterUrl = master_url === '' ? null : master_url;
    probes.push(openSparkProbe({ uiUrl: ui_url, masterUrl }));
  }
  return probes;
}

function parseAddresses(text: string): string[] {
  return text
    .split(',')
    .map((address) => address.trim().replace(/\/$/, ''))
    .filter((address) => address !== '');
}
