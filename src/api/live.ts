/**
 * Live: what happens goes to all viewers as server-sent events.
 *
 * The position moves with the tail and the versions; it is the id of every event. A viewer that
 * comes back with it is sent what it missed, up to a bound, and `reset` beyond. One that does not
 * read is dropped: its queue would grow for ever, and with its position it can come back.
 */
import type { ServerResponse } from 'node:http';
import { IsobarError } from '../errors.ts';
import { RECORDS_TRACED_MAX } from '../model/trace.ts';
import { isImported } from '../model/versions.ts';
import type { Begun, Tracer } from '../tracing/tracer.ts';
import { digestLogId, formatPosition, type Position, parsePosition } from './position.ts';
import type { ObservationEvent, ResetEvent, StatusEvent, VersionEvent } from './status-schemas.ts';
import type { Tail, TailEvent } from './tail.ts';
import { type CityLimit, drained, openViewers, type Viewer, type Viewers } from './viewers.ts';

export interface Live {
  /**
   * Takes over the answer, whose head is written already, until the viewer leaves or is dropped.
   * `since` is a position, or undefined for someone new.
   */
  join(response: ServerResponse, viewer: NewViewer): void;
  /** Rejects with BUSY when there are too many viewers. */
  refuseTooMany(): void;
  /** Sends to all viewers; called in the order in which things happened. */
  publishRecords(events: readonly TailEvent[]): void;
  publishVersion(version: VersionEvent): void;
  publishStatus(status: StatusEvent): void;
  /** Notifies all viewers that events were left out. */
  reset(reason: string): void;
  position(): Position;
  /** Sends `bye` to all viewers and resolves once they are gone. */
  close(): Promise<void>;
  readonly counts: LiveCounts;
}

export interface LiveCounts {
  readonly viewers: number;
  readonly events: number;
  readonly dropped: number;
}

export interface NewViewer {
  readonly since: string | undefined;
  /** Ids; empty means all. */
  readonly cities: readonly string[];
  /** Null for someone who may see everything. */
  readonly limit: CityLimit | null;
}

export interface LiveOptions {
  readonly logId: string | null;
  readonly tail: () => Tail | null;
  readonly simulated: boolean;
  readonly viewersMax: number;
  /** Whether this record had landed in the version that is answered from. */
  landed(partition: number, offset: bigint): boolean;
  readonly tracer?: Tracer | undefined;
  readonly heartbeatMs?: number;
  readonly replayMax?: number;
  readonly queueBytesMax?: number;
  readonly closeMs?: number;
}

const HEARTBEAT_MS = 15_000;
const NOTHING: VersionEvent = { table_version: null, analytics_version: null, observed_to: null };

export function openLive(options: LiveOptions): Live {
  return new LiveEvents(options);
}

