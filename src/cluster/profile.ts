/** The profile of a cluster: the settings with which isobar uses its services. */
import { stringify } from 'yaml';
import type { Addresses } from './plan.ts';

export const PROFILE = 'profile.yaml';

/** The text of a configuration file; rooms whose service is not there stay as they are. */
export function profileText(
  { kafka, kafka39, hdfs, spark, redis, opensearch }: Addresses,
  ha: boolean,
): string {
  const brokers = (kafka ?? kafka39)?.brokers;
  const replication = ha && kafka !== undefined ? 3 : 1;
  const settings = {
    ...(brokers === undefined ? {} : { log: { engine: 'kafka', kafka: { brokers, replication } } }),
    ...(hdfs === undefined
      ? {}
      : {
          lake: {
            engine: 'hdfs',
            hdfs: { namenodes: hdfs.namenodes, address: hdfs.address },
          },
        }),
    // Spark reads the lake by itself: without HDFS it would look on another machine's disk.
    ...(spark === undefined
      ? {}
      : { analytics: { engine: 'spark', spark: { address: spark.address } } }),
    ...(redis === undefined ? {} : { api: { cache: { redis_url: redis.url } } }),
    ...enginesOf(hdfs?.journalNodes ?? '', spark),
    ...(opensearch === undefined
      ? {}
      : { index: { engine: 'opensearch', opensearch: { url: opensearch.url } } }),
  };
  const head = '# The services of `isobar cluster up`; use it with --profile.\n';
  return `${head}${stringify(settings)}`;
}

/** Where they are watched, beside the addresses above. */
function enginesOf(journalNodes: string, spark: Addresses['spark']): object {
  const hdfs = journalNodes === '' ? {} : { hdfs: { journalnode_urls: journalNodes } };
  const master = spark?.master == null ? {} : { master_url: spark.master };
  const engines = spark === undefined ? hdfs : { ...hdfs, spark: { ui_url: spark.ui, ...master } };
  return Object.keys(engines).length === 0 ? {} : { engines };
}
