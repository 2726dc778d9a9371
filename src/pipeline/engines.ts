/** Watching the services that this workspace uses. */
import { openProbes } from '../engines/open.ts';
import { type EngineWatch, openWatch } from '../engines/watch.ts';
import { topicOf } from '../log/open.ts';
import type { Workspace } from './workspace.ts';

export async function watchEngines(workspace: Workspace): Promise<EngineWatch> {
  const { config, simulated } = workspace;
  const probes = await openProbes(config, {
    async openKafka() {
      const { openClient } = await import('../log/kafka-client.ts');
      const log = await workspace.log();
      const { kafka } = topicOf(config.log, simulated);
      return {
        client: await openClient(kafka),
        brokers: kafka.brokers,
        group: kafka.group,
        timeOf: (partition, offset) => log.timeOf(partition, offset),
      };
    },
    async openHdfsPages() {
      const { hdfs } = config.lake;
      if (hdfs.authentication === 'simple' && hdfs.tls_authority === '') return null;
      const { openHdfsPages } = await import('../lake/hdfs-pages.ts');
      return openHdfsPages(hdfs);
    },
  });
  const { interval_s, timeout_s, trend_h } = config.engines;
  return openWatch(probes, {
    intervalSeconds: interval_s,
    timeoutSeconds: timeout_s,
    trendHours: trend_h,
  });
}
