/** Following the topic: at once within the process, by looking for others' appends. */
import { pauseUnref } from '../waiting.ts';
import { Followers } from './followers.ts';

const LOOK_MS = 100;
const LOOK_AFTER_FAILURE_MS = 1_000;

/**
 * `look` gives a number that grows with every append of whichever process. Following does not end
 * while a broker is unreachable: followers are notified when it is back and has new records.
 */
export function openKafkaWatch(look: () => Promise<bigint>): Followers {
  const followers = new Followers(() => void watch());
  let looking = false;

  /** Looks as long as there are followers. */
  async function watch(): Promise<void> {
    if (looking) return;
    looking = true;
    let seen: bigint | null = null;
    while (!followers.isEmpty && !followers.closing.aborted) {
      let lookMs = LOOK_MS;
      try {
        const now = await look();
        if (seen !== null && now !== seen) followers.notify();
        seen = now;
      } catch {
        lookMs = LOOK_AFTER_FAILURE_MS;
      }
      await pauseUnref(lookMs, followers.closing);
    }
    looking = false;
  }

  return followers;
}
