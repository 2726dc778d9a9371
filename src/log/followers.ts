/** The followers of a log: each is notified of appends, once for all that came while it was busy. */

export class Followers {
  readonly #closing = new AbortController();
  readonly #sleepers = new Set<() => void>();
  readonly #onFirst: () => void;
  readonly #onLast: () => void;
  #count = 0;
  #news = 0;
  #failure: unknown = null;

  /** Called when the first one comes, and when the last one has left. */
  constructor(onFirst: () => void, onLast: () => void = () => {}) {
    this.#onFirst = onFirst;
    this.#onLast = onLast;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Aborts when the followers are closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  notify(): void {
    this.#news += 1;
    for (const rouse of this.#sleepers) rouse();
  }

  /** Ends all with this error, also those that come later. */
  fail(error: unknown): void {
    this.#failure = error;
    this.notify();
  }

  /** Yields at the start, and after news. */
  async *follow(signal: AbortSignal): AsyncGenerator<void> {
    const ended = AbortSignal.any([signal, this.closing]);
    if (ended.aborted) return;
    this.#count += 1;
    if (this.#count === 1) this.#onFirst();
    try {
      for (let notified = -1; !ended.aborted; ) {
        if (this.#failure !== null) throw this.#failure;
        if (notified === this.#news) {
          await this.#sleep(ended);
        } else {
          notified = this.#news;
          yield;
        }
      }
    } finally {
      this.#count -= 1;
      if (this.isEmpty) this.#onLast();
    }
  }

  async #sleep(ended: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const rouse = () => resolve();
    this.#sleepers.add(rouse);
    ended.addEventListener('abort', rouse, { once: true });
    await promise;
    this.#sleepers.delete(rouse);
    ended.removeEventListener('abort', rouse);
  }

  /** Ends all. */
  close(): void {
    this.#closing.abort();
  }
}
