/**
 * Which process does what, for display: a look at the leases by a process that takes none. A single
 * look cannot wait for a change, so it goes by when a file was written, by the lake's clock.
 */

import { LEASES_FOLDER } from '../lake/layout.ts';
import type { Storage, StoredFile } from '../lake/storage.ts';
import { hasEnded, nameThisProcess } from '../lake/this-process.ts';
import {
  type LeaseText,
  parsePlace,
  type Role,
  readLease,
  SILENT_HEARTBEATS,
} from './lease-file.ts';

export interface ReadLease {
  readonly role: Role;
  readonly number: number;
  readonly text: LeaseText;
  readonly lastSignAt: Date;
  /** Nothing came from its holder for too long, or it has ended: others may take it over. */
  readonly isSilent: boolean;
}

export interface LeasesReader {
  /**
   * What is leaseed now, without what was given back, or whose holder went without that more than
   * an hour ago. Rejects as the storage does.
   */
  read(): Promise<readonly ReadLease[]>;
}

export interface LeasesReaderOptions {
  readonly storage: Pick<Storage, 'list' | 'read'>;
  readonly wall?: () => number;
  /** Names the machine, as in the leases. */
  readonly place?: string;
}

const FORGOTTEN_MS = 3_600_000;

export function openLeasesReader(options: LeasesReaderOptions): LeasesReader {
  const { storage, wall = Date.now, place = nameThisProcess().place } = options;
  let known = new Map<string, LeaseText>();
  let reading: Promise<readonly ReadLease[]> | null = null;

  async function readAll(): Promise<readonly ReadLease[]> {
    const newest = new Map<string, StoredFile>();
    for await (const file of storage.list(LEASES_FOLDER)) {
      const found = parsePlace(file.path);
      // Ordered by path: the generations of one number come in their order.
      if (found !== null) newest.set(`${found.role}-${found.number}`, file);
    }
    const texts = new Map<string, LeaseText>();
    const leases = await Promise.all([...newest.values()].map((file) => readOne(file, texts)));
    known = texts;
    return leases.filter((lease) => lease !== null);
  }

  /** One that was not written since is not read again. */
  async function readOne(
    file: StoredFile,
    texts: Map<string, LeaseText>,
  ): Promise<ReadLease | null> {
    const found = parsePlace(file.path);
    const print = `${file.path} ${file.modifiedAt.getTime()} ${file.bytes}`;
    const text = known.get(print) ?? (await readLease(storage, file.path));
    if (found === null || text === null || text.holder === '') return null;
    texts.set(print, text);
    if (text.released) return null;
    const silentMs = wall() - file.modifiedAt.getTime();
    if (silentMs >= FORGOTTEN_MS) return null;
    const isLate = silentMs >= SILENT_HEARTBEATS * text.heartbeat_s * 1_000;
    return {
      role: found.role,
      number: found.number,
      text,
      lastSignAt: file.modifiedAt,
      isSilent: isLate || hasEnded(text, place),
    };
  }

  return {
    read() {
      reading ??= readAll().finally(() => {
        reading = null;
      });
      return reading;
    },
  };
}
