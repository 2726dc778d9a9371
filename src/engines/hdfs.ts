/**
 * HDFS by the JMX pages of its NameNodes and JournalNodes: those of the active NameNode count, and
 * of a standby only when none is active.
 */
import { type Static, type TSchema, Type } from 'typebox';
import type { HdfsPages } from '../lake/hdfs-pages.ts';
import { PARTS_MAX } from '../model/engine-figures.ts';
import type { EngineProbe, ReadPart } from './engine-probe.ts';
import { askPart, COUNT, fetchJson, parseAnswer, parseJson, unreachable } from './fetch-json.ts';
import { openRates, ratio } from './rates.ts';

export interface HdfsProbeOptions {
  /** HTTP addresses. */
  readonly nameNodes: readonly string[];
  readonly journalNodes: readonly string[];
  /** Fetches a page where that needs a login, or trust of its own. */
  readonly pages?: HdfsPages | null;
  /** Until one of them counts as unreachable. */
  readonly timeoutMs: number;
}

const BEANS = Type.Object({ beans: Type.Array(Type.Unknown()) });
const STATUS = Type.Object({ State: Type.String() });
const JVM = Type.Object({ MemHeapUsedM: COUNT, MemHeapMaxM: COUNT, GcTimeMillis: COUNT });
const STATE = Type.Object({
  FSState: Type.String(),
  BlocksTotal: COUNT,
  UnderReplicatedBlocks: COUNT,
  CapacityTotal: COUNT,
  CapacityUsed: COUNT,
  NumLiveDataNodes: COUNT,
  NumDeadDataNodes: COUNT,
  NumStaleDataNodes: COUNT,
});
const BLOCKS = Type.Object({ MissingBlocks: COUNT, CorruptBlocks: COUNT });
const INFO = Type.Object({ LiveNodes: Type.String(), DeadNodes: Type.String() });
const LIVE_NODES = Type.Record(
  Type.String(),
  Type.Object({ numBlocks: COUNT, capacity: COUNT, usedSpace: COUNT, lastContact: COUNT }),
);
const DEAD_NODES = Type.Record(Type.String(), Type.Unknown());
const JOURNAL = Type.Object({ CurrentLagTxns: COUNT });

const MIB = 1024 * 1024;
/** A page names every DataNode. */
const BYTES_MAX = 16 * MIB;
/** The NameNode’s own default; a DataNode reports every 3 s. */
const STALE_S = 30;
const NAME_MAX = 100;

interface NameNode {
  readonly address: string;
  readonly isActive: boolean;
  readonly jvm: Static<typeof JVM>;
  readonly state: Static<typeof STATE>;
  readonly blocks: Static<typeof BLOCKS>;
  readonly info: Static<typeof INFO>;
}

export function openHdfsProbe(options: HdfsProbeOptions): EngineProbe<'hdfs'> {
  const { nameNodes, journalNodes, timeoutMs, pages = null } = options;
  const ask = beanReader(pages);
  const rates = openRates();
  return {
    kind: 'hdfs',
    address: nameNodes.join(', '),
    async read(signal) {
      const from = performance.now();
      const each = <T>(
        nodes: readonly string[],
        read: (at: string, s: AbortSignal) => Promise<T>,
      ) =>
        Promise.allSettled(
          nodes.map((at) => askPart(at, { timeoutMs, signal }, (part) => read(at, part))),
        );
      const [names, journals] = await Promise.all([
        each(nameNodes, (at, part) => readNameNode(ask, at, part)),
        each(journalNodes, (at, part) => readJournal(ask, at, part)),
      ]);
      signal.throwIfAborted();
      const known = names.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const chosen = known.find(({ isActive }) => isActive) ?? known[0];
      if (chosen === undefined) throw firstReason(names) ?? unreachable('HDFS', 'no NameNode');
      const lags = journals.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const { state, jvm, blocks } = chosen;
      const active = known.filter(({ isActive }) => isActive).length;
      const gcSeconds = jvm.GcTimeMillis / 1_000;
      return {
        figures: {
          namenodes_active: active,
          namenodes_standby: known.length - active,
          namenodes_unreachable: nameNodes.length - known.length,
          safe_mode: state.FSState === 'Operational' ? 0 : 1,
          heap_used_bytes: jvm.MemHeapUsedM * MIB,
          heap_used_ratio: ratio(jvm.MemHeapUsedM, jvm.MemHeapMaxM),
          // Another NameNode has counted for itself.
          gc_ratio: rates.perSecond(chosen.address, gcSeconds),
          gc_seconds_total: gcSeconds,
          blocks: state.BlocksTotal,
          missing_blocks: blocks.MissingBlocks,
          corrupt_blocks: blocks.CorruptBlocks,
          under_replicated_blocks: state.UnderReplicatedBlocks,
          datanodes_live: state.NumLiveDataNodes,
          datanodes_dead: state.NumDeadDataNodes,
          datanodes_stale: state.NumStaleDataNodes,
          capacity_bytes: state.CapacityTotal,
          capacity_used_bytes: state.CapacityUsed,
          capacity_used_ratio: ratio(state.CapacityUsed, state.CapacityTotal),
          journal_lag_transactions: lags.length === 0 ? null : Math.max(...lags),
          journalnodes_unreachable:
            journalNodes.length === 0 ? null : journalNodes.length - lags.length,
          answer_seconds: (performance.now() - from) / 1_000,
        },
        parts: [
          ...nameNodes.map((address, at) => nameNodePart(address, names[at])),
          ...dataNodes(chosen.info),
        ].slice(0, PARTS_MAX),
      };
    },
    async [Symbol.asyncDispose]() {
      await pages?.[Symbol.asyncDispose]();
    },
  };
}

