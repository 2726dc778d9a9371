import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const TIMEOUT_MS = 120_000;
const EVERY_MS = 50;

/** Looks again and again until it finds something true, and resolves with that; fails with `what`. */
export async function until<T>(
  what: string | (() => string),
  look: () => T | Promise<T>,
  ms: number = TIMEOUT_MS,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found as Exclude<T, null | undefined | false>;
    if (performance.now() > deadline) {
      assert.fail(`not within ${ms / 1_000} s: ${typeof what === 'string' ? what : what()}`);
    }
    await delay(EVERY_MS);
  }
}
