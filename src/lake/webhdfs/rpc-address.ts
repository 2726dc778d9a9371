/**
 * Where DataNodes find the active NameNode. They get the name of the service and ask its
 * NameNodes in their configured order: while the first one hangs, every DataNode that serves us
 * waits for it. So once one has not answered, we send them the address of the active one.
 */
import type { NameNodes } from './namenodes.ts';

export interface RpcAddress {
  /** A DataNode was silent. */
  doubt(): void;
  /** Puts the address of the active NameNode into the redirect, while there is a doubt. */
  apply(url: URL): Promise<void>;
}

const DOUBT_MS = 60_000;
const PAGE = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus';
const PARAMETER = 'namenoderpcaddress';

export function openRpcAddress(nameNodes: Pick<NameNodes, 'page'>): RpcAddress {
  let doubtedAt = Number.NEGATIVE_INFINITY;
  return {
    doubt() {
      doubtedAt = performance.now();
    },
    async apply(url) {
      if (performance.now() - doubtedAt > DOUBT_MS) return;
      const named = url.searchParams.get(PARAMETER);
      // With a port it is the address of one NameNode already.
      if (named === null || named.includes(':')) return;
      const page = await nameNodes.page(PAGE);
      const address = page === null ? null : activeAddress(page);
      if (address !== null) url.searchParams.set(PARAMETER, address);
    },
  };
}

function activeAddress(page: string): string | null {
  try {
    const { State, HostAndPort } = JSON.parse(page).beans[0];
    return State === 'active' && typeof HostAndPort === 'string' ? HostAndPort : null;
  } catch {
    return null;
  }
}
