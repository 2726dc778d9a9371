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
  /**
   * Publishes this now and with every heartbeat. Resolves with whether it was written: after a
   * failure the next heartbeat tries again.
   */
  publish(detail: LeaseText['detail']): Promise<boolean>;
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
  /** The detail of the last write that succeeded. */
  #written = '';
  /** When that write began, by both clocks: one may have stood still. */
  #writtenAt = { monotonic: 0, wall: 0 };
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

  #sinceWritten(): number {
    const now = this.#now();
    return Math.max(now.monotonic - this.#writtenAt.monotonic, now.wall - this.#writtenAt.wall);
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
    this.#written = JSON.stringify(this.#text.detail);
    this.#writtenAt = at;
    return true;
  }

  isDue(): boolean {
    return this.isHeld && this.#sinceWritten() >= this.#options.heartbeatMs * 0.95;
  }

  lapseIfLate(): void {
    if (this.#sinceWritten() >= LAPSED * this.#options.heartbeatMs) this.lose();
  }

  lose(): void {
    if (this.#ended.signal.aborted) return;
    this.#options.onEnd();
    this.#ended.abort();
  }

  beat(): Promise<void> {
    return this.#write({});
  }

  async publish(detail: LeaseText['detail']): Promise<boolean> {
    const text = JSON.stringify(detail);
    if (text === this.#written) return true;
    this.#text = { ...this.#text, detail };
    await this.#write({}).catch(() => {});
    return text === this.#written;
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
      const text = this.#text;
      await this.#options.storage.replace(this.#path(), formatLease(text));
      this.#written = JSON.stringify(text.detail);
      this.#writtenAt = at;
    });
    this.#writing = next.catch(() => {});
    return next;
  }

  #path(): string {
    return leasePath(this.role, this.number, this.generation);
  }
}
