/**
 * Live: what happens goes to all viewers as server-sent events.
 *
 * The position moves with the tail and the versions; it is the id of every event. A viewer that
 * comes back with it is sent what it missed, up to a bound, and `reset` beyond. One that does not
 * read is dropped: its queue would grow for ever, and with its position it can come back.
 */
import type { ServerResponse } from 'node:http';
import { IsobarError } from '../errors.ts';
import { digestLogId, formatPosition, type Position, parsePosition } from './position.ts';
import type { ObservationEvent, ResetEvent, StatusEvent, VersionEvent } from './status-schemas.ts';
import type { Tail, TailEvent } from './tail.ts';
import { drained, openViewers, type Viewer } from './viewers.ts';

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
}

export interface LiveOptions {
  readonly logId: string | null;
  readonly tail: () => Tail | null;
  readonly simulated: boolean;
  readonly viewersMax: number;
  /** Whether this record had landed in the version that is answered from. */
  landed(partition: number, offset: bigint): boolean;
  readonly heartbeatMs?: number;
  readonly replayMax?: number;
  readonly queueBytesMax?: number;
  readonly closeMs?: number;
}

const NOTHING: VersionEvent = { table_version: null, analytics_version: null, observed_to: null };

export function openLive(options: LiveOptions): Live {
  const { heartbeatMs = 15_000, replayMax = 1_000, queueBytesMax = 1024 * 1024 } = options;
  const viewers = openViewers({
    queueBytesMax,
    closeMs: options.closeMs ?? 500,
    formatDrop: () => formatReset('this viewer reads too slowly'),
  });
  const { send } = viewers;
  const log = options.logId === null ? '' : digestLogId(options.logId);
  /** Up to where events were sent to the viewers; the tail may be ahead for a moment. */
  const told: bigint[] = [...(options.tail()?.next ?? [])];
  let version = NOTHING;
  let status: StatusEvent | null = null;
  let events = 0;
  let closing = false;

  const heartbeat = setInterval(() => {
    for (const viewer of viewers.all) send(viewer, ': still here\n\n');
  }, heartbeatMs);
  heartbeat.unref();

  function position(next: readonly bigint[] = told): Position {
    const { table_version, analytics_version } = version;
    return { log, next, tableVersion: table_version, analyticsVersion: analytics_version };
  }

  function formatEvent(name: string, data: object, next?: readonly bigint[]): string {
    events += 1;
    return `id: ${formatPosition(position(next))}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  function formatReset(reason: string): string {
    const data: ResetEvent = { reason };
    return formatEvent('reset', data);
  }

  function describe({ partition, offset, observation }: TailEvent): ObservationEvent | null {
    if (observation === null) return null;
    const { city_id, city, country, ...rest } = observation;
    const landed = options.landed(partition, offset);
    return {
      city_id,
      city,
      country,
      simulated: options.simulated,
      observation: { ...rest, landed },
    };
  }

  /** Those of the events that the viewer has not had yet and wants; it has had them then. */
  function takeNew(viewer: Viewer, records: readonly TailEvent[]): TailEvent[] {
    return records.filter(({ partition, offset, observation }) => {
      if (offset < (viewer.next[partition] ?? 0n)) return false;
      viewer.next[partition] = offset + 1n;
      return observation !== null && (viewer.cities?.has(observation.city_id) ?? true);
    });
  }

  function tellVersion(viewer: Viewer, text?: string): void {
    // A viewer that comes from a server ahead of this one is not sent back.
    if (!isNewer(version, viewer.version)) return;
    viewer.version = version;
    send(viewer, text ?? formatEvent('version', version));
  }

  async function welcome(viewer: Viewer, since: Position | null): Promise<void> {
    send(viewer, 'retry: 2000\n\n');
    const tail = options.tail();
    if (since !== null && tail !== null && !(await replay(viewer, tail))) {
      viewer.next.splice(0, Infinity, ...told);
      viewer.version = NOTHING;
      viewer.replaying = false;
      send(viewer, formatReset('missed events are no longer available'));
    }
    viewer.replaying = false;
    tellVersion(viewer);
    if (status !== null) send(viewer, formatEvent('status', status));
  }

  /**
   * Sends what was missed until nothing is left; resolves with false when that fails. The
   * viewer is back among the others in the same turn in which nothing is left.
   */
  async function replay(viewer: Viewer, tail: Tail): Promise<boolean> {
    let left = replayMax;
    do {
      const missed = await tail.readSince(viewer.next, left).catch(() => null);
      if (missed === null) return false;
      if (missed.length === 0 && !isUpToDate(viewer.next, told)) return false;
      left -= missed.length;
      for (const event of missed) {
        const isNew = takeNew(viewer, [event]).length > 0;
        const data = isNew ? describe(event) : null;
        if (data === null) continue;
        if (!send(viewer, formatEvent('observation', data, viewer.next))) return true;
        await drained(viewer.response, queueBytesMax / 4);
      }
    } while (!isUpToDate(viewer.next, told));
    viewer.replaying = false;
    return true;
  }

  /** What the viewer has had: as its position says, or everything that is there. */
  function startOf(since: Position | null): Pick<Viewer, 'next' | 'version'> {
    if (since === null) return { next: [...told], version: NOTHING };
    const { tableVersion: table_version, analyticsVersion: analytics_version } = since;
    const version = { table_version, analytics_version, observed_to: null };
    return { next: [...since.next], version };
  }

  return {
    refuseTooMany() {
      if (closing) throw new IsobarError('ABORTED', 'the server stops');
      if (viewers.all.size >= options.viewersMax) {
        throw new IsobarError('BUSY', `${viewers.all.size} event streams are open already`);
      }
    },
    join(response, { since, cities }) {
      const given = since === undefined ? null : parsePosition(since);
      const foreign = since !== undefined && (given === null || given.log !== log);
      const start = startOf(foreign ? null : given);
      const wanted = cities.length === 0 ? null : new Set(cities);
      const viewer: Viewer = { response, cities: wanted, ...start, replaying: true };
      viewers.add(viewer);
      if (foreign) send(viewer, formatReset('the position is of another log, or none'));
      void welcome(viewer, foreign ? null : given);
    },
    publishRecords(records) {
      const texts = new Map<TailEvent, string>();
      const before = [...told];
      for (const { partition, offset } of records) told[partition] = offset + 1n;
      for (const viewer of viewers.all) {
        if (viewer.replaying) continue;
        let text = '';
        for (const event of takeNew(viewer, records)) {
          let one = texts.get(event);
          if (one === undefined) {
            const data = describe(event);
            const next = [...before];
            next[event.partition] = event.offset + 1n;
            one = data === null ? '' : formatEvent('observation', data, next);
            texts.set(event, one);
          }
          text += one;
        }
        if (text !== '') send(viewer, text);
      }
    },
    publishVersion(newer) {
      version = newer;
      const text = formatEvent('version', newer);
      for (const viewer of viewers.all) if (!viewer.replaying) tellVersion(viewer, text);
    },
    publishStatus(newer) {
      if (JSON.stringify(newer) === JSON.stringify(status)) return;
      status = newer;
      const text = formatEvent('status', newer);
      for (const viewer of viewers.all) if (!viewer.replaying) send(viewer, text);
    },
    reset(reason) {
      told.splice(0, Infinity, ...(options.tail()?.next ?? []));
      const text = formatReset(reason);
      for (const viewer of viewers.all) {
        if (viewer.replaying) continue;
        viewer.next.splice(0, Infinity, ...told);
        send(viewer, text);
      }
    },
    position: () => position(),
    async close() {
      closing = true;
      clearInterval(heartbeat);
      await viewers.dismiss(formatEvent('bye', {}));
    },
    get counts() {
      return { viewers: viewers.all.size, events, dropped: viewers.droppedCount };
    },
  };
}

function isNewer(a: VersionEvent, b: VersionEvent): boolean {
  const table = (a.table_version ?? -1) - (b.table_version ?? -1);
  const analytics = (a.analytics_version ?? -1) - (b.analytics_version ?? -1);
  return table > 0 || analytics > 0;
}

function isUpToDate(mine: readonly bigint[], theirs: readonly bigint[]): boolean {
  return theirs.every((next, partition) => (mine[partition] ?? 0n) >= next);
}
