/** A bounded number of things under way at once; others wait their turn. */
export interface Slots {
  /** Resolves when there is room; disposing of it makes room again. Rejects when aborted. */
  take(signal?: AbortSignal): Promise<Disposable>;
}

export function openSlots(count: number): Slots {
  const waiting: (() => void)[] = [];
  let taken = 0;

  function release(): void {
    const next = waiting.shift();
    if (next === undefined) taken -= 1;
    else next();
  }

  function slot(): Disposable {
    let held = true;
    return {
      [Symbol.dispose]() {
        if (held) release();
        held = false;
      },
    };
  }

  return {
    async take(signal) {
      signal?.throwIfAborted();
      if (taken < count) {
        taken += 1;
        return slot();
      }
      const turn = Promise.withResolvers<void>();
      waiting.push(turn.resolve);
      const leave = () => {
        const at = waiting.indexOf(turn.resolve);
        // One whose turn has come just now gives it on.
        if (at === -1) release();
        else waiting.splice(at, 1);
        turn.reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      await turn.promise;
      signal?.removeEventListener('abort', leave);
      return slot();
    },
  };
}
