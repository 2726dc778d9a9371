/**
 * Sharing cities and budget among collectors: each watches the cities that fall to it, and all of
 * them together call no more often than the budget allows, on one machine or on several.
 */

import type { Storage } from '../lake/storage.ts';
import type { Lease } from '../leases/held-lease.ts';
import type { Leases, SeenLease } from '../leases/leases.ts';
import { followLeases, slotsOf, takeSlot } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import type { City } from '../model/city.ts';
import { type Budget, type BudgetLimits, openBudget } from './budget.ts';
import { chooseCollector } from './cities-share.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Collector } from './collector.ts';
import { FORGOTTEN_MS, MINUTE_MS, openMinuteShare, type Peer } from './minute-share.ts';
import { openReservations, type Reservations } from './reservations.ts';

export interface CityShare {
  readonly budget: Budget;
  /** Whether this collector does what only one needs to do. */
  readonly isFirst: boolean;
  /** The cities that fall to it now. */
  cities(): readonly City[];
  /** Passes the collector its cities, now and whenever they change. */
  direct(collector: Pick<Collector, 'watch'>): void;
  /** Gives the slot back, after the collector has stopped. */
  stop(): Promise<void>;
}

export interface CityShareOptions {
  readonly leases: Leases;
  readonly storage: Storage;
  /** Of the ledger: this machine's own. */
  readonly folder: string;
  readonly limits: BudgetLimits;
  readonly cities: readonly City[];
  readonly logger: Logger;
  readonly clock?: Clock;
}

export async function shareCities(options: CityShareOptions): Promise<CityShare> {
  const { leases, storage, limits, cities, logger, clock = systemClock } = options;
  const minute = openMinuteShare(limits);
  let reservations: Reservations | null = null;
  let slot: Lease | null = null;
  let lapsedAt: number | null = null;
  let directed: Pick<Collector, 'watch'> | null = null;
  let watched = '';

  await using stack = new AsyncDisposableStack();
  const budget = stack.use(
    openBudget(options.folder, limits, clock, {
      perMinute: () => updateMinute(),
      perDay: (day) => reservations?.of('day', day) ?? 0,
      perMonth: (month) => reservations?.of('month', month) ?? 0,
      elsewhere: (period, number) => reservations?.elsewhere(period, number) ?? 0,
      usedElsewhere: (period, number) =>
        reservations?.usedElsewhere(period, number, ledgersThatPoll()) ?? 0,
    }),
  );
  reservations = await openReservations({ storage, budget, limits });
  const detail = { ledger: budget.ledger, seen: [] };
  const mayReplace = (lease: SeenLease) => mayTakeSlotOf(lease, budget.ledger);

  function updateMinute(): number {
    if (slot === null) return 0;
    lapsedAt = slot.isHeld ? null : (lapsedAt ?? clock.monotonic());
    const { name } = slot;
    const peers = leases.seen
      .filter((lease) => lease.role === 'collect' && lease.name !== name)
      .map(asPeer);
    const lapsedMs = lapsedAt === null ? 0 : Math.max(1, clock.monotonic() - lapsedAt);
    return minute.update({ name, ledger: budget.ledger, lapsedMs, peers });
  }

  async function step(): Promise<void> {
    updateMinute();
    if (!slot?.isHeld) slot = await takeSlot(leases, 'collect', { detail, mayReplace });
    updateMinute();
    const seen = minute.seen(budget.counts().minute.used);
    await slot.tell({ ...detail, seen });
    const ledgers = ledgersThatPoll();
    if (ledgers.size > 1) await reservations?.refresh();
    await reservations?.keepAhead(Math.max(1, ledgers.size));
    direct();
  }

  /** Those that poll. */
  function collectors(): SeenLease[] {
    return slotsOf(leases, 'collect').filter((lease) => minute.polls(asPeer(lease).ledger));
  }

  function ledgersThatPoll(): ReadonlySet<string> {
    return new Set(collectors().map((lease) => asPeer(lease).ledger));
  }

  function mine(): readonly City[] {
    const numbers = collectors().map(({ number }) => number);
    return cities.filter((city) => chooseCollector(city.city_id, numbers) === slot?.number);
  }

  function direct(): void {
    const own = mine();
    const text = own.map(({ city_id }) => city_id).join(' ');
    if (directed === null || text === watched) return;
    if (watched !== '') logger.info(`watching ${own.length} of ${cities.length} cities`);
    watched = text;
    directed.watch(own);
  }

  const following = await followLeases(leases, 'sharing the cities', logger, step);
  stack.defer(async () => {
    await following.stop();
    await slot?.release();
  });
  const owned = stack.move();
  return {
    budget,
    get isFirst() {
      return slotsOf(leases, 'collect')[0]?.isMine === true;
    },
    cities: mine,
    direct(collector) {
      directed = collector;
      direct();
    },
    stop: () => owned.disposeAsync(),
  };
}

function asPeer({ name, state, forMs, detail }: SeenLease): Peer {
  const { ledger, seen } = detail;
  return {
    name,
    ledger: typeof ledger === 'string' ? ledger : '',
    state,
    forMs,
    seen: Array.isArray(seen) ? seen : [],
  };
}

/** A slot says of a machine that is gone what it may still be using: it must not be written over. */
function mayTakeSlotOf(lease: SeenLease, ledger: string): boolean {
  if (asPeer(lease).ledger === ledger) return true;
  return lease.forMs >= (lease.state === 'released' ? MINUTE_MS : FORGOTTEN_MS);
}
