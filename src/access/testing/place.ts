/** Users and sessions in a folder of their own, on a clock that a test moves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Access, type AccessOptions, openAccess } from '../access.ts';

export const PASSWORD = 'a heron stands in the reeds';
export const VISITOR = { address: '192.0.2.7', agent: 'test' };
export const HOUR_MS = 3_600_000;

export interface Place extends Disposable {
  readonly folder: string;
  readonly access: Access;
  /** Another process over the same file. */
  open(more?: Partial<AccessOptions>): Access;
  later(ms: number): void;
}

export function openPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-access-'));
  let now = Date.UTC(2026, 10, 30);
  let tick = 0;
  const opened: Access[] = [];
  const open = (more: Partial<AccessOptions> = {}) => {
    const access = openAccess(folder, {
      idleMs: HOUR_MS,
      longestMs: 12 * HOUR_MS,
      clock: () => new Date(now),
      monotonic: () => tick,
      ...more,
    });
    opened.push(access);
    return access;
  };
  return {
    folder,
    access: open(),
    open,
    later(ms) {
      now += ms;
      tick += ms;
    },
    [Symbol.dispose]() {
      for (const access of opened) access[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
