import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { IsobarError } from '../errors.ts';
import type { Log } from './log.ts';

export interface OpenLogOptions {
  readonly clock?: () => Date;
  /** Made-up data never shares a topic with real data. */
  readonly simulated?: boolean;
  /**
   * Told when the engine is away and the log is opened from what this folder knows of it: records
   * that may wait do so on this machine. Without such knowledge opening rejects.
   */
  readonly onAway?: (error: IsobarError) => void;
}

/** The log that the configuration asks for; an embedded one lies in `folder`. */
export async function openLog(
  config: Config['log'],
  folder: string,
  options: OpenLogOptions = {},
): Promise<Log> {
  switch (config.engine) {
    case 'sqlite': {
      const { openSqliteLog } = await import('./sqlite.ts');
      return openSqliteLog({ config, folder, clock: options.clock });
    }
    case 'kafka': {
      const { openKafkaLog } = await import('./kafka.ts');
      const own = topicOf(config, options.simulated === true);
      const target = await openKafkaLog({ ...options, config: own, folder });
      return openSpooled(target, config, join(folder, 'spool'), options);
    }
  }
}

/** With the names of the topic and the group: those of made-up data are others. */
export function topicOf(config: Config['log'], simulated: boolean): Config['log'] {
  if (!simulated) return config;
  const { topic, group } = config.kafka;
  const kafka = { ...config.kafka, topic: `${topic}_simulated`, group: `${group}_simulated` };
  return { ...config, kafka };
}

/** Where the stream over this topic writes its sums. */
export function hoursTopicOf(topic: string): string {
  return `${topic}_hours`;
}

/** Records that the collector brings while no broker answers wait on this machine. */
async function openSpooled(
  target: Log,
  config: Config['log'],
  folder: string,
  { clock }: OpenLogOptions,
): Promise<Log> {
  const { openSpool } = await import('./spool.ts');
  const { openSqliteLog } = await import('./sqlite.ts');
  const waiting = {
    ...config,
    partitions: 1,
    size_max_mib: config.kafka.spool_max_mib,
    // What got into the log is removed at once, whatever the clock says.
    retention_days: -1,
  };
  const ageMaxMs = config.kafka.spool_max_age_h * 3_600_000;
  try {
    return await openSpool({
      target,
      folder,
      openWaiting: (place) => openSqliteLog({ config: waiting, folder: place, clock }),
      ageMaxMs,
      clock,
    });
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw error;
  }
}
