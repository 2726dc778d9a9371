/** Puts under way side by side: a lake on other machines answers late, but many at once. */
export interface InFlight {
  /** Begins the work as soon as there is room for so many bytes; rejects when an earlier failed. */
  add(bytes: number, work: () => Promise<void>): Promise<void>;
  /** Resolves when all has ended; rejects with the first failure. */
  settle(): Promise<void>;
}

const COUNT_MAX = 8;
/** What waits in memory; one that is larger goes alone. */
const BYTES_MAX = 64 * 1024 * 1024;

export function openInFlight(): InFlight {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let bytes = 0;

  const isFull = (more: number) =>
    running.size >= COUNT_MAX || (running.size > 0 && bytes + more > BYTES_MAX);

  return {
    async add(size, work) {
      while (failures.length === 0 && isFull(size)) await Promise.race(running);
      if (failures.length > 0) throw failures[0];
      bytes += size;
      const one: Promise<void> = work()
        .catch((error) => void failures.push(error))
        .finally(() => {
          bytes -= size;
          running.delete(one);
        });
      running.add(one);
    },
    async settle() {
      while (running.size > 0) await Promise.all(running);
      if (failures.length > 0) throw failures[0];
    },
  };
}
