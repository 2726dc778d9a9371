/** Publications for tests, without a lake: the rows of the newest are set. */
import { createHash } from 'node:crypto';
import type { AnomalySource, PublishedAnomalies } from '../../analytics/published-anomalies.ts';
import type { Anomaly } from '../../model/datasets.ts';
import { bucketsOf } from './anomalies.ts';

export interface TestSource extends AnomalySource {
  publish(rows: readonly Anomaly[]): void;
  /** What the next look rejects with; may be set. */
  failure: Error | null;
  /** Buckets that were read. */
  readonly read: string[];
  /** How often it was asked for the newest. */
  readonly looks: number;
}

export function openTestSource(): TestSource {
  let newest: PublishedAnomalies | null = null;
  const read: string[] = [];
  let looks = 0;
  return {
    failure: null,
    read,
    get looks() {
      return looks;
    },
    async latest() {
      looks += 1;
      if (this.failure !== null) throw this.failure;
      return newest;
    },
    publish(rows) {
      const buckets = bucketsOf(rows);
      const hash = (value: unknown) =>
        createHash('sha256').update(JSON.stringify(value)).digest('hex');
      newest = {
        version: (newest?.version ?? 0) + 1,
        sha256: hash(rows),
        rowCount: rows.length,
        digests: async () =>
          Object.fromEntries([...buckets].map(([bucket, own]) => [bucket, hash(own)])),
        async *read(wanted) {
          for (const [bucket, own] of buckets) {
            if (!wanted.has(bucket)) continue;
            read.push(bucket);
            yield { bucket, rows: own };
          }
        },
      };
    },
  };
}
