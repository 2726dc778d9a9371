import { Type } from 'typebox';
import { section, whole } from './section.ts';

export const STREAMING = section(
  'Sums of the last hours by Spark’s Structured Streaming, compared with the table.',
  {
    enabled: Type.Boolean({
      default: false,
      description: 'Whether the step runs; it needs the log on Kafka and Spark.',
    }),
    hours: whole(6, 1, 168, 'Hours that are kept; what comes later than that is late.'),
    trigger_s: whole(1, 1, 3_600, 'Seconds between two batches.'),
    records_max: whole(100_000, 1_000, 10_000_000, 'Records of one batch at most.'),
    partitions: whole(4, 1, 1_024, 'Tasks of a batch; fixed once the stream has begun.'),
  },
);
