/**
 * One message for several recipients: an attempt after a failure goes only to those that did not get
 * it. This is remembered in memory: after a restart a recipient may get a message twice.
 */
import { isErrorCode } from '../../errors.ts';

/** Messages that are remembered at most; there is one at a time for each channel. */
const KEYS_MAX = 100;

/** Notes that a recipient has got it, or the error with which it is refused for good. */
export type Settle = (recipient: string, refusal: Error | null) => void;

export interface Recipients {
  /**
   * Calls `send` for those that are left. Rejects with what `send` rejects with, and with the first
   * refusal when all others have got it.
   */
  deliver(
    key: string,
    to: readonly string[],
    send: (left: readonly string[], settle: Settle) => Promise<void>,
  ): Promise<void>;
}

export function openRecipients(): Recipients {
  const kept = new Map<string, Map<string, Error | null>>();
  return {
    async deliver(key, to, send) {
      const settled = kept.get(key) ?? new Map<string, Error | null>();
      kept.delete(key);
      kept.set(key, settled);
      for (const oldest of kept.keys()) {
        if (kept.size <= KEYS_MAX) break;
        kept.delete(oldest);
      }
      const left = to.filter((recipient) => !settled.has(recipient));
      if (left.length > 0)
        await send(left, (recipient, refusal) => settled.set(recipient, refusal));
      kept.delete(key);
      const refusal = [...settled.values()].find((error) => error !== null);
      if (refusal !== undefined) throw refusal;
    },
  };
}

/** For a protocol of one recipient a request: one after the other, until one cannot be sent now. */
export function oneByOne(sendOne: (recipient: string) => Promise<void>) {
  return async (left: readonly string[], settle: Settle): Promise<void> => {
    for (const recipient of left) {
      try {
        await sendOne(recipient);
        settle(recipient, null);
      } catch (error) {
        if (!isErrorCode(error, 'CHANNEL_REFUSED')) throw error;
        settle(recipient, error as Error);
      }
    }
  };
}
