/**
 * Sharing the work: what a process does of what several could do, by its leases. A process alone
 * holds all of them; others that come get their part, and take over from those that go.
 */
import { asIsobarError, IsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Lease } from './held-lease.ts';
import type { Role } from './lease-file.ts';
import type { DetailOf, Leases, SeenLease } from './leases.ts';

/** Part of the work, for as long as it runs. */
export interface Share {
  /** Stops working, then gives the leases back. */
  stop(): Promise<void>;
}

/**
 * Calls `step` now and after every look at the leases, one call at a time. Resolves after the
 * first, whose failure is the caller's; a later failure is logged and the call is repeated.
 */
async function followLeases(
  leases: Leases,
  what: string,
  logger: Logger,
  step: () => Promise<void>,
): Promise<Share> {
  let running: Promise<void> | null = null;
  let stopped = false;
  let failing = false;
  await step();
  const unwatch = leases.watch(() => {
    if (running !== null || stopped) return;
    running = step()
      .then(
        () => {
          failing = false;
        },
        (error) => {
          const { code, message } = asIsobarError(error);
          if (!failing && !stopped) logger.warn({ code }, `${what}: ${message}`);
          failing = true;
        },
      )
      .finally(() => {
        running = null;
      });
  });
  return {
    async stop() {
      stopped = true;
      unwatch();
      await running;
    },
  };
}

/** What runs while a role is held. */
export interface HeldWork extends Share {
  /**
   * Goes on under this lease, taken after the one before lapsed. Work that has it outlasts an outage
   * of the lake, until another process is seen to hold the role; other work stops with its lease.
   */
  renew?(lease: Lease): void;
}

/** One process at a time does this; the others stand by. */
export async function holdRole(
  options: {
    readonly leases: Leases;
    readonly role: Exclude<Role, 'land' | 'partition' | 'serve' | 'import'>;
    readonly logger: Logger;
    readonly detail?: DetailOf;
  },
  begin: (lease: Lease) => Promise<HeldWork>,
): Promise<Share> {
  const { leases, role, logger, detail } = options;
  let lease: Lease | null = null;
  let work: HeldWork | null = null;

  async function step(): Promise<void> {
    if (lease?.isHeld) return;
    // By the look that has just been: a stand-by looks no more than that.
    const isElsewhere = leases.seen.some((one) => one.role === role && isTaken(one));
    if (work?.renew !== undefined && !isElsewhere) {
      // Rejects while the lake is away: the work goes on.
      const renewed = await leases.take(role, 0, detail);
      if (renewed !== null) {
        lease = renewed;
        work.renew(renewed);
        return;
      }
    }
    const lost = lease !== null;
    const ended = work;
    [lease, work] = [null, null];
    if (lost) logger.warn(`sharing the work: the lease ${role} is lost`);
    await ended?.stop();
    if (isElsewhere) return;
    const taken = await leases.take(role, 0, detail);
    if (taken === null) return;
    try {
      work = await begin(taken);
      lease = taken;
    } catch (error) {
      await taken.release();
      throw error;
    }
  }

  const following = await followLeases(leases, `taking over the role ${role}`, logger, step);
  return {
    async stop() {
      await following.stop();
      await work?.stop();
      await lease?.release();
    },
  };
}

/** A process that offers to land; the number is the lowest that was free. */
async function takeSlot(leases: Leases): Promise<Lease> {
  const taken = new Set<number>();
  while (taken.size < SLOTS_MAX) {
    const used = leases.seen.filter((lease) => lease.role === 'land' && isTaken(lease));
    for (const { number } of used) taken.add(number);
    let number = 0;
    while (taken.has(number)) number += 1;
    const lease = await leases.take('land', number);
    if (lease !== null) return lease;
    taken.add(number);
  }
  throw new IsobarError('BUSY', `land: there are ${SLOTS_MAX} of them already`);
}

const SLOTS_MAX = 1_000;

function isTaken({ state, isMine }: SeenLease): boolean {
  return state === 'live' && !isMine;
}

/** Those that offer to land, by number. */
function slotsOf(leases: Leases): SeenLease[] {
  return leases.seen
    .filter((lease) => lease.role === 'land' && lease.state === 'live')
    .sort((a, b) => a.number - b.number);
}

/** How many of `count` the one at this place of `sharers` may have; in sum it is all of them. */
function fairShare(count: number, sharers: number, place: number): number {
  return Math.floor(count / sharers) + (place < count % sharers ? 1 : 0);
}

/** Work on partitions, which are given to it and taken away. */
export interface PartitionWork {
  take(partition: number): void;
  /** Resolves when nothing more is done for the partition. */
  give(partition: number): Promise<void>;
  stop(deadline?: AbortSignal): Promise<unknown>;
}

/** Lands the partitions whose leases it holds, its fair share of them. */
export async function sharePartitions(options: {
  readonly leases: Leases;
  /** It may grow. */
  readonly partitionCount: () => number;
  readonly landing: PartitionWork;
  readonly logger: Logger;
  /** How long stopping goes on landing. */
  readonly deadline?: AbortSignal;
}): Promise<Share> {
  const { leases, landing, logger } = options;
  const held = new Map<number, Lease>();
  let slot: Lease | null = null;
  let logged = '';

  async function step(): Promise<void> {
    if (slot === null || !slot.isHeld) slot = await takeSlot(leases);
    for (const [partition, lease] of held) {
      if (!lease.isHeld) await giveBack(partition);
    }
    const sinks = slotsOf(leases);
    const place = sinks.findIndex(({ number, isMine }) => isMine && number === slot?.number);
    if (place < 0) return;
    const count = options.partitionCount();
    const share = fairShare(count, sinks.length, place);
    while (held.size > share) await giveBack(Math.max(...held.keys()));
    await takeFree(count, share, place);
    report(sinks.length, count);
  }

  async function giveBack(partition: number): Promise<void> {
    const lease = held.get(partition);
    held.delete(partition);
    await landing.give(partition);
    await lease?.release();
  }

  /** Each begins elsewhere, so that they seldom reach for the same one. */
  async function takeFree(count: number, share: number, place: number): Promise<void> {
    const taken = new Set(
      leases.seen
        .filter((lease) => lease.role === 'partition' && isTaken(lease))
        .map(({ number }) => number),
    );
    for (let step = 0; step < count && held.size < share; step++) {
      const partition = (place * share + step) % count;
      if (held.has(partition) || taken.has(partition)) continue;
      const lease = await leases.take('partition', partition);
      if (lease === null) continue;
      held.set(partition, lease);
      landing.take(partition);
    }
  }

  function report(sinks: number, count: number): void {
    const mine = [...held.keys()].sort((a, b) => a - b).join(', ') || 'none';
    const text = `landing partitions ${mine} of ${count}, ${sinks} sinks`;
    if (text !== logged && sinks > 1) logger.info(text);
    logged = text;
  }

  const following = await followLeases(leases, 'sharing the partitions', logger, step);
  return {
    async stop() {
      await following.stop();
      await landing.stop(options.deadline);
      await Promise.all([...held.values(), slot].map((lease) => lease?.release()));
    },
  };
}
