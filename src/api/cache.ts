/**
 * The cache: what was computed stays until others need the room.
 *
 * Bounded by bytes, the least recently used goes first. Equal keys asked for at the same time
 * share one computation. A failure is not kept: the next caller tries again.
 */
export interface Cache<V> {
  /** The value of this key, computed if it is not there. `bytesOf` tells its size. */
  get(key: string, compute: () => Promise<V>): Promise<V>;
  /** Says that a value that is kept has become larger. */
  grow(key: string, bytes: number): void;
  readonly counts: CacheCounts;
}

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  /** Callers that waited for somebody else's computation. */
  readonly shared: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
}

interface Entry<V> {
  readonly value: V;
  bytes: number;
}

/** What an entry costs beside its bytes: key, map slots, object headers. */
const ENTRY_OVERHEAD_BYTES = 512;

export function openCache<V>(bytesMax: number, bytesOf: (value: V) => number): Cache<V> {
  const entries = new Map<string, Entry<V>>();
  const pending = new Map<string, Promise<V>>();
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

  return {
    get(key, compute) {
      const entry = entries.get(key);
      if (entry !== undefined) {
        counts.hits += 1;
        entries.delete(key);
        entries.set(key, entry);
        return Promise.resolve(entry.value);
      }
      const running = pending.get(key);
      if (running !== undefined) {
        counts.shared += 1;
        return running;
      }
      counts.misses += 1;
      const computation = compute()
        .then((value) => {
          keep(key, value);
          return value;
        })
        .finally(() => pending.delete(key));
      pending.set(key, computation);
      return computation;
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
