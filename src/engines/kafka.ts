/**
 * Kafka by its own protocol: offsets, the group that says how far landing is, copies and leaders of
 * the topic, its size; and by JMX over HTTP where its addresses are configured.
 */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { KafkaClient } from '../log/kafka-client.ts';
import type { Log } from '../log/log.ts';
import { PARTS_MAX } from '../model/engine-figures.ts';
import type { EngineProbe, ReadPart } from './engine-probe.ts';
import { readKafkaJmx } from './kafka-jmx.ts';
import { openRates } from './rates.ts';

export interface KafkaProbeOptions {
  /** Closed with the probe. */
  readonly client: Pick<KafkaClient, 'topic' | 'admin' | 'translate'> & AsyncDisposable;
  readonly brokers: string;
  /** Whose offsets say how far landing is. */
  readonly group: string;
  /** When a record was appended. */
  readonly timeOf: Log['timeOf'];
  /** Of agents that answer JMX over HTTP. */
  readonly jmxUrls: readonly string[];
  /** PEM of the authority that those over https are trusted by. */
  readonly authority?: Buffer | null;
  /** Until one of them is left out. */
  readonly timeoutMs: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

const LATEST = -1n;
const EARLIEST = -2n;

interface Topology {
  readonly brokers: readonly number[];
  readonly partitions: readonly {
    /** Below 0 without one. */
    readonly leader: number;
    readonly epoch: number;
    readonly replicas: readonly number[];
    readonly inSync: readonly number[];
  }[];
}

interface Lag {
  readonly records: number | null;
  readonly seconds: number | null;
}

const UNKNOWN_LAG: Lag = { records: null, seconds: null };

export function openKafkaProbe(options: KafkaProbeOptions): EngineProbe<'kafka'> {
  return new KafkaProbe(options);
}

class KafkaProbe implements EngineProbe<'kafka'> {
  readonly kind = 'kafka';
  readonly address: string;
  readonly #options: KafkaProbeOptions;
  readonly #clock: () => number;
  readonly #rates = openRates();
  readonly #brokersSeen = new Set<number>();
  #epochs: readonly number[] = [];
  #leaderChanges = 0;

  constructor(options: KafkaProbeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.address = `${options.brokers}, topic ${options.client.topic}`;
  }

  async read(signal: AbortSignal) {
    const { jmxUrls, authority = null, timeoutMs } = this.#options;
    const jmx = readKafkaJmx(jmxUrls, this.#rates, { timeoutMs, signal, authority });
    const topology = await this.#topology();
    signal.throwIfAborted();
    const { partitions, brokers } = topology;
    // While a partition has no leader, or gets another one, its end is not known.
    const isWhole = partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
    const [ends, bytes] = await Promise.all([
      isWhole ? this.#offsets(partitions.length, LATEST).catch(() => null) : null,
      this.#bytes(partitions.length),
    ]);
    const lag = ends === null ? UNKNOWN_LAG : await this.#lag(ends).catch(() => UNKNOWN_LAG);
    const expected = this.#expect(topology);
    return {
      figures: {
        records_per_second: ends === null ? null : this.#recordsPerSecond(ends),
        lag_records: lag.records,
        lag_seconds: lag.seconds,
        under_replicated_partitions: partitions.filter(
          ({ inSync, replicas }) => inSync.length < replicas.length,
        ).length,
        offline_partitions: partitions.filter(({ leader }) => leader < 0).length,
        log_size_bytes: bytes,
        leader_changes_total: this.#countChanges(topology),
        brokers_live: brokers.length,
        brokers_expected: expected.length,
        brokers_missing: expected.length - brokers.length,
        ...(await jmx),
      },
      parts: expected.slice(0, PARTS_MAX).map((id) => brokerPart(id, brokers.includes(id))),
    };
  }

  async #topology(): Promise<Topology> {
    const { client } = this.#options;
    const { topic, admin } = client;
    try {
      const { topics, brokers } = await admin.metadata({ topics: [topic], forceUpdate: true });
      const partitions = (topics.get(topic)?.partitions ?? []).map((one) => ({
        leader: one.leader,
        epoch: one.leaderEpoch,
        replicas: one.replicas,
        inSync: one.isr,
      }));
      return { brokers: [...brokers.keys()], partitions };
    } catch (error) {
      const topology = topologyOf(error, topic);
      if (topology === null) throw client.translate(error, 'asking who leads it');
      return topology;
    }
  }

