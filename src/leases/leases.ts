/**
 * Leases: who of several processes does what, so that no work is done twice.
 *
 * A lease is a file of the lake, `_leases/<role>/<number>.<generation>.json`. Of one role and
 * number the highest generation counts; taking over is making the next one, which the storage
 * allows to exactly one process. The holder writes its lease anew every heartbeat. Whoever watches
 * a lease that does not change for 2.5 heartbeats, by his own monotonic clock, may take over; a
 * holder that could not write for 2 heartbeats by its own gives up before. So clocks are never
 * compared. A holder that ended on the same machine is seen at once.
 *
 * Leases are not what makes anything safe: a process that was stopped between looking and acting
 * acts all the same. That is what the commits are for.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { asIsobarError } from '../errors.ts';
import { LEASES_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { hasEnded, nameThisProcess, type ProcessName } from '../lake/this-process.ts';
import type { Logger } from '../logger.ts';
import { HeldLease, type Lease } from './held-lease.ts';
import {
  type LeaseText,
  nameOf,
  type Place,
  parsePlace,
  type Role,
  readLease,
  SILENT_HEARTBEATS,
} from './lease-file.ts';

/**
 * `live`: it was seen to change lately, or has not been watched for long enough; `silent`: nothing
 * came for too long, or the process is known to have ended; `released`: its holder gave it back.
 */
type LeaseState = 'live' | 'silent' | 'released';

export interface SeenLease extends LeaseText {
  readonly role: Role;
  readonly number: number;
  readonly generation: number;
  /** `collect-0.3`: never used again. */
  readonly name: string;
  readonly state: LeaseState;
  readonly isMine: boolean;
}

/** What a lease says when it is taken, by the silent or released one that it follows. */
export type DetailOf = (predecessor: SeenLease | null) => LeaseText['detail'];

export interface Leases extends AsyncDisposable {
  readonly holder: string;
  readonly heartbeatMs: number;
  /** What is held, by the last look; the highest generation of each. */
  readonly seen: readonly SeenLease[];
  /** Looks now. Rejects as the storage does. */
  look(): Promise<readonly SeenLease[]>;
  /** Takes what is not held; null when it is held, or another process was faster. */
  take(role: Role, number: number, detail?: DetailOf): Promise<Lease | null>;
  /** Calls the listener after each look, also a failed one; returns the way out. */
  watch(listener: () => void): () => void;
}

export interface LeasesOptions {
  readonly storage: Storage;
  readonly command: string;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  readonly heartbeatMs: number;
  /** Milliseconds of a clock that is never set. */
  readonly monotonic?: () => number;
  readonly wall?: () => number;
  readonly process?: ProcessName;
}

/** Looks in a heartbeat. */
const LOOKS = 5;

/** What the watcher remembers of a file. */
interface Watched {
  readonly role: Role;
  readonly number: number;
  readonly generation: number;
  /** Changes when the file does. */
  readonly print: string;
  readonly text: LeaseText;
  /** Monotonic: when it last changed. */
  readonly changedAt: number;
}

export async function openLeases(options: LeasesOptions): Promise<Leases> {
  const book = new LeaseBook(options);
  await book.look();
  book.start();
  return book;
}

