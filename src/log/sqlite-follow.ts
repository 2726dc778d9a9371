/** Following the SQLite log: at once within the process, by looking for others' appends. */
import { isBusy } from '../sqlite.ts';
import { Followers } from './followers.ts';
import { translateSqliteError } from './sqlite-errors.ts';

export interface Watch extends Pick<Followers, 'follow' | 'close'> {
  /** Notifies the followers that something was appended. */
  wake(): void;
}

const LOOK_MS = 100;

/** `look` gives a number that grows with every append of whichever process. */
export function openWatch(path: string, look: () => number): Watch {
  let timer: NodeJS.Timeout | undefined;
  const followers = new Followers(
    () => {
      timer = setInterval(lookForOthers, LOOK_MS);
    },
    () => clearInterval(timer),
  );
  let seen = look();

  /** Whether there was news. A look that fails because the file is busy finds it the next time. */
  function isNew(): boolean {
    try {
      const before = seen;
      seen = look();
      return seen !== before;
    } catch (error) {
      if (!isBusy(error)) followers.fail(translateSqliteError(error, path));
      return false;
    }
  }

  function lookForOthers(): void {
    if (isNew()) followers.notify();
  }

  function wake(): void {
    isNew();
    followers.notify();
  }

  return {
    wake,
    follow: (signal) => followers.follow(signal),
    close() {
      clearInterval(timer);
      followers.close();
    },
  };
}
