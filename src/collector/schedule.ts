/** What is due next: a binary heap by time, ties by who waited longer. */
export interface Schedule<T> {
  readonly size: number;
  add(dueAt: number, item: T): void;
  /** When the next item is due, or null. */
  nextDue(): number | null;
  /** Takes the next item, whether it is due or not. */
  take(): T | undefined;
  /** Takes all items, in no order. */
  takeAll(): T[];
}

interface Entry<T> {
  readonly dueAt: number;
  readonly order: number;
  readonly item: T;
}

export function openSchedule<T>(): Schedule<T> {
  const heap: Entry<T>[] = [];
  let added = 0;

  const isBefore = (a: Entry<T>, b: Entry<T>) =>
    a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order);

  function rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  function sink(): void {
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) return;
      const least = b !== undefined && isBefore(b, a) ? left + 1 : left;
      if (!swapIfBefore(least, index)) return;
      index = least;
    }
  }

  /** Exchanges two entries when the lower one is due earlier. */
  function swapIfBefore(lower: number, upper: number): boolean {
    const [a, b] = [heap[lower], heap[upper]];
    if (a === undefined || b === undefined || !isBefore(a, b)) return false;
    heap[lower] = b;
    heap[upper] = a;
    return true;
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
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) {
        heap[0] = last;
        sink();
      }
      return first.item;
    },
    takeAll: () => heap.splice(0).map((entry) => entry.item),
  };
}
