/**
 * What the user `isobar` may do at the brokers of a secured cluster: what it needs with these settings,
 * for real and for made-up weather, and nothing more.
 */
import { readFile } from 'node:fs/promises';
import type { Addresses } from '../../cluster/plan.ts';
import type { Config } from '../../config/schema.ts';
import { KAFKA_ROLES, permissionsOf } from '../../log/kafka-permissions.ts';
import { hoursTopicOf, topicOf } from '../../log/open.ts';

/** Does nothing for brokers that are open. Rejects with what the brokers say. */
export async function permitIsobar(
  { log }: Pick<Config, 'log'>,
  { kafka, security }: Addresses,
): Promise<void> {
  if (kafka === undefined || security === undefined) return;
  const needed = [false, true].flatMap((isSimulated) => {
    const { topic, group } = topicOf(log, isSimulated).kafka;
    const names = { topic, group, hoursTopic: hoursTopicOf(topic), analyzeTraces: true };
    return permissionsOf(KAFKA_ROLES, names);
  });
  const password = await readFile(security.passwordFiles['kafka-admin'], 'utf8');
  const { openAcls } = await import('../../log/kafka-acls.ts');
  await using acls = await openAcls(
    { ...log.kafka, user: 'admin', password },
    `User:${log.kafka.user}`,
  );
  await acls.apply(needed);
}