class LeaseBook implements Leases {
  readonly holder = randomUUID();
  readonly heartbeatMs: number;
  readonly #options: LeasesOptions;
  readonly #process: ProcessName;
  readonly #monotonic: () => number;
  readonly #wall: () => number;
  readonly #held = new Map<string, HeldLease>();
  readonly #listeners = new Set<() => void>();
  #watched = new Map<string, Watched>();
  #looking: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #turning = false;
  #failing = false;
  #closed = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.heartbeatMs = options.heartbeatMs;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#wall = options.wall ?? Date.now;
    this.#process = options.process ?? nameThisProcess();
  }

  start(): void {
    this.#timer = setInterval(() => void this.#turn(), this.heartbeatMs / LOOKS);
  }

  /** One turn at a time; a storage that hangs does not keep leases from lapsing. */
  async #turn(): Promise<void> {
    for (const lease of this.#held.values()) lease.lapseIfLate();
    if (this.#turning) return;
    this.#turning = true;
    try {
      await this.look();
      const due = [...this.#held.values()].filter((lease) => lease.isDue());
      await Promise.all(due.map((lease) => lease.beat()));
      if (this.#failing) this.#options.logger.info('sharing the work: leases can be written again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing && !this.#closed) {
        const { code, message } = asIsobarError(error);
        this.#options.logger.warn({ code }, `sharing the work: ${message}`);
      }
      this.#failing = true;
    } finally {
      this.#turning = false;
      if (!this.#closed) for (const listener of [...this.#listeners]) listener();
    }
  }

  get seen(): readonly SeenLease[] {
    const now = this.#monotonic();
    return [...this.#watched.values()].map((one) => this.#describe(one, now));
  }

  #describe(one: Watched, now: number): SeenLease {
    const { role, number, generation, text } = one;
    return {
      ...text,
      role,
      number,
      generation,
      name: nameOf(role, number, generation),
      state: this.#stateOf(one, now),
      isMine: text.holder === this.holder,
    };
  }

  #stateOf({ text, changedAt }: Watched, now: number): LeaseState {
    if (text.released) return 'released';
    const timeoutMs = SILENT_HEARTBEATS * Math.max(this.heartbeatMs, text.heartbeat_s * 1_000);
    const isSilent = now - changedAt >= timeoutMs || hasEnded(text, this.#process.place);
    return isSilent ? 'silent' : 'live';
  }

  /** Looks begin one after the other, so that each shows the state after it was asked for. */
  look(): Promise<readonly SeenLease[]> {
    const next = this.#looking.then(() => this.#lookOnce());
    this.#looking = next.catch(() => {});
    return next;
  }

  async #lookOnce(): Promise<readonly SeenLease[]> {
    const { storage } = this.#options;
    // One that is made during this look may be missing from its list.
    const held = [...this.#held.values()];
    const newest = new Map<string, { path: string; print: string; place: Place }>();
    const old: string[] = [];
    for await (const file of storage.list(LEASES_FOLDER)) {
      const place = parsePlace(file.path);
      if (place === null) continue;
      const key = `${place.role}-${place.number}`;
      const before = newest.get(key);
      if (before !== undefined) old.push(before.path);
      // Ordered by path: the generations of one number come in their order.
      const print = `${file.path} ${file.modifiedAt.getTime()} ${file.bytes}`;
      newest.set(key, { path: file.path, print, place });
    }
    const watched = new Map<string, Watched>();
    for (const [key, { path, print, place }] of newest) {
      const one = await this.#watchOne(key, path, print, place);
      if (one !== null) watched.set(key, one);
    }
    this.#watched = watched;
    for (const lease of held) {
      const top = watched.get(`${lease.role}-${lease.number}`);
      if (top?.generation !== lease.generation) lease.lose();
    }
    await this.#clean(old);
    return this.seen;
  }

  async #watchOne(key: string, path: string, print: string, place: Place): Promise<Watched | null> {
    const before = this.#watched.get(key);
    if (before?.print === print) return before;
    const text = await readLease(this.#options.storage, path);
    if (text === null) return null;
    return { ...place, print, text, changedAt: this.#monotonic() };
  }

  /** Generations that were overtaken go with whoever holds the newest one. */
  async #clean(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const place = parsePlace(path);
      if (place === null || !this.#held.has(`${place.role}-${place.number}`)) continue;
      await this.#options.storage.delete(path);
    }
  }

  async take(role: Role, number: number, detail: DetailOf = () => ({})): Promise<Lease | null> {
    const key = `${role}-${number}`;
    await this.look();
    if (this.#closed || this.#held.get(key)?.isHeld === true) return null;
    const top = this.#watched.get(key);
    const predecessor = top === undefined ? null : this.#describe(top, this.#monotonic());
    // One of mine that is not held has lapsed, or its making was not answered.
    if (predecessor?.state === 'live' && !predecessor.isMine) return null;
    const generation = (top?.generation ?? 0) + 1;
    const lease = new HeldLease(role, number, generation, {
      storage: this.#options.storage,
      heartbeatMs: this.heartbeatMs,
      monotonic: this.#monotonic,
      wall: this.#wall,
      text: {
        ...this.#process,
        host: hostname(),
        command: this.#options.command,
        holder: this.holder,
        since: new Date(this.#wall()).toISOString(),
        heartbeat_s: this.heartbeatMs / 1_000,
        beat: 0,
        released: false,
        detail: detail(predecessor),
      },
      onEnd: () => {
        if (this.#held.get(key) === lease) this.#held.delete(key);
      },
    });
    if (!(await lease.make())) return null;
    this.#held.set(key, lease);
    // Whoever was held up may have made a generation that was overtaken and cleaned long ago: the
    // look finds the newest, and gives up one that is not.
    await this.look();
    return lease.isHeld ? lease : null;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#looking;
    await Promise.all([...this.#held.values()].map((lease) => lease.release()));
  }
}
