/** The viewers of the events: the list, what each was sent, and how they are disconnected. */
import type { ServerResponse } from 'node:http';
import type { VersionEvent } from './status-schemas.ts';

export interface Viewer {
  readonly response: ServerResponse;
  /** Null for all. */
  readonly cities: ReadonlySet<string> | null;
  /** What the viewer may see; null for everything. */
  readonly limit: CityLimit | null;
  /** The first offset that it has not been sent, for each partition. */
  readonly next: bigint[];
  version: VersionEvent;
  /** While missed events are replayed, the viewer receives no new ones. */
  replaying: boolean;
}

export type CityLimit = (cityId: string, country: string) => boolean;

export interface Viewers {
  readonly all: ReadonlySet<Viewer>;
  readonly droppedCount: number;
  add(viewer: Viewer): void;
  /** False when the viewer is gone, or was dropped because it does not read. */
  send(viewer: Viewer, text: string): boolean;
  /** Sends the text to all viewers as the last one, and resolves once they are gone. */
  dismiss(text: string): Promise<void>;
}

export interface ViewersOptions {
  /** Bytes that may wait for one viewer. */
  readonly queueBytesMax: number;
  /** How long one who leaves may take to read the end. */
  readonly closeMs: number;
  /** The last words for one who does not read. */
  formatDrop(): string;
}

export function openViewers({ queueBytesMax, closeMs, formatDrop }: ViewersOptions): Viewers {
  const all = new Set<Viewer>();
  let droppedCount = 0;

  /** A viewer that does not read never closes by itself, so it is destroyed after `closeMs`. */
  function end({ response }: Viewer, text: string): void {
    response.end(text);
    const timer = setTimeout(() => response.destroy(), closeMs);
    response.once('close', () => clearTimeout(timer));
  }

  return {
    all,
    get droppedCount() {
      return droppedCount;
    },
    add(viewer) {
      all.add(viewer);
      viewer.response.once('close', () => all.delete(viewer));
      viewer.response.on('error', () => all.delete(viewer));
    },
    send(viewer, text) {
      const { response } = viewer;
      if (response.destroyed || response.writableEnded) return false;
      // What waits since earlier, not this text: one burst may be large for a viewer that reads.
      if (response.writableLength <= queueBytesMax) {
        response.write(text);
        return true;
      }
      all.delete(viewer);
      droppedCount += 1;
      end(viewer, formatDrop());
      return false;
    },
    async dismiss(text) {
      const leaving = [...all];
      all.clear();
      const gone = leaving.map((viewer) => {
        const left = new Promise<void>((resolve) => viewer.response.once('close', resolve));
        end(viewer, text);
        return left;
      });
      await Promise.all(gone);
    },
  };
}

/** Resolves once no more than `bytes` wait to be sent, or the viewer is gone. */
export async function drained(response: ServerResponse, bytes: number): Promise<void> {
  if (response.writableLength <= bytes || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const go = () => {
      response.off('drain', go);
      response.off('close', go);
      resolve();
    };
    response.on('drain', go);
    response.on('close', go);
  });
}
