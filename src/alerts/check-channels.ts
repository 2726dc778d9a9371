/** Whether channels can be reached, for `isobar doctor` and for the start. */
import { asIsobarError, type IsobarError } from '../errors.ts';
import type { Channel } from './channel.ts';

export interface CheckedChannel {
  readonly name: string;
  readonly type: string;
  /** Null when nothing is wrong. */
  readonly problem: IsobarError | null;
}

/** All at once, each by its own time limit; rejects only when the signal aborts. */
export function checkChannels(
  channels: readonly Channel[],
  signal: AbortSignal,
): Promise<readonly CheckedChannel[]> {
  return Promise.all(
    channels.map(async (channel) => {
      const { name, type } = channel;
      try {
        await channel.check(signal);
        return { name, type, problem: null };
      } catch (error) {
        signal.throwIfAborted();
        return { name, type, problem: asIsobarError(error) };
      }
    }),
  );
}
