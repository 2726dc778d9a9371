/**
 * The cache: what was computed stays until others need the room.
 *
 * Bounded by bytes, the least recently used goes first. Equal keys asked for at the same time
 * share one computation. A failure is not kept: the next caller tries again.
 */
export interface Cache<V> {
  /**
   * The value of this key, computed if it is not there. `bytesOf` returns its size. `leave` aborts
   * when this caller does not wait any more; the signal that `compute` gets, when no caller does.
   */
  get(key: string, compute: (signal: AbortSignal) => Promise<V>, leave?: AbortSignal): Promise<V>;
  /** Says that a value that is kept has become larger. */
  grow(key: string, bytes: number): void;
  readonly counts: CacheCounts;
}

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  /** Callers that waited for a computation that another caller began. */
  readonly shared: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
}

interface Entry<V> {
  readonly value: V;
  bytes: number;
}

interface Pending<V> {
  readonly value: Promise<V>;
  readonly cancel: AbortController;
  waiting: number;
}

/** What an entry costs beside its bytes: key, map slots, object headers. */
const ENTRY_OVERHEAD_BYTES = 512;

export function openCache<V>(bytesMax: number, bytesOf: (value: V) => number): Cache<V> {
  const entries = new Map<string, Entry<V>>();
  const pending = new Map<string, Pending<V>>();
  const counts = { hits: 0, misses: 0, shared: 0, evictions: 0, bytes: 0 };

  function evict(): void {
    for (const [key, entry] of entries) {
      if (counts.bytes <= bytesMax) return;
      entries.delete(key);
      counts.bytes -= entry.bytes;
      counts.evictions += 1;
    }
  }

  function keep(key: string, value: V): void {
    const bytes = bytesOf(value) + ENTRY_OVERHEAD_BYTES;
    entries.set(key, { value, bytes });
    counts.bytes += bytes;
    evict();
  }

  function begin(key: string, compute: (signal: AbortSignal) => Promise<V>): Pending<V> {
    const cancel = new AbortController();
    const value = compute(cancel.signal)
      .then((computed) => {
        // One that was given up may end after the one that was begun in its place.
        if (pending.get(key)?.cancel === cancel) keep(key, computed);
        return computed;
      })
      .finally(() => {
        if (pending.get(key)?.cancel === cancel) pending.delete(key);
      });
    const begun = { value, cancel, waiting: 0 };
    pending.set(key, begun);
    return begun;
  }

  /** One caller more; the last one that leaves gives the computation up. */
  function wait(running: Pending<V>, leave: AbortSignal | undefined): Promise<V> {
    running.waiting += 1;
    if (leave === undefined) return running.value;
    const left = () => {
      running.waiting -= 1;
      if (running.waiting === 0) running.cancel.abort();
    };
    if (leave.aborted) left();
    else leave.addEventListener('abort', left, { once: true });
    return running.value.finally(() => leave.removeEventListener('abort', left));
  }

  return {
    get(key, compute, leave) {
      const entry = entries.get(key);
      if (entry !== undefined) {
        counts.hits += 1;
        entries.delete(key);
        entries.set(key, entry);
        return Promise.resolve(entry.value);
      }
      const running = pending.get(key);
      if (running !== undefined && !running.cancel.signal.aborted) {
        counts.shared += 1;
        return wait(running, leave);
      }
      counts.misses += 1;
      return wait(begin(key, compute), leave);
    },
    grow(key, bytes) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.bytes += bytes;
      counts.bytes += bytes;
      evict();
    },
    get counts() {
      return { ...counts, entries: entries.size };
    },
  };
}
