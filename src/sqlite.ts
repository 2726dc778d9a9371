/** What is common to all SQLite files: which error means "busy", and waiting for other processes. */
import { pause } from './waiting.ts';

const RETRY_MS = 20;
/** How long an attempt is repeated while another process holds the file. */
export const BUSY_MS_MAX = 10_000;

/** SQLite's primary result code; null for an error that is not SQLite's. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** SQLITE_BUSY, SQLITE_LOCKED. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 5 || code === 6;
}

/** Runs `attempt` again while another process holds the file. */
export async function retryBusy<T>(attempt: () => T, timeoutMs = BUSY_MS_MAX): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await pause(RETRY_MS);
  }
}
