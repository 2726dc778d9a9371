/**
 * What one ledger may use of the calls per minute, when collectors on several machines poll.
 *
 * Processes on one folder share its ledger, which counts for all of them; so ledgers share the
 * budget, evenly. Each collector publishes which others it has `seen`: those that it counts,
 * having used no more in the last minute than it may now. Whoever is new calls once all have seen
 * it; whoever goes is counted for another minute. So of any two that call each counts the other,
 * and n ledgers that call use an n-th each, at most.
 *
 * A collector that cannot reach the lake goes on with a little, the emergency share: polling must
 * outlast an outage of the lake, and it is unknown whether the others can reach it. The others
 * leave that much to a ledger whose collectors went silent without releasing their leases.
 */
import type { BudgetLimits } from './budget.ts';

export interface Peer {
  /** Never used again. */
  readonly name: string;
  readonly ledger: string;
  readonly state: 'live' | 'silent' | 'released';
  /** Milliseconds for which it has been seen in this state. */
  readonly forMs: number;
  /** Names of those it counts. */
  readonly seen: readonly string[];
}

export interface MinuteShareInput {
  readonly name: string;
  readonly ledger: string;
  /** Milliseconds since its lease lapsed; 0 while it is held. */
  readonly lapsedMs: number;
  /** All others. */
  readonly peers: readonly Peer[];
}

export interface MinuteShare {
  /** What the ledger may use in any minute, as things are now. */
  update(input: MinuteShareInput): number;
  /** Those that it counts, given what its ledger used in the last minute. */
  seen(usedInMinute: number): readonly string[];
  /** Whether a collector of that ledger polls at all: with few calls some stand by. */
  polls(ledger: string): boolean;
  readonly limit: number;
}

/** A minute as the ledger counts it, and a second for the call to leave. */
export const MINUTE_MS = 62_000;
/** A collector is not waited for any longer than this. */
export const FORGOTTEN_MS = 86_400_000;
/** Sooner than the others forget it. */
const EMERGENCY_MS = FORGOTTEN_MS - 3_600_000;
/** The part of the budget that is left to each ledger that went silent. */
const EMERGENCY_PART = 8;

interface Others {
  /** Ledgers that may be calling, with the names of their live collectors. */
  readonly counted: ReadonlyMap<string, readonly Peer[]>;
  /** Those that may be calling because they went a moment ago. */
  readonly leaving: boolean;
  /** Those that may use their emergency share. */
  readonly silent: number;
}

export function openMinuteShare(limits: BudgetLimits): MinuteShare {
  const perMinute = limits.per_minute;
  // More ledgers than calls cannot all have some.
  const scarcest = Math.min(perMinute, limits.per_day, limits.per_month);
  const emergency = Math.floor(perMinute / EMERGENCY_PART);
  let others: Others = { counted: new Map(), leaving: false, silent: 0 };
  let seenNames: readonly string[] = [];
  let pending: readonly string[] = [];
  let own = '';
  let ledgers: readonly string[] = [];
  /** The name under which all others have seen it. */
  let accepted = '';
  /** The share that others still leave to it, from an earlier name. */
  let reserve = 0;
  let limit = 0;

  function update(input: MinuteShareInput): number {
    others = lookAt(input);
    own = input.ledger;
    ledgers = [own, ...others.counted.keys()].sort();
    pending = [...others.counted.values()].flat().map(({ name }) => name);
    if (input.lapsedMs > 0) {
      limit = input.lapsedMs < EMERGENCY_MS ? reserve : 0;
      return limit;
    }
    if (accepted !== input.name && isAccepted(input.name)) accepted = input.name;
    limit = share(input.ledger);
    if (accepted === input.name) reserve = Math.min(emergency, limit);
    else limit = Math.min(reserve, limit);
    return limit;
  }

  function isAccepted(name: string): boolean {
    if (others.leaving) return false;
    return [...others.counted.values()].flat().every((peer) => peer.seen.includes(name));
  }

  function share(ledger: string): number {
    const sharers = Math.min(ledgers.length, scarcest);
    if (ledgers.indexOf(ledger) >= sharers) return 0;
    const left = Math.max(0, perMinute - others.silent * emergency);
    return Math.floor(left / sharers);
  }

  return {
    update,
    seen(usedInMinute) {
      // New ones are counted at once, but published only when the calls before do not matter.
      const known = seenNames.filter((name) => pending.includes(name));
      seenNames = usedInMinute <= share(own) ? pending : known;
      return seenNames;
    },
    polls: (ledger) => ledgers.indexOf(ledger) < Math.min(ledgers.length, scarcest),
    get limit() {
      return limit;
    },
  };
}

function lookAt({ ledger, peers }: MinuteShareInput): Others {
  const byLedger = new Map<string, Peer[]>();
  for (const peer of peers) {
    if (peer.ledger === ledger) continue;
    byLedger.set(peer.ledger, [...(byLedger.get(peer.ledger) ?? []), peer]);
  }
  const counted = new Map<string, readonly Peer[]>();
  let leaving = false;
  let silent = 0;
  for (const [other, all] of byLedger) {
    const live = all.filter(({ state }) => state === 'live');
    const isLeaving = all.some(({ state, forMs }) => state !== 'live' && forMs < MINUTE_MS);
    if (live.length > 0 || isLeaving) counted.set(other, live);
    if (live.length === 0 && isLeaving) leaving = true;
    const isSilent = all.some(({ state, forMs }) => state === 'silent' && forMs < FORGOTTEN_MS);
    if (live.length === 0 && !isLeaving && isSilent) silent += 1;
  }
  return { counted, leaving, silent };
}
