/**
 * Sharing the work: what a process does of what several could do, by its claims. A process alone
 * claims everything at once; others that come get their part, and take over from those that go.
 */
import { asIsobarError, IsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { LanderLoop } from '../table/lander-loop.ts';
import type { Claims, SeenClaim } from './claims.ts';
import type { Claim } from './held-claim.ts';

/** Part of the work, for as long as it runs. */
export interface Share {
  /** Stops working, then gives the claims back. */
  stop(): Promise<void>;
}

/**
 * Calls `step` now and after every look at the claims, one call at a time. Resolves after the
 * first, whose failure is the caller's; a later failure is logged and the call is repeated.
 */
export async function followClaims(
  claims: Claims,
  what: string,
  logger: Logger,
  step: () => Promise<void>,
): Promise<Share> {
  let running: Promise<void> | null = null;
  let stopped = false;
  let failing = false;
  await step();
  const unwatch = claims.watch(() => {
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

/** One process at a time does this; the others stand by. */
export async function holdRole(
  options: {
    readonly claims: Claims;
    readonly role: 'analyze' | 'export' | 'maintain';
    readonly logger: Logger;
  },
  begin: (claim: Claim) => Promise<Share>,
): Promise<Share> {
  const { claims, role, logger } = options;
  let claim: Claim | null = null;
  let work: Share | null = null;

  async function step(): Promise<void> {
    if (claim?.isHeld) return;
    const lost = claim !== null;
    const ended = work;
    [claim, work] = [null, null];
    if (lost) logger.warn(`sharing the work: the claim ${role} is lost`);
    await ended?.stop();
    const taken = await claims.take(role, 0);
    if (taken === null) return;
    try {
      work = await begin(taken);
      claim = taken;
    } catch (error) {
      await taken.release();
      throw error;
    }
  }

  const following = await followClaims(claims, `taking over the role ${role}`, logger, step);
  return {
    async stop() {
      await following.stop();
      await work?.stop();
      await claim?.release();
    },
  };
}

/** A process that offers to do this role; the number is the lowest that was free. */
export async function takeSeat(
  claims: Claims,
  role: 'collect' | 'land' | 'serve',
  options: Parameters<Claims['take']>[2] = {},
): Promise<Claim> {
  const taken = new Set<number>();
  while (taken.size < SEATS_MAX) {
    const seen = claims.seen.filter((claim) => claim.role === role);
    const used = seen.filter((claim) => isTaken(claim, options.mayReplace));
    for (const { number } of used) taken.add(number);
    let number = 0;
    while (taken.has(number)) number += 1;
    const claim = await claims.take(role, number, options);
    if (claim !== null) return claim;
    taken.add(number);
  }
  throw new IsobarError('BUSY', `${role}: there are ${SEATS_MAX} of them already`);
}

const SEATS_MAX = 1_000;

function isTaken(claim: SeenClaim, mayReplace?: (claim: SeenClaim) => boolean): boolean {
  if (claim.state === 'live' && !claim.isMine) return true;
  return mayReplace?.(claim) === false;
}

/** Those that hold a seat of the role, by number. */
export function seatsOf(claims: Claims, role: 'collect' | 'land' | 'serve'): SeenClaim[] {
  return claims.seen
    .filter((claim) => claim.role === role && claim.state === 'live')
    .sort((a, b) => a.number - b.number);
}

/** How many of `count` the one at this place of `sharers` may have; in sum it is all of them. */
export function fairShare(count: number, sharers: number, place: number): number {
  return Math.floor(count / sharers) + (place < count % sharers ? 1 : 0);
}

/** Lands the partitions that it claims, its fair share of them. */
export async function sharePartitions(options: {
  readonly claims: Claims;
  /** It may grow. */
  readonly partitionCount: () => number;
  readonly landing: LanderLoop;
  readonly logger: Logger;
  /** How long stopping goes on landing. */
  readonly giveUp?: AbortSignal;
}): Promise<Share> {
  const { claims, landing, logger } = options;
  const held = new Map<number, Claim>();
  let seat: Claim | null = null;
  let told = '';

  async function step(): Promise<void> {
    if (seat === null || !seat.isHeld) seat = await takeSeat(claims, 'land');
    for (const [partition, claim] of held) {
      if (!claim.isHeld) await giveUp(partition);
    }
    const landers = seatsOf(claims, 'land');
    const place = landers.findIndex(({ number, isMine }) => isMine && number === seat?.number);
    if (place < 0) return;
    const count = options.partitionCount();
    const share = fairShare(count, landers.length, place);
    while (held.size > share) await giveUp(Math.max(...held.keys()));
    await takeFree(count, share, place);
    tell(landers.length, count);
  }

  async function giveUp(partition: number): Promise<void> {
    const claim = held.get(partition);
    held.delete(partition);
    await landing.give(partition);
    await claim?.release();
  }

  /** Each begins elsewhere, so that they seldom reach for the same one. */
  async function takeFree(count: number, share: number, place: number): Promise<void> {
    const taken = new Set(
      claims.seen
        .filter((claim) => claim.role === 'partition' && isTaken(claim))
        .map(({ number }) => number),
    );
    for (let step = 0; step < count && held.size < share; step++) {
      const partition = (place * share + step) % count;
      if (held.has(partition) || taken.has(partition)) continue;
      const claim = await claims.take('partition', partition);
      if (claim === null) continue;
      held.set(partition, claim);
      landing.take(partition);
    }
  }

  function tell(landers: number, count: number): void {
    const mine = [...held.keys()].sort((a, b) => a - b).join(', ') || 'none';
    const text = `landing partitions ${mine} of ${count}, ${landers} landers`;
    if (text !== told && landers > 1) logger.info(text);
    told = text;
  }

  const following = await followClaims(claims, 'sharing the partitions', logger, step);
  return {
    async stop() {
      await following.stop();
      await landing.stop(options.giveUp);
      await Promise.all([...held.values(), seat].map((claim) => claim?.release()));
    },
  };
}