  /** By partition. */
  async #offsets(count: number, timestamp: bigint): Promise<readonly bigint[]> {
    const { topic, admin } = this.#options.client;
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp,
    }));
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
    const offsets = new Map(found?.partitions.map((one) => [one.partitionIndex, one.offset]));
    return partitions.map(({ partitionIndex }) => offsets.get(partitionIndex) ?? 0n);
  }

  #recordsPerSecond(ends: readonly bigint[]): number | null {
    return this.#rates.perSecond(
      `records of ${ends.length}`,
      ends.reduce((sum, end) => sum + Number(end), 0),
    );
  }

  /** What has not landed; a group that never landed anything begins at the oldest record. */
  async #lag(ends: readonly bigint[]): Promise<Lag> {
    const { client, group, timeOf } = this.#options;
    const topics = [{ name: client.topic, partitionIndexes: [...ends.keys()] }];
    const [[found], firsts] = await Promise.all([
      client.admin
        // Kafka 4 refuses a group without offsets.
        .listConsumerGroupOffsets({ groups: [{ groupId: group, topics }] })
        .catch(() => []),
      this.#offsets(ends.length, EARLIEST),
    ]);
    const landed = new Map(
      found?.topics[0]?.partitions.map((one) => [one.partitionIndex, one.committedOffset]),
    );
    const waiting = ends.flatMap((end, partition) => {
      const first = firsts[partition] ?? 0n;
      const committed = landed.get(partition) ?? -1n;
      const from = committed > first ? committed : first;
      return end > from ? [{ partition, from, records: Number(end - from) }] : [];
    });
    if (waiting.length === 0) return { records: 0, seconds: 0 };
    const times = await Promise.all(waiting.map(({ partition, from }) => timeOf(partition, from)));
    const known = times.flatMap((time) => time?.getTime() ?? []);
    return {
      records: waiting.reduce((sum, one) => sum + one.records, 0),
      seconds:
        known.length === 0 ? null : Math.max(0, (this.#clock() - Math.min(...known)) / 1_000),
    };
  }

  /** Of all copies; null where the cluster may not be asked. */
  async #bytes(count: number): Promise<number | null> {
    const { topic, admin } = this.#options.client;
    const partitions = Array.from({ length: count }, (_, partition) => partition);
    const dirs = await admin
      .describeLogDirs({ topics: [{ name: topic, partitions }] })
      .catch(() => []);
    if (dirs.length === 0) return null;
    return dirs
      .flatMap(({ results }) => results.flatMap((result) => result.topics))
      .filter(({ name }) => name === topic)
      .flatMap((one) => one.partitions)
      .reduce((sum, { partitionSize }) => sum + Number(partitionSize), 0);
  }

  /** Those that hold copies, and those that have been there. */
  #expect({ brokers, partitions }: Topology): readonly number[] {
    for (const id of [...brokers, ...partitions.flatMap(({ replicas }) => replicas)]) {
      if (this.#brokersSeen.size < PARTS_MAX * 2) this.#brokersSeen.add(id);
    }
    return [...this.#brokersSeen].sort((a, b) => a - b);
  }

  #countChanges({ partitions }: Topology): number {
    for (const [partition, { epoch }] of partitions.entries()) {
      const before = this.#epochs[partition] ?? epoch;
      this.#leaderChanges += Math.max(0, epoch - before);
    }
    this.#epochs = partitions.map(({ epoch }) => epoch);
    return this.#leaderChanges;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.client[Symbol.asyncDispose]();
  }
}

function brokerPart(id: number, isLive: boolean): ReadPart {
  return {
    kind: 'broker',
    name: String(id),
    note: isLive ? 'live' : 'missing',
    state: isLive ? 'ok' : 'warning',
    figures: {},
  };
}

const RESPONSE = Type.Object({
  brokers: Type.Array(Type.Object({ nodeId: Type.Number() })),
  topics: Type.Array(
    Type.Object({
      name: Type.Union([Type.String(), Type.Null()]),
      partitions: Type.Array(
        Type.Object({
          partitionIndex: Type.Integer({ minimum: 0 }),
          leaderId: Type.Number(),
          leaderEpoch: Type.Number(),
          replicaNodes: Type.Array(Type.Number()),
          isrNodes: Type.Array(Type.Number()),
        }),
      ),
    }),
  ),
});

/** The client rejects when one partition has no leader; its error holds what the broker said. */
function topologyOf(error: unknown, topic: string): Topology | null {
  const response = responseOf(error);
  const found = response?.topics.find(({ name }) => name === topic);
  if (response === null || found === undefined || found.partitions.length === 0) return null;
  const sorted = found.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
  return {
    brokers: response.brokers.map(({ nodeId }) => nodeId),
    partitions: sorted.map((one) => ({
      leader: one.leaderId,
      epoch: one.leaderEpoch,
      replicas: one.replicaNodes,
      inSync: one.isrNodes,
    })),
  };
}

const DEPTH_MAX = 10;

function responseOf(error: unknown, depth = 0): Static<typeof RESPONSE> | null {
  if (error === null || typeof error !== 'object' || depth > DEPTH_MAX) return null;
  const { response, errors, cause } = error as Readonly<Record<string, unknown>>;
  if (Value.Check(RESPONSE, response)) return response;
  for (const one of [...(Array.isArray(errors) ? errors : []), cause]) {
    const found = responseOf(one, depth + 1);
    if (found !== null) return found;
  }
  return null;
}
