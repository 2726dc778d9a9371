/** One observation: its row, its versions, and what waits in the log. */
import { isErrorCode } from '../errors.ts';
import { compareTimes } from '../model/iso-time.ts';
import { contentOf } from '../model/observation.ts';
import { type Explanation, LISTED_MAX, listEnds } from '../model/provenance.ts';
import { traceIdOf } from '../model/trace.ts';
import type { Row } from '../sql/engine.ts';
import type { TableState } from '../table/snapshot.ts';
import { readRejections } from './rejections.ts';
import type { Sources } from './sources.ts';
import { readObservation, type Selected } from './table-rows.ts';

/** Records of a partition that are looked through for one that has not landed. */
const WAITING_MAX = 100_000;
const READ_LIMITS = { records: 2_000, bytes: 8 * 1024 * 1024 };

type Version = Explanation['versions']['listed'][number];

export async function explainObservation(
  sources: Sources,
  state: TableState,
  asked: { readonly cityId: string; readonly observedAt: string },
): Promise<Pick<Explanation, 'observation' | 'versions'>> {
  const row = await readObservation(sources, state, asked);
  const versions: Version[] = (await sources.versions(asked.cityId, asked.observedAt)).map(
    (version) => ({ ...version, detail: null, values: version.values as Version['values'] }),
  );
  const known = new Set(versions.map(offsetOf));
  for (const rejection of await readRejections(sources, asked)) {
    if (!known.has(offsetOf(rejection))) versions.push(rejection);
  }
  return {
    observation: row === null ? null : await describe(sources, row),
    versions: listEnds(versions),
  };
}

function offsetOf({ log_id, log_partition, log_offset }: Version): string {
  return `${log_id} ${log_partition} ${log_offset}`;
}

type Observation = NonNullable<Explanation['observation']>;

async function describe(sources: Sources, row: Row): Promise<Observation> {
  const of = row as unknown as Observation & {
    readonly city_id: string;
    readonly log_partition: number;
  };
  const { observed_at, collected_at, log_id, log_partition, log_offset } = of;
  const { import_id, import_row, rejected_fields, response } = of;
  return {
    ...{ observed_at, collected_at, trace_id: traceIdOf(of), log_id, log_partition, log_offset },
    appended_at: await appendedAt(sources, log_id, log_partition, log_offset),
    ...{ import_id, import_row },
    values: contentOf(row),
    ...{ rejected_fields, response },
  };
}

/** Null where the log is another one, is away, or has removed the record. */
async function appendedAt(
  sources: Sources,
  logId: string,
  partition: number,
  offset: number,
): Promise<string | null> {
  const log = await sources.log();
  if (log === null || log.id !== logId || partition >= log.partitionCount) return null;
  const time = await log.timeOf(partition, BigInt(offset)).catch((error: unknown) => {
    if (isErrorCode(error, 'LOG_UNAVAILABLE', 'LOG_GAP')) return null;
    throw error;
  });
  return time?.toISOString() ?? null;
}

/** Records of the city, or of one observation, that the log accepted and that have not landed. */
export async function readWaiting(
  sources: Sources,
  state: TableState,
  { cityId, observedAt }: Selected,
  signal?: AbortSignal,
): Promise<Explanation['waiting']> {
  const log = await sources.log();
  const found: Explanation['waiting'][number][] = [];
  if (log === null || observedAt === null) return found;
  for (let partition = 0; partition < log.partitionCount; partition += 1) {
    const { first, next } = await log.range(partition);
    const landed = sources.nextOffset(state, log.id, partition);
    let at = landed;
    if (at < first) at = first;
    const last = at + BigInt(WAITING_MAX);
    while (at < next && at < last && found.length < LISTED_MAX) {
      const records = await log.read(partition, at, READ_LIMITS, signal);
      for (const { offset, time, value } of records) {
        at = offset + 1n;
        const parsed = sources.parseRecord(value);
        if (parsed?.city_id !== cityId || compareTimes(parsed.observed_at, observedAt) !== 0) {
          continue;
        }
        const { collected_at, source, trace_id, values } = parsed;
        found.push({
          ...{ log_partition: partition, log_offset: Number(offset) },
          appended_at: time.toISOString(),
          ...{ collected_at, source, trace_id, values },
        });
      }
      if (records.length === 0) break;
    }
  }
  return found.slice(0, LISTED_MAX);
}
