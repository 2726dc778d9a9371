/** The profile of a cluster: the settings with which isobar uses its services. */
import { readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { LAKE_FOLDER } from './hdfs-security.ts';
import type { Addresses, PasswordName } from './plan.ts';

export const PROFILE = 'profile.yaml';

/**
 * The text of a configuration file, with the passwords of a secured cluster; rooms whose service is not
 * there stay as they are.
 */
export async function profileText(addresses: Addresses, ha: boolean): Promise<string> {
  const { kafka, kafka39, hdfs, spark, redis, opensearch } = addresses;
  const brokers = (kafka ?? kafka39)?.brokers;
  const replication = ha && kafka !== undefined ? 3 : 1;
  const secured = await securedSettings(addresses);
  const settings = {
    ...(brokers === undefined
      ? {}
      : { log: { engine: 'kafka', kafka: { brokers, replication, ...secured?.kafka } } }),
    ...(hdfs === undefined
      ? {}
      : {
          lake: {
            engine: 'hdfs',
            hdfs: { namenodes: hdfs.namenodes, address: hdfs.address, ...secured?.hdfs },
          },
        }),
    // Spark reads the lake by itself: without HDFS it would look on another machine's disk.
    ...(spark === undefined
      ? {}
      : { analytics: { engine: 'spark', spark: { address: spark.address, ...secured?.spark } } }),
    ...(redis === undefined ? {} : { api: { cache: { redis_url: redis.url, ...secured?.redis } } }),
    ...enginesOf(hdfs?.journalNodes ?? '', spark, secured?.spark.tls_authority),
    ...(opensearch === undefined
      ? {}
      : {
          index: {
            engine: 'opensearch',
            opensearch: { url: opensearch.url, ...secured?.opensearch },
          },
        }),
  };
  const head = '# The services of `isobar cluster up`; use it with --profile.\n';
  return `${head}${stringify(settings)}`;
}

/** How the user `isobar` logs in at each service, and which authority it trusts. */
async function securedSettings({ security, redis }: Addresses) {
  if (security === undefined) return null;
  const { authority, kerberosConfig, keytab, passwordFiles } = security;
  const trust = { tls_authority: authority };
  const passwordOf = (name: PasswordName) => readFile(passwordFiles[name], 'utf8');
  const login = `isobar:${await passwordOf('redis')}@`;
  return {
    kafka: {
      ...{ tls: true, ...trust, mechanism: 'scram-sha-512', user: 'isobar' },
      password: await passwordOf('kafka'),
    },
    hdfs: {
      ...{ folder: LAKE_FOLDER, authentication: 'kerberos', ...trust },
      ...{ kerberos_config: kerberosConfig, keytab_file: keytab },
    },
    spark: { ...trust, token: await passwordOf('spark') },
    opensearch: { ...trust, user: 'isobar', password: await passwordOf('opensearch') },
    redis: { ...trust, redis_url: redis?.url.replace('://', `://${login}`) },
  };
}

/** Where they are watched, beside the addresses above. */
function enginesOf(
  journalNodes: string,
  spark: Addresses['spark'],
  tls_authority: string | undefined,
): object {
  const hdfs = journalNodes === '' ? {} : { hdfs: { journalnode_urls: journalNodes } };
  const master = spark?.master == null ? {} : { master_url: spark.master };
  const trust = tls_authority === undefined ? {} : { tls_authority };
  const engines =
    spark === undefined ? hdfs : { ...hdfs, spark: { ui_url: spark.ui, ...master, ...trust } };
  return Object.keys(engines).length === 0 ? {} : { engines };
}
