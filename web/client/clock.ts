/** The server's clock as the page knows it: ages must be right where this machine's clock is not. */
import { type ReadonlySignal, signal } from '@preact/signals';

export interface Clock {
  /** Milliseconds since 1970, moved on once a second. */
  readonly now: ReadonlySignal<number>;
  /** Sets the server's time as of now. */
  set(serverTime: number): void;
  start(): void;
  stop(): void;
}

/** Differences below this are the way of the answer, not the clock's. */
const TOLERANCE_MS = 1_500;

export function createClock(local: () => number = Date.now): Clock {
  let offset = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const now = signal(local());
  const tick = () => {
    now.value = local() + offset;
  };
  return {
    now,
    set(serverTime) {
      const measured = serverTime - local();
      if (Math.abs(measured - offset) > TOLERANCE_MS) offset = measured;
      tick();
    },
    start() {
      tick();
      timer ??= setInterval(tick, 1_000);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
