/** DataNodes that did not answer lately: the NameNode notices their death only after minutes. */
import type { NameNodes } from './namenodes.ts';

export interface DataNodeMemory {
  /** `host:port`, as redirects name it. */
  failed(named: string): void;
  forget(): void;
  /** For `excludedatanodes`: `host:port` of the data transfer, else the host; empty for none. */
  excluded(): Promise<string>;
}

const FAILED_MS = 60_000;
const PAGE = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo';

export function dataNodeMemory(nameNodes: Pick<NameNodes, 'page'>): DataNodeMemory {
  /** `host:port` of HTTP → when it failed, and its name for the NameNode once it is known. */
  const failures = new Map<string, { at: number; name: Promise<string> }>();

  return {
    failed(named) {
      const name = transferName(nameNodes, named).catch(() => hostOf(named));
      failures.set(named, { at: performance.now(), name });
    },
    forget: () => failures.clear(),
    async excluded() {
      for (const [host, { at }] of failures) {
        if (performance.now() - at > FAILED_MS) failures.delete(host);
      }
      if (failures.size === 0) return '';
      return (await Promise.all([...failures.values()].map(({ name }) => name))).join(',');
    },
  };
}

/** The NameNode knows a DataNode by its port for data, redirects name the one for HTTP. */
async function transferName(nameNodes: Pick<NameNodes, 'page'>, named: string): Promise<string> {
  const page = await nameNodes.page(PAGE);
  if (page === null) return hostOf(named);
  const found = liveNodes(page).find(
    ({ infoAddr, infoSecureAddr }) => infoAddr === named || infoSecureAddr === named,
  );
  return found?.xferaddr ?? hostOf(named);
}

interface LiveNode {
  readonly infoAddr?: string;
  readonly infoSecureAddr?: string;
  readonly xferaddr?: string;
}

/** None when the page is not that of a NameNode: the host of a DataNode names it, too. */
function liveNodes(page: string): LiveNode[] {
  try {
    return Object.values(JSON.parse(JSON.parse(page).beans[0].LiveNodes));
  } catch {
    return [];
  }
}

function hostOf(named: string): string {
  return named.replace(/:\d+$/, '');
}
