/**
 * Whether the stream's sums are those of the table.
 *
 * They are compared over the records that the stream had read when its sums were taken, where these
 * have landed. Records that came later than the watermark allows are not in the stream; the table
 * has them, and they are counted as late. Everything else that differs is an error of one of the
 * two; but where a later record may have taken the place of one of these, that cannot be known.
 */
import { isClose } from '../model/agreement.ts';
import { HOUR_S, type HourSums, SUMS } from '../model/hours.ts';

/** Next offset by partition. */
export type Offsets = readonly number[];

/** Sums of the streamed records of an hour, and what else the table has of it. */
export interface TableSums extends HourSums {
  readonly first_offset: number;
  /** Whether it has records, too, that were not streamed. */
  readonly has_newer: boolean;
}

export interface Sides {
  readonly stream: ReadonlyMap<string, HourSums>;
  readonly table: ReadonlyMap<string, TableSums>;
  /** Records below these were read by the stream when its sums were taken. */
  readonly streamed: Offsets;
  /** Records below these have landed. */
  readonly landed: Offsets;
  /** The stream began with these. */
  readonly began: Offsets;
  /** Seconds since 1970: records of hours that ended before may have been dropped as late. */
  readonly watermark: number;
}

export interface Reconciled {
  /** Hours of cities that were compared. */
  readonly compared: number;
  /** Observations that the table has and the stream has dropped as late. */
  readonly late: number;
  /** A sentence for each hour that differs. */
  readonly differences: readonly string[];
}

export function reconcile(sides: Sides): Reconciled {
  const { stream, table, streamed, landed, began, watermark } = sides;
  let compared = 0;
  let late = 0;
  const differences: string[] = [];
  for (const key of new Set([...stream.keys(), ...table.keys()])) {
    const [ofStream, ofTable] = [stream.get(key), table.get(key)];
    if (ofStream !== undefined && !(isBelow(ofStream, streamed) && isBelow(ofStream, landed))) {
      continue;
    }
    if (ofTable !== undefined && isBelow({ ...ofTable, log_offset: ofTable.first_offset }, began)) {
      continue;
    }
    const wrong = SUMS.find((name) => !isClose(ofStream?.[name] ?? 0, ofTable?.[name] ?? 0));
    if (wrong !== undefined && ofTable?.has_newer) continue;
    compared += 1;
    if (wrong === undefined) continue;
    const missing = (ofTable?.observation_count ?? 0) - (ofStream?.observation_count ?? 0);
    const hour = ofTable?.hour ?? ofStream?.hour ?? 0;
    if (missing > 0 && hour + HOUR_S <= watermark) late += missing;
    else differences.push(sentence(key, wrong, ofStream, ofTable));
  }
  return { compared, late, differences };
}

function isBelow({ log_partition, log_offset }: HourSums, offsets: Offsets): boolean {
  return log_offset < (offsets[log_partition] ?? 0);
}

function sentence(
  key: string,
  name: (typeof SUMS)[number],
  ofStream: HourSums | undefined,
  ofTable: HourSums | undefined,
): string {
  const [city, seconds] = key.split('|');
  const hour = new Date(Number(seconds) * 1_000).toISOString().slice(0, 13);
  const [streamed, tabled] = [ofStream?.[name] ?? 'nothing', ofTable?.[name] ?? 'nothing'];
  return `${city} ${hour} ${name}: ${streamed} in the stream, ${tabled} in the table`;
}
