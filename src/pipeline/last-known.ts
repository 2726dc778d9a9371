/** What a room said last, for as long as it cannot answer. */
import { asIsobarError, IsobarError, roomError } from '../errors.ts';
import type { RoomError } from '../model/status.ts';
import { within } from '../waiting.ts';

export type Room =
  | 'work'
  | 'log'
  | 'table'
  | 'analytics'
  | 'streaming'
  | 'forecast'
  | 'index'
  | 'export';

const ANSWER_MS = 1_500;

/**
 * The status of the room, or its last one with the reason for its failure now. A room that takes
 * too long is not waited for: callers get the last status and the reason.
 */
export function keepLast<T extends { readonly error: RoomError | null } | null>(
  failures: Failures,
  room: Room,
  read: () => Promise<T>,
  grow: (last: T & {}, passedMs: number) => T & {} = (last) => last,
): () => Promise<T> {
  let last: T | null = null;
  let lastAt = 0;
  let reading: Promise<T> | null = null;
  return async () => {
    reading ??= read()
      .then((found) => {
        [last, lastAt] = [found, performance.now()];
        if (found?.error === null) failures.forget(room);
        return found;
      })
      .finally(() => {
        reading = null;
      });
    try {
      return await (last === null ? reading : orTooLate(reading, room));
    } catch (error) {
      if (last === null) throw error;
      const grown = grow(last, performance.now() - lastAt);
      return { ...grown, error: last.error ?? failures.of(room, asIsobarError(error)) };
    }
  };
}

/** Rejects without an answer in time; what comes later is kept for the next caller. */
export function orTooLate<T>(reading: Promise<T>, room: Room, ms = ANSWER_MS): Promise<T> {
  const code = room === 'log' ? 'LOG_UNAVAILABLE' : 'LAKE_UNAVAILABLE';
  const late = () => new IsobarError(code, `no answer within ${ms} ms`);
  return within(ms, reading, undefined, late);
}

/** Since when each room fails as it does now. */
export interface Failures {
  of(room: Room, error: IsobarError): RoomError;
  forget(room: Room): void;
}

export function openFailures(): Failures {
  const known = new Map<Room, RoomError>();
  return {
    of(room, error) {
      const failure = roomError(error, known.get(room), new Date());
      known.set(room, failure);
      return failure;
    },
    forget: (room) => void known.delete(room),
  };
}
