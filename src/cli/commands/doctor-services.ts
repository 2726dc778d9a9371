/** Whether the services of a cluster let isobar in. They are only asked: nothing is made there. */
import { tmpdir } from 'node:os';
import type { Config } from '../../config/schema.ts';
import { isInStorage } from '../../lake/open.ts';
import { type Finding, failures, ok } from './doctor-finding.ts';

/** A person waits for the answer. */
const WAIT_S = 15;

/** Nothing for a log on this machine, which `data` looks at. */
export async function checkLog({ log }: Config): Promise<Finding[]> {
  if (log.engine !== 'kafka') return [];
  const { openClient } = await import('../../log/kafka-client.ts');
  try {
    const { topic, brokers } = log.kafka;
    await using client = await openClient(log.kafka);
    const layout = await client.persist('looking for it', () => client.look());
    const found =
      layout === null
        ? 'is not there yet, and is made at the first start'
        : `has ${layout.partitions.length} partitions`;
    return [ok('log', `Kafka answers at ${brokers}; topic ${topic} ${found}`)];
  } catch (error) {
    return failures('log', error);
  }
}

/** Nothing for a lake on this machine, which `data` looks at. */
export async function checkLake({ lake, data }: Config): Promise<Finding[]> {
  if (lake.engine !== 'hdfs') return [];
  const retry_timeout_s = Math.min(lake.hdfs.retry_timeout_s, WAIT_S);
  const hasty = { ...lake, hdfs: { ...lake.hdfs, retry_timeout_s } };
  try {
    await isInStorage(hasty, data, false, 'observations');
    return [ok('lake', `HDFS answers at ${lake.hdfs.namenodes}`)];
  } catch (error) {
    return failures('lake', error);
  }
}

/** Nothing where Spark is not used. */
export async function checkSpark({ analytics }: Config): Promise<Finding[]> {
  if (analytics.engine !== 'spark') return [];
  const { openEngine } = await import('../../sql/open.ts');
  const timeout_s = Math.min(analytics.spark.timeout_s, WAIT_S);
  try {
    const hasty = { ...analytics, spark: { ...analytics.spark, timeout_s } };
    await using engine = await openEngine(hasty, tmpdir());
    await using session = await engine.session();
    await session.query('SELECT 1');
    return [ok('engine', `Spark answers at ${analytics.spark.address}`)];
  } catch (error) {
    return failures('engine', error);
  }
}
