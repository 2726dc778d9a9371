/**
 * Slows down guessing. Failures count for a name together with an address, so that whoever guesses
 * elsewhere does not lock a user out, and for an address alone, so that it cannot try many names.
 */
import { IsobarError } from '../errors.ts';
import { networkOf } from '../model/network.ts';

export interface LoginLimits {
  /**
   * Before a password is looked at: counts as a failure until it succeeds, so that tries at the same
   * time count as well. Throws LOGIN_DELAYED while the next one has to wait.
   */
  admit(name: string, address: string): void;
  /** Takes that back, and forgets what failed for this name from this address before. */
  succeeded(name: string, address: string): void;
}

interface Count {
  readonly failures: number;
  /** Milliseconds of a clock that is never set. */
  readonly until: number;
}

/** Failures without any waiting. */
const FREE = { pair: 5, address: 20 } as const;
const WAIT_S_MAX = 900;
const KEPT_MAX = 10_000;
/** After so long without a failure it is forgotten. */
const FORGET_MS = 3_600_000;

/** None for the first ones, then a second, and twice as long each time. */
function delayMs(failures: number, free: number): number {
  const beyond = failures - free;
  return beyond <= 0 ? 0 : Math.min(WAIT_S_MAX, 2 ** Math.min(beyond - 1, 16)) * 1_000;
}

export function openLoginLimits(monotonic: () => number = () => performance.now()): LoginLimits {
  /** The one that failed last is the last. */
  const counts = new Map<string, Count>();
  const keysOf = (name: string, address: string) => {
    const network = networkOf(address);
    return [
      { key: `${network} ${name}`, free: FREE.pair },
      { key: network, free: FREE.address },
    ] as const;
  };

  function fail(key: string, free: number): void {
    const now = monotonic();
    const known = counts.get(key);
    const isOld = known !== undefined && now - known.until > FORGET_MS;
    const failures = (known === undefined || isOld ? 0 : known.failures) + 1;
    counts.delete(key);
    counts.set(key, { failures, until: now + delayMs(failures, free) });
    const [oldest] = counts.keys();
    if (counts.size > KEPT_MAX && oldest !== undefined) counts.delete(oldest);
  }

  return {
    admit(name, address) {
      const now = monotonic();
      const keys = keysOf(name, address);
      const waits = keys.map(({ key }) => (counts.get(key)?.until ?? now) - now);
      const waitS = Math.ceil(Math.max(0, ...waits) / 1_000);
      if (waitS > 0) {
        const text = `too many failed logins; try again in ${waitS} s`;
        throw new IsobarError('LOGIN_DELAYED', text, { details: { retryAfterS: waitS } });
      }
      for (const { key, free } of keys) fail(key, free);
    },
    succeeded(name, address) {
      const [pair, network] = keysOf(name, address);
      counts.delete(pair.key);
      const known = counts.get(network.key);
      if (known === undefined) return;
      const failures = Math.max(0, known.failures - 1);
      const until = Math.min(known.until, monotonic() + delayMs(failures, network.free));
      counts.set(network.key, { failures, until });
    },
  };
}
