/**
 * What is known of a key: whether it ever worked, and since when it is refused. A key that never
 * worked may become active up to two hours after it was made, which is no later than two hours
 * after we first saw it refused.
 *
 * It is kept in `key.json` beside the ledger, so that a restart does not begin to wait anew. The
 * key itself is not written, only a digest that distinguishes keys.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../logger.ts';
import { NOTE_BYTES_MAX, readRegularFileSync } from '../../regular-file.ts';

const ACTIVATION_MS = 2 * 3_600_000;

export interface KeyMemory {
  worked(): void;
  /** Whether the key, refused now, may still become active. */
  refused(nowMs: number): boolean;
}

interface Kept {
  readonly key: string;
  readonly worked: boolean;
  readonly refusedSince: number | null;
}

/** Without a folder it remembers as long as the process lives. */
export function openKeyMemory(
  key: string,
  folder: string | undefined,
  logger: Pick<Logger, 'warn'>,
): KeyMemory {
  const digest = createHash('sha256').update(`isobar ${key}`).digest('hex').slice(0, 16);
  const file = folder === undefined ? null : join(folder, 'key.json');
  let kept = load(file, digest);

  function keep(next: Kept): void {
    if (next.worked === kept.worked && next.refusedSince === kept.refusedSince) return;
    kept = next;
    if (file === null || folder === undefined) return;
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${file}.new`, `${JSON.stringify(kept)}\n`);
      renameSync(`${file}.new`, file);
    } catch (error) {
      // Only the waiting after a restart depends on it, so that polling goes on.
      logger.warn(`keeping the key's state: ${error instanceof Error ? error.message : error}`);
    }
  }

  return {
    worked: () => keep({ key: digest, worked: true, refusedSince: null }),
    refused(nowMs) {
      const refusedSince = kept.refusedSince ?? nowMs;
      keep({ ...kept, refusedSince });
      return !kept.worked && nowMs - refusedSince < ACTIVATION_MS;
    },
  };
}

function load(file: string | null, digest: string): Kept {
  const unknown: Kept = { key: digest, worked: false, refusedSince: null };
  if (file === null) return unknown;
  try {
    const bytes = readRegularFileSync(file, { bytesMax: NOTE_BYTES_MAX });
    const value = JSON.parse(bytes.toString('utf8')) as Partial<Kept> | null;
    if (value?.key !== digest) return unknown;
    const since = value.refusedSince;
    return {
      key: digest,
      worked: value.worked === true,
      refusedSince: typeof since === 'number' ? since : null,
    };
  } catch {
    // Not there yet, or damaged: the two hours begin anew, which costs a few calls at most.
    return unknown;
  }
}
