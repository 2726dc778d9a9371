/** Following the topic: at once within the process, by looking for others' appends. */
import { pauseUnref } from '../waiting.ts';

export interface KafkaWatch {
  /** Notifies the followers that something was appended. */
  wake(): void;
  follow(signal: AbortSignal): AsyncIterable<void>;
  /** Ends all followers. */
  close(): void;
}

const LOOK_MS = 100;
const LOOK_AFTER_FAILURE_MS = 1_000;

/**
 * `look` gives a number that grows with every append of whichever process. Following does not end
 * while a broker is unreachable: followers are notified when it is back and has new records.
 */
export function openKafkaWatch(look: () => Promise<bigint>): KafkaWatch {
  const closing = new AbortController();
  const sleepers = new Set<() => void>();
  let followers = 0;
  let looking = false;
  let news = 0;

  function wake(): void {
    news += 1;
    for (const rouse of sleepers) rouse();
  }

  /** Looks as long as there are followers. */
  async function watch(): Promise<void> {
    if (looking) return;
    looking = true;
    let seen: bigint | null = null;
    while (followers > 0 && !closing.signal.aborted) {
      let lookMs = LOOK_MS;
      try {
        const now = await look();
        if (seen !== null && now !== seen) wake();
        seen = now;
      } catch {
        lookMs = LOOK_AFTER_FAILURE_MS;
      }
      await pauseUnref(lookMs, closing.signal);
    }
    looking = false;
  }

  async function* follow(signal: AbortSignal): AsyncGenerator<void> {
    if (signal.aborted || closing.signal.aborted) return;
    followers += 1;
    const ended = () => signal.aborted || closing.signal.aborted;
    let rouse = () => {};
    const onEnd = () => rouse();
    const sleeper = () => rouse();
    sleepers.add(sleeper);
    signal.addEventListener('abort', onEnd);
    closing.signal.addEventListener('abort', onEnd);
    void watch();
    try {
      let notified = -1;
      while (!ended()) {
        if (notified === news) {
          await new Promise<void>((resolve) => {
            rouse = resolve;
          });
          continue;
        }
        notified = news;
        yield;
      }
    } finally {
      followers -= 1;
      sleepers.delete(sleeper);
      signal.removeEventListener('abort', onEnd);
      closing.signal.removeEventListener('abort', onEnd);
    }
  }

  return { wake, follow, close: () => closing.abort() };
}