function firstReason(results: readonly PromiseSettledResult<unknown>[]): unknown {
  return results.find((one) => one.status === 'rejected')?.reason;
}

async function readNameNode(
  read: BeanReader,
  address: string,
  signal: AbortSignal,
): Promise<NameNode> {
  const ask = <S extends TSchema>(name: string, schema: S) =>
    read(address, `Hadoop:service=NameNode,name=${name}`, schema, signal);
  const [status, jvm, state, blocks, info] = await Promise.all([
    ask('NameNodeStatus', STATUS),
    ask('JvmMetrics', JVM),
    ask('FSNamesystemState', STATE),
    ask('FSNamesystem', BLOCKS),
    ask('NameNodeInfo', INFO),
  ]);
  return { address, isActive: status.State === 'active', jvm, state, blocks, info };
}

async function readJournal(
  read: BeanReader,
  address: string,
  signal: AbortSignal,
): Promise<number> {
  const query = 'Hadoop:service=JournalNode,name=Journal-*';
  return (await read(address, query, JOURNAL, signal)).CurrentLagTxns;
}

type BeanReader = <S extends TSchema>(
  address: string,
  query: string,
  schema: S,
  signal: AbortSignal,
) => Promise<Static<S>>;

function beanReader(pages: HdfsPages | null): BeanReader {
  return async (address, query, schema, signal) => {
    const url = new URL('/jmx', address);
    url.searchParams.set('qry', query);
    const place = `${url.host} ${query}`;
    const { beans } =
      pages === null
        ? await fetchJson(url, BEANS, { signal, bytesMax: BYTES_MAX })
        : parseJson(BEANS, await pages.get(url, signal), place);
    return parseAnswer(schema, beans[0], place);
  };
}

function nameNodePart(
  address: string,
  result: PromiseSettledResult<NameNode> | undefined,
): ReadPart {
  const part = { kind: 'namenode', name: new URL(address).host } as const;
  if (result?.status !== 'fulfilled') {
    const figures = { heap_used_bytes: null, heap_limit_bytes: null };
    return { ...part, note: 'unreachable', state: 'warning', figures };
  }
  const { isActive, jvm } = result.value;
  return {
    ...part,
    note: isActive ? 'active' : 'standby',
    state: 'ok',
    figures: {
      heap_used_bytes: jvm.MemHeapUsedM * MIB,
      heap_limit_bytes: jvm.MemHeapMaxM * MIB,
    },
  };
}

/** The troubled ones first, then those with the most blocks. */
function dataNodes(info: Static<typeof INFO>): ReadPart[] {
  // JSON as text in JSON.
  const live = Object.entries(parseJson(LIVE_NODES, info.LiveNodes, 'LiveNodes'));
  const dead = Object.keys(parseJson(DEAD_NODES, info.DeadNodes, 'DeadNodes'));
  const parts: ReadPart[] = live.map(([name, node]) => {
    const isStale = node.lastContact > STALE_S;
    return {
      kind: 'datanode',
      name: name.slice(0, NAME_MAX),
      note: isStale ? 'stale' : 'live',
      state: isStale ? 'warning' : 'ok',
      figures: {
        blocks: node.numBlocks,
        capacity_bytes: node.capacity,
        used_bytes: node.usedSpace,
      },
    };
  });
  const none = { blocks: null, capacity_bytes: null, used_bytes: null };
  for (const name of dead) {
    const named = { kind: 'datanode', name: name.slice(0, NAME_MAX), note: 'dead' } as const;
    parts.push({ ...named, state: 'warning', figures: none });
  }
  const rank = ({ state }: ReadPart) => (state === 'ok' ? 1 : 0);
  const blocksOf = ({ figures }: ReadPart) => figures.blocks ?? 0;
  return parts.sort((a, b) => rank(a) - rank(b) || blocksOf(b) - blocksOf(a));
}
