/** What is due next: a binary heap by time; of what is due together, what waits longer is first. */
export interface Schedule<T> {
  readonly size: number;
  add(dueAt: number, item: T): void;
  /** When the next item is due, or null. */
  nextDue(): number | null;
  /** How many items are due by then, counted up to `most`. */
  countDue(now: number, most: number): number;
  /** Takes the next item, whether it is due or not. */
  take(): T | undefined;
  /** Gives every item the time that `change` returns for it; called with the earliest ones first, roughly. */
  reschedule(change: (dueAt: number, item: T) => number): void;
}

interface Entry<T> {
  dueAt: number;
  readonly order: number;
  readonly item: T;
}

export function openSchedule<T>(): Schedule<T> {
  const heap: Entry<T>[] = [];
  let added = 0;

  /** Exchanges two entries when the lower one comes first. */
  function swapIfBefore(lower: number, upper: number): boolean {
    const [a, b] = [heap[lower], heap[upper]];
    if (a === undefined || b === undefined || !isBefore(a, b)) return false;
    heap[lower] = b;
    heap[upper] = a;
    return true;
  }

  function rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  function sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) return;
      const least = b !== undefined && isBefore(b, a) ? left + 1 : left;
      if (!swapIfBefore(least, index)) return;
      index = least;
    }
  }

  function order(): void {
    for (let index = (heap.length >> 1) - 1; index >= 0; index--) sink(index);
  }

  return {
    get size() {
      return heap.length;
    },
    add(dueAt, item) {
      added += 1;
      heap.push({ dueAt, order: added, item });
      rise(heap.length - 1);
    },
    nextDue: () => heap[0]?.dueAt ?? null,
    countDue(now, most) {
      // Below an entry that is not due none is, so only due ones are looked at, and their children.
      const open = [0];
      let count = 0;
      for (let at = open.pop(); at !== undefined && count < most; at = open.pop()) {
        const entry = heap[at];
        if (entry === undefined || entry.dueAt > now) continue;
        count += 1;
        open.push(2 * at + 1, 2 * at + 2);
      }
      return count;
    },
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) {
        heap[0] = last;
        sink(0);
      }
      return first.item;
    },
    reschedule(change) {
      for (const entry of heap) entry.dueAt = change(entry.dueAt, entry.item);
      order();
    },
  };
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order);
}
