/** The traces of a landing: one span per record of a small one, and some ids for the log. */
import { RECORDS_TRACED_MAX, traceIdOf } from '../model/trace.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { Begun } from '../tracing/tracer.ts';
import type { Batch } from './attempt.ts';
import { tracedRecordsSql } from './landing-sql.ts';

interface TracedRecord {
  readonly log_offset: number;
  readonly city_id: string;
  readonly collected_at: string;
  /** `landed`, or the reason why it is rejected, without details. */
  readonly outcome: string;
}

/**
 * Ends the spans of what has landed in this version, while its relations are there; imports have
 * none. Resolves with up to `idsMax` trace ids. What has landed stays so: this never rejects.
 */
export async function traceLanding(
  session: SqlSession,
  { partition, staged }: Batch,
  version: number,
  { begun, idsMax }: { readonly begun: Begun | undefined; readonly idsMax: number },
): Promise<readonly string[]> {
  begun?.stop();
  const hasSpans = begun !== undefined && staged.records <= RECORDS_TRACED_MAX;
  const limit = hasSpans ? RECORDS_TRACED_MAX : idsMax;
  if (limit === 0) return [];
  const records = await session.query<TracedRecord>(tracedRecordsSql(limit)).catch(() => []);
  const ids = records.map(traceIdOf);
  if (hasSpans) {
    for (const [at, { log_offset, outcome }] of records.entries()) {
      begun.end(ids[at] ?? '', {
        attributes: {
          'isobar.outcome': outcome,
          'isobar.log.partition': partition,
          'isobar.log.offset': Number(log_offset),
          'isobar.table.version': version,
        },
        // The row is that of the span that has the step's own id.
        repeats: outcome !== 'landed',
      });
    }
  }
  return ids.slice(0, idsMax);
}
