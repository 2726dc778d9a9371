/** Collecting as a role: one process polls, and another takes over within 30 s when it is gone. */
import type { Lease } from '../leases/held-lease.ts';
import type { DetailOf, Leases } from '../leases/leases.ts';
import { type HeldWork, holdRole, type Share } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import { type Budget, type BudgetLimits, openBudget } from './budget.ts';
import type { Clock } from './clock.ts';
import { openSharedBudget } from './shared-budget.ts';

export interface CollectingOptions {
  readonly leases: Leases;
  /** Of the ledger: this machine's own. */
  readonly folder: string;
  readonly limits: BudgetLimits;
  /** Whether machines with other ledgers may collect for the same lake. */
  readonly shared: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** `start` begins to poll within the budget, which is closed after it has stopped. */
export async function holdCollecting(
  { leases, folder, limits, shared, clock, logger }: CollectingOptions,
  start: (budget: Budget) => Promise<Share>,
): Promise<Share> {
  await using stack = new AsyncDisposableStack();
  const sharing = shared ? stack.use(openSharedBudget(folder, limits, clock)) : null;
  const budget = sharing?.budget ?? stack.use(openBudget(folder, limits, clock));

  async function begin(lease: Lease): Promise<HeldWork> {
    sharing?.hold(lease);
    const polling = await start(budget);
    const unwatch = leases.watch(() => void sharing?.keepAhead());
    return {
      renew: (renewed) => sharing?.hold(renewed),
      async stop() {
        unwatch();
        await polling.stop();
        await sharing?.finish();
      },
    };
  }

  const detail: DetailOf = (predecessor) => sharing?.account(predecessor) ?? {};
  const role = await holdRole({ leases, role: 'collect', logger, detail }, begin);
  stack.defer(() => role.stop());
  const owned = stack.move();
  return { stop: () => owned.disposeAsync() };
}