class LiveEvents implements Live {
  readonly #options: LiveOptions;
  readonly #viewers: Viewers;
  readonly #log: string;
  /** Up to where events were sent to the viewers; the tail may be ahead for a moment. */
  readonly #sent: bigint[];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #replayMax: number;
  readonly #queueBytesMax: number;
  #version = NOTHING;
  #status: StatusEvent | null = null;
  #events = 0;
  #closing = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#replayMax = options.replayMax ?? 1_000;
    this.#queueBytesMax = options.queueBytesMax ?? 1024 * 1024;
    this.#viewers = openViewers({
      queueBytesMax: this.#queueBytesMax,
      closeMs: options.closeMs ?? 500,
      formatDrop: () => this.#formatReset('this viewer reads too slowly'),
    });
    this.#log = options.logId === null ? '' : digestLogId(options.logId);
    this.#sent = [...(options.tail()?.next ?? [])];
    this.#heartbeat = setInterval(() => {
      for (const viewer of this.#viewers.all) this.#send(viewer, ': still here\n\n');
    }, options.heartbeatMs ?? HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  #send(viewer: Viewer, text: string): boolean {
    return this.#viewers.send(viewer, text);
  }

  position(next: readonly bigint[] = this.#sent): Position {
    const { table_version, analytics_version } = this.#version;
    return {
      log: this.#log,
      next,
      tableVersion: table_version,
      analyticsVersion: analytics_version,
    };
  }

  #formatEvent(name: string, data: object, next?: readonly bigint[]): string {
    this.#events += 1;
    return `id: ${formatPosition(this.position(next))}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  #formatReset(reason: string): string {
    const data: ResetEvent = { reason };
    return this.#formatEvent('reset', data);
  }

  #describe({ partition, offset, observation }: TailEvent): ObservationEvent | null {
    if (observation === null) return null;
    const { city_id, city, country, ...rest } = observation;
    const landed = this.#options.landed(partition, offset);
    return {
      city_id,
      city,
      country: country ?? '',
      simulated: this.#options.simulated,
      observation: { ...rest, landed },
    };
  }

  /** Those of the events that the viewer has not had yet and wants; it has had them then. */
  #takeNew(viewer: Viewer, records: readonly TailEvent[]): TailEvent[] {
    return records.filter(({ partition, offset, observation }) => {
      if (offset < (viewer.next[partition] ?? 0n)) return false;
      viewer.next[partition] = offset + 1n;
      if (observation === null) return false;
      const { city_id, country } = observation;
      return (
        (viewer.cities?.has(city_id) ?? true) && (viewer.limit?.(city_id, country ?? '') ?? true)
      );
    });
  }

  #sendVersion(viewer: Viewer, text: TextFor): void {
    // A viewer that comes from a server ahead of this one is not sent back.
    if (!isNewer(this.#version, viewer.version)) return;
    viewer.version = this.#version;
    this.#send(viewer, text(viewer));
  }

  /** The event as it may be seen by a viewer of everything, or of some cities; made once for each. */
  #formatFor<T extends object>(name: string, data: T, forSome: (data: T) => T): TextFor {
    const texts = new Map<boolean, string>();
    return ({ limit }) => {
      const isLimited = limit !== null;
      const text =
        texts.get(isLimited) ?? this.#formatEvent(name, isLimited ? forSome(data) : data);
      texts.set(isLimited, text);
      return text;
    };
  }

  #formatVersion(): TextFor {
    return this.#formatFor('version', this.#version, forSomeCities.version);
  }

  #formatStatus(status: StatusEvent): TextFor {
    return this.#formatFor('status', status, forSomeCities.status);
  }

  async #welcome(viewer: Viewer, since: Position | null): Promise<void> {
    this.#send(viewer, 'retry: 2000\n\n');
    const tail = this.#options.tail();
    if (since !== null && tail !== null && !(await this.#replay(viewer, tail))) {
      viewer.next.splice(0, Infinity, ...this.#sent);
      viewer.version = NOTHING;
      viewer.replaying = false;
      this.#send(viewer, this.#formatReset('missed events are no longer available'));
    }
    viewer.replaying = false;
    this.#sendVersion(viewer, this.#formatVersion());
    if (this.#status !== null) this.#send(viewer, this.#formatStatus(this.#status)(viewer));
  }

  /**
   * Sends what was missed until nothing is left; resolves with false when that fails. The
   * viewer is back among the others in the same turn in which nothing is left.
   */
  async #replay(viewer: Viewer, tail: Tail): Promise<boolean> {
    let left = this.#replayMax;
    do {
      const missed = await tail.readSince(viewer.next, left).catch(() => null);
      if (missed === null) return false;
      if (missed.length === 0 && !isUpToDate(viewer.next, this.#sent)) return false;
      left -= missed.length;
      for (const event of missed) {
        const isNew = this.#takeNew(viewer, [event]).length > 0;
        const data = isNew ? this.#describe(event) : null;
        if (data === null) continue;
        if (!this.#send(viewer, this.#formatEvent('observation', data, viewer.next))) return true;
        await drained(viewer.response, this.#queueBytesMax / 4);
      }
    } while (!isUpToDate(viewer.next, this.#sent));
    viewer.replaying = false;
    return true;
  }

  /** What the viewer has had: as its position says, or everything that is there. */
  #startOf(since: Position | null): Pick<Viewer, 'next' | 'version'> {
    if (since === null) return { next: [...this.#sent], version: NOTHING };
    const { tableVersion: table_version, analyticsVersion: analytics_version } = since;
    const version = { table_version, analytics_version, observed_to: null };
    return { next: [...since.next], version };
  }

  refuseTooMany(): void {
    if (this.#closing) throw new IsobarError('ABORTED', 'the server stops');
    if (this.#viewers.all.size >= this.#options.viewersMax) {
      throw new IsobarError('BUSY', `${this.#viewers.all.size} event streams are open already`);
    }
  }

  join(response: ServerResponse, { since, cities, limit }: NewViewer): void {
    const given = since === undefined ? null : parsePosition(since);
    const foreign = since !== undefined && (given === null || given.log !== this.#log);
    const start = this.#startOf(foreign ? null : given);
    const wanted = cities.length === 0 ? null : new Set(cities);
    const viewer: Viewer = { response, cities: wanted, limit, ...start, replaying: true };
    this.#viewers.add(viewer);
    if (foreign) this.#send(viewer, this.#formatReset('the position is not one of this log'));
    void this.#welcome(viewer, foreign ? null : given);
  }

  publishRecords(records: readonly TailEvent[]): void {
    const texts = new Map<TailEvent, string>();
    const begun = this.#options.tracer?.begin('serve.event');
    const viewers = new Map<TailEvent, number>();
    const before = [...this.#sent];
    for (const { partition, offset } of records) this.#sent[partition] = offset + 1n;
    for (const viewer of this.#viewers.all) {
      if (viewer.replaying) continue;
      let text = '';
      for (const event of this.#takeNew(viewer, records)) {
        let one = texts.get(event);
        if (one === undefined) {
          const data = this.#describe(event);
          const next = [...before];
          next[event.partition] = event.offset + 1n;
          one = data === null ? '' : this.#formatEvent('observation', data, next);
          texts.set(event, one);
        }
        text += one;
        if (begun !== undefined) viewers.set(event, (viewers.get(event) ?? 0) + 1);
      }
      if (text !== '') this.#send(viewer, text);
    }
    if (begun !== undefined) traceEvents(begun, viewers);
  }

  publishVersion(newer: VersionEvent): void {
    this.#version = newer;
    const text = this.#formatVersion();
    for (const viewer of this.#viewers.all) if (!viewer.replaying) this.#sendVersion(viewer, text);
  }

  publishStatus(newer: StatusEvent): void {
    if (JSON.stringify(newer) === JSON.stringify(this.#status)) return;
    this.#status = newer;
    const text = this.#formatStatus(newer);
    for (const viewer of this.#viewers.all) if (!viewer.replaying) this.#send(viewer, text(viewer));
  }

  reset(reason: string): void {
    this.#sent.splice(0, Infinity, ...(this.#options.tail()?.next ?? []));
    const text = this.#formatReset(reason);
    for (const viewer of this.#viewers.all) {
      if (viewer.replaying) continue;
      viewer.next.splice(0, Infinity, ...this.#sent);
      this.#send(viewer, text);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#heartbeat);
    await this.#viewers.dismiss(this.#formatEvent('bye', {}));
  }

  get counts(): LiveCounts {
    const { all, droppedCount } = this.#viewers;
    return { viewers: all.size, events: this.#events, dropped: droppedCount };
  }
}

type TextFor = (viewer: Viewer) => string;

/** What viewers of some cities are not sent. */
const forSomeCities = {
  /** When the newest of all observations was made. */
  version: (version: VersionEvent): VersionEvent => ({ ...version, observed_to: null }),
  /** Messages may name other cities, and incidents are those of all. */
  status: ({ collector }: StatusEvent): StatusEvent => ({
    ...{ log_full: false, landing_error: null, analytics_error: null, incidents: null },
    collector: collector && { ...collector, message: '' },
  }),
};

function isNewer(a: VersionEvent, b: VersionEvent): boolean {
  const table = (a.table_version ?? -1) - (b.table_version ?? -1);
  const analytics = (a.analytics_version ?? -1) - (b.analytics_version ?? -1);
  return table > 0 || analytics > 0;
}

function isUpToDate(mine: readonly bigint[], theirs: readonly bigint[]): boolean {
  return theirs.every((next, partition) => (mine[partition] ?? 0n) >= next);
}

/** A span per live observation that was sent to a viewer; a server has its own beside others'. */
function traceEvents(begun: Begun, viewers: ReadonlyMap<TailEvent, number>): void {
  begun.stop();
  if (viewers.size > RECORDS_TRACED_MAX) return;
  for (const [{ partition, offset, observation }, count] of viewers) {
    if (observation === null || isImported(observation.source)) continue;
    begun.end(observation.trace_id, {
      attributes: {
        'isobar.log.partition': partition,
        'isobar.log.offset': Number(offset),
        'isobar.viewers': count,
      },
      repeats: true,
    });
  }
}
