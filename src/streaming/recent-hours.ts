/** The sums that the stream has published, the newest of each city's hour. */
import Type from 'typebox';
import Value from 'typebox/value';
import type { KeyedTopic } from '../log/kafka-keyed.ts';
import { HOUR_S, type HourSums, HourSumsSchema, hourKey } from '../model/hours.ts';

const SCHEMA = Type.Intersect([Type.Object({ log_id: Type.String() }), HourSumsSchema]);

export interface RecentHoursOptions {
  readonly topic: KeyedTopic;
  /** The log whose records are summed; sums of another one are left out. */
  readonly logId: string;
  /** Hours that are kept. */
  readonly hours: number;
  readonly clock?: () => Date;
}

export class RecentHours {
  readonly #options: RecentHoursOptions;
  readonly #clock: () => Date;
  readonly #sums = new Map<string, HourSums>();
  /** Values that are not sums of ours. */
  garbled = 0;
  /** Grows with each change. */
  version = 0;
  #refreshing: Promise<void> | null = null;

  constructor(options: RecentHoursOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
  }

  /** `city|hour` → its sums, as of the last `refresh`. */
  get sums(): ReadonlyMap<string, HourSums> {
    return this.#sums;
  }

  /** When the oldest hour that is kept begins, in seconds since 1970. */
  get since(): number {
    const now = Math.floor(this.#clock().getTime() / 1_000);
    return Math.floor(now / HOUR_S) * HOUR_S - (this.#options.hours - 1) * HOUR_S;
  }

  /** Reads what has come since. */
  refresh(signal?: AbortSignal): Promise<void> {
    this.#refreshing ??= this.#read(signal).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #read(signal?: AbortSignal): Promise<void> {
    const { since } = this;
    for await (const records of this.#options.topic.readNew(signal)) {
      for (const { value } of records) this.#take(value, since);
    }
    for (const [key, { hour }] of this.#sums) if (hour < since) this.#sums.delete(key);
  }

  #take(bytes: Uint8Array, since: number): void {
    const value = parse(bytes);
    if (!Value.Check(SCHEMA, value)) {
      this.garbled += 1;
      return;
    }
    const { log_id, ...sums } = value;
    if (log_id !== this.#options.logId || sums.hour < since) return;
    const key = hourKey(sums);
    const known = this.#sums.get(key);
    // A batch that was run again after a failure repeats older sums.
    const isOlder =
      known?.log_partition === sums.log_partition && known.log_offset > sums.log_offset;
    if (isOlder) return;
    this.#sums.set(key, sums);
    this.version += 1;
  }
}

/** Spark leaves out what is NULL. */
function parse(bytes: Uint8Array): unknown {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return { temperature_c_min: null, temperature_c_max: null, ...value };
  } catch {
    return null;
  }
}
