/** A lease of this process: made once, rewritten at each heartbeat, lost if that fails too long. */
import { isErrorCode } from '../errors.ts';
import { leasePath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { formatLease, type LeaseText, nameOf, type Role } from './lease-file.ts';

export interface Lease {
  readonly role: Role;
  readonly number: number;
  readonly name: string;
  /** False once it is lost, or could not be renewed for too long. */
  readonly isHeld: boolean;
  /** Aborts when it is not held any more. */
  readonly signal: AbortSignal;
  /** Publishes this now and with every heartbeat; a failed write waits for the next heartbeat. */
  tell(detail: LeaseText['detail']): Promise<void>;
  /** Gives it back. */
  release(): Promise<void>;
}

/** Heartbeats without a write that succeeded after which a lease has lapsed. */
const LAPSED = 2;

export interface HeldOptions {
  readonly storage: Storage;
  readonly heartbeatMs: number;
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly text: LeaseText;
  readonly onEnd: () => void;
}

export class HeldLease implements Lease {
  readonly role: Role;
  readonly number: number;
  readonly generation: number;
  readonly name: string;
  readonly #options: HeldOptions;
  readonly #ended = new AbortController();
  #text: LeaseText;
  /** When the last write that succeeded began, by both clocks: one may have stood still. */
  #toldAt = { monotonic: 0, wall: 0 };
  #writing: Promise<void> = Promise.resolve();

  constructor(role: Role, number: number, generation: number, options: HeldOptions) {
    this.role = role;
    this.number = number;
    this.generation = generation;
    this.name = nameOf(role, number, generation);
    this.#options = options;
    this.#text = options.text;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get isHeld(): boolean {
    this.lapseIfLate();
    return !this.#ended.signal.aborted;
  }

  #now() {
    return { monotonic: this.#options.monotonic(), wall: this.#options.wall() };
  }

  #sinceTold(): number {
    const now = this.#now();
    return Math.max(now.monotonic - this.#toldAt.monotonic, now.wall - this.#toldAt.wall);
  }

  /** Resolves with false when another process was faster. */
  async make(): Promise<boolean> {
    const at = this.#now();
    try {
      await this.#options.storage.putIfAbsent(this.#path(), formatLease(this.#text));
    } catch (error) {
      if (isErrorCode(error, 'LAKE_EXISTS')) return false;
      throw error;
    }
    this.#toldAt = at;
    return true;
  }

  isDue(): boolean {
    return this.isHeld && this.#sinceTold() >= this.#options.heartbeatMs * 0.95;
  }

  lapseIfLate(): void {
    if (this.#sinceTold() >= LAPSED * this.#options.heartbeatMs) this.lose();
  }

  lose(): void {
    if (this.#ended.signal.aborted) return;
    this.#options.onEnd();
    this.#ended.abort();
  }

  beat(): Promise<void> {
    return this.#write({});
  }

  async tell(detail: LeaseText['detail']): Promise<void> {
    if (JSON.stringify(detail) === JSON.stringify(this.#text.detail)) return;
    this.#text = { ...this.#text, detail };
    // The next heartbeat writes it again.
    await this.#write({}).catch(() => {});
  }

  async release(): Promise<void> {
    if (!this.isHeld) return;
    await this.#write({ released: true }).catch(() => {
      // Then the missing heartbeats show it.
    });
    this.lose();
  }

  /** One write after the other, so that an old text never comes over a new one. */
  #write(change: Partial<LeaseText>): Promise<void> {
    const next = this.#writing.then(async () => {
      if (!this.isHeld) return;
      const at = this.#now();
      this.#text = { ...this.#text, ...change, beat: this.#text.beat + 1 };
      await this.#options.storage.replace(this.#path(), formatLease(this.#text));
      this.#toldAt = at;
    });
    this.#writing = next.catch(() => {});
    return next;
  }

  #path(): string {
    return leasePath(this.role, this.number, this.generation);
  }
}
