/** What a process says of its work, which it publishes with its lease. */
import type { Lease } from '../leases/held-lease.ts';
import type { Leases } from '../leases/leases.ts';

/** Publishes the status at each look at the leases that finds it changed; returns how to stop. */
export function publishDetail(
  leases: Pick<Leases, 'watch'>,
  lease: Pick<Lease, 'publish'>,
  status: () => object,
): () => void {
  const publish = () => void lease.publish({ ...status() });
  publish();
  return leases.watch(publish);
}
