/**
 * Every figure that is watched of a service, in ONE table: the probes fill them, and the cards,
 * `/metrics`, docs/metrics.md and the alert rules follow it. Names end in their unit.
 */

export const ENGINE_KINDS = ['api', 'kafka', 'hdfs', 'spark', 'redis', 'opensearch'] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];
/** What a service has many of, such as DataNodes; each has figures of its own. */
export type PartKind = 'route' | 'broker' | 'namenode' | 'datanode' | 'worker';
export type FigureState = 'ok' | 'warning' | 'failing';

export interface Threshold {
  /** On which side of the values it is not well. */
  readonly is: 'above' | 'below';
  readonly warning: number | null;
  readonly failing: number | null;
  /** What to do then. */
  readonly remedy: string;
}

export interface Figure {
  readonly unit: string;
  /** One sentence. */
  readonly help: string;
  readonly threshold?: Threshold;
  /** Shown first, with a trend. */
  readonly isKey?: boolean;
  /** Grows until the service starts anew. */
  readonly isCounter?: boolean;
}

const warnAbove = (warning: number, remedy: string, failing: number | null = null): Threshold => ({
  is: 'above',
  warning,
  failing,
  remedy,
});
const failAbove = (failing: number, remedy: string): Threshold => ({
  is: 'above',
  warning: null,
  failing,
  remedy,
});
const below = (warning: number | null, failing: number | null, remedy: string): Threshold => ({
  is: 'below',
  warning,
  failing,
  remedy,
});

const figure = (unit: string, help: string, more: Omit<Figure, 'unit' | 'help'> = {}): Figure => ({
  unit,
  help,
  ...more,
});

const key = (unit: string, help: string, threshold?: Threshold): Figure =>
  figure(unit, help, { isKey: true, ...(threshold === undefined ? {} : { threshold }) });

const watched = (unit: string, help: string, threshold: Threshold): Figure =>
  figure(unit, help, { threshold });

const API = {
  requests_per_second: key('requests/second', 'Requests answered in a second.'),
  request_p50_seconds: figure('seconds', 'Half of the requests take no longer.'),
  request_p95_seconds: key('seconds', '95 % of the requests take no longer.'),
  request_p99_seconds: watched(
    'seconds',
    '99 % of the requests take no longer.',
    warnAbove(1, 'See which address is slow; give the engine more memory and threads.', 5),
  ),
  error_ratio: key(
    'ratio',
    'Share of the requests that failed.',
    warnAbove(0.01, '`/healthz` names what fails; the log has the details.', 0.05),
  ),
  hdfs_answer_seconds: figure('seconds', 'Time until the NameNodes answered the last look.'),
  cache_hit_ratio: key('ratio', 'Share of the answers that were kept from before.'),
  event_streams: figure('streams', 'Open streams of events.'),
} as const;

const KAFKA = {
  records_per_second: key('records/second', 'Records appended to the topic in a second.'),
  lag_records: key('records', 'Records of the topic that have not landed.'),
  lag_seconds: key(
    'seconds',
    'Age of the oldest record that has not landed.',
    warnAbove(600, '`isobar status` names why nothing lands.', 3_600),
  ),
  under_replicated_partitions: key(
    'partitions',
    'Partitions of the topic with fewer copies in sync than they should have.',
    warnAbove(0, 'Start the broker that is missing, and let it catch up.'),
  ),
  offline_partitions: watched(
    'partitions',
    'Partitions of the topic without a leader: neither written nor read.',
    failAbove(0, 'Start the brokers that hold their copies.'),
  ),
  log_size_bytes: figure('bytes', 'Size of the topic, all copies, on the disks of the brokers.'),
  leader_changes_total: figure(
    'changes',
    'Changes of the leader of a partition since isobar was started.',
    { isCounter: true },
  ),
  brokers_live: figure('brokers', 'Brokers that are there.'),
  brokers_expected: figure('brokers', 'Brokers that hold copies or have been there.'),
  brokers_missing: watched(
    'brokers',
    'Brokers that are expected and not there.',
    warnAbove(0, 'Start the missing broker; its own log has the reason.'),
  ),
  requests_per_second: figure('requests/second', 'Requests to write and read, by JMX.'),
  produce_p99_seconds: watched(
    'seconds',
    '99 % of the requests to write take no longer, by JMX.',
    warnAbove(1, 'Look at the disks and the network of the brokers.'),
  ),
  request_handlers_idle_ratio: watched(
    'ratio',
    'Share of the time in which the request handlers wait for work, by JMX.',
    below(0.3, 0.1, 'The brokers are at their limit: add brokers, or num.io.threads.'),
  ),
  disk_read_bytes_per_second: figure('bytes/second', 'What the brokers read from disks, by JMX.'),
  disk_written_bytes_per_second: figure('bytes/second', 'What they write to disks, by JMX.'),
  offline_log_folders: watched(
    'folders',
    'Folders of brokers that failed, by JMX.',
    failAbove(0, 'Replace the disk, and start the broker again.'),
  ),
} as const;

const HDFS = {
  namenodes_active: watched(
    'NameNodes',
    'NameNodes that are active.',
    below(null, 1, 'Start a NameNode, or look at its failover controller.'),
  ),
  namenodes_standby: figure('NameNodes', 'NameNodes that stand by.'),
  namenodes_unreachable: watched(
    'NameNodes',
    'NameNodes that do not answer.',
    warnAbove(0, 'Start the NameNode; its own log has the reason.'),
  ),
  safe_mode: watched(
    '0 or 1',
    'Whether the file system is in safe mode: it takes nothing.',
    warnAbove(0, 'It ends when enough blocks are reported: start the missing DataNodes.'),
  ),
  heap_used_bytes: figure('bytes', 'Heap of the NameNode that is used.'),
  heap_used_ratio: key(
    'ratio',
    'Share of the heap of the NameNode that is used.',
    warnAbove(0.9, 'Give the NameNode more heap (-Xmx), or keep fewer and larger files.', 0.97),
  ),
  gc_ratio: watched(
    'ratio',
    'Share of the time that the NameNode collects garbage.',
    warnAbove(0.1, 'Give the NameNode more heap (-Xmx).', 0.5),
  ),
  gc_seconds_total: figure('seconds', 'Time that the NameNode has collected garbage.', {
    isCounter: true,
  }),
  blocks: figure('blocks', 'Blocks of the file system.'),
  missing_blocks: watched(
    'blocks',
    'Blocks without any copy.',
    failAbove(0, 'Start the DataNodes that hold them; `hdfs fsck /` lists the files.'),
  ),
  corrupt_blocks: watched(
    'blocks',
    'Blocks with a damaged copy.',
    warnAbove(0, '`hdfs fsck /` lists the files; a good copy replaces a damaged one by itself.'),
  ),
  under_replicated_blocks: key(
    'blocks',
    'Blocks with fewer copies than they should have.',
    warnAbove(0, 'They are copied by themselves when enough DataNodes are live.'),
  ),
  datanodes_live: key(
    'DataNodes',
    'DataNodes that report.',
    below(null, 1, 'Start the DataNodes.'),
  ),
  datanodes_dead: watched(
    'DataNodes',
    'DataNodes that no longer report.',
    warnAbove(0, 'Start the DataNode, or decommission it.'),
  ),
  datanodes_stale: watched(
    'DataNodes',
    'DataNodes whose last report is late.',
    warnAbove(0, 'Look at the machine of the DataNode and at its network.'),
  ),
  capacity_bytes: figure('bytes', 'Capacity of all DataNodes.'),
  capacity_used_bytes: figure('bytes', 'What the file system takes of it.'),
  capacity_used_ratio: key(
    'ratio',
    'Share of the capacity that is used.',
    warnAbove(0.8, 'Add DataNodes or disks, or archive old months.', 0.95),
  ),
  journal_lag_transactions: watched(
    'transactions',
    'Transactions that the slowest JournalNode is behind.',
    warnAbove(1_000, 'Look at the disk and the network of that JournalNode.'),
  ),
  journalnodes_unreachable: watched(
    'JournalNodes',
    'JournalNodes that do not answer.',
    warnAbove(0, 'Start the JournalNode: with half of them gone the NameNodes stop.'),
  ),
  answer_seconds: figure('seconds', 'Time until the NameNodes answered the last look.'),
} as const;

const SPARK = {
  jobs_running: key('jobs', 'Jobs that run now.'),
  jobs_failed: figure('jobs', 'Failed jobs that the driver remembers.'),
  jobs_failed_recently: key(
    'jobs',
    'Jobs that failed within ten minutes.',
    warnAbove(0, 'The page of the driver has the reason; isobar computes again by itself.'),
  ),
  task_p50_seconds: figure('seconds', 'Half of the tasks of the newest stage took no longer.'),
  task_p95_seconds: key('seconds', '95 % of the tasks of the newest stage took no longer.'),
  spilled_bytes: watched(
    'bytes',
    'What the newest stage moved from memory to disk.',
    warnAbove(1_073_741_824, 'Give the executors more memory (spark.executor.memory).'),
  ),
  shuffled_bytes: figure('bytes', 'What the newest stage read and wrote for shuffles.'),
  gc_ratio: key(
    'ratio',
    'Share of the time of tasks in which garbage is collected.',
    warnAbove(0.1, 'Give the executors more memory (spark.executor.memory).', 0.5),
  ),
  executors: watched(
    'executors',
    'Executors that are there; in local mode the driver.',
    below(null, 1, 'Start a worker, or free cores for the application.'),
  ),
  tasks_failed_total: figure('tasks', 'Tasks that failed in executors that are there.', {
    isCounter: true,
  }),
  cores: figure('cores', 'Cores of the executors.'),
  memory_used_bytes: figure('bytes', 'Memory of executors that holds blocks.'),
  memory_limit_bytes: figure('bytes', 'Memory of executors for it.'),
  master_unreachable: watched(
    '0 or 1',
    'Whether the master does not answer.',
    warnAbove(0, 'Start the master; applications that run go on without it.'),
  ),
  workers_live: watched(
    'workers',
    'Workers that report to the master.',
    below(null, 1, 'Start a worker.'),
  ),
  workers_dead: figure('workers', 'Workers that the master has lost.'),
  worker_memory_used_ratio: figure('ratio', 'Share of the memory of the workers that is taken.'),
} as const;

const REDIS = {
  memory_used_bytes: key('bytes', 'Memory that the values take.'),
  memory_limit_bytes: figure('bytes', 'Memory that they may take; 0 means all.'),
  connections: figure('connections', 'Clients that are connected.'),
  commands_per_second: key('commands/second', 'Commands in a second.'),
  hit_ratio: key('ratio', 'Share of the look-ups that found something, since it started.'),
  evictions_total: figure('keys', 'Keys that made room for others.', { isCounter: true }),
  keys: figure('keys', 'Keys that are kept.'),
} as const;

const OPENSEARCH = {
  nodes: watched('nodes', 'Nodes of the cluster.', below(null, 1, 'Start a node.')),
  health: key(
    '0 green, 1 yellow, 2 red',
    'Health of the cluster.',
    warnAbove(0, 'Yellow: copies are missing, add a node. Red: start the nodes that hold them.', 1),
  ),
  unassigned_shards: figure('shards', 'Shards that no node holds.'),
  documents: key('documents', 'Documents of all indices.'),
  store_bytes: figure('bytes', 'Size of all indices.'),
  heap_used_ratio: key(
    'ratio',
    'Share of the heap of the fullest node that is used.',
    warnAbove(0.85, 'Give the node more heap (-Xmx).', 0.95),
  ),
  disk_free_bytes: figure('bytes', 'Free space on the disks of all nodes.'),
  rejected_total: figure('requests', 'Requests that a full queue refused.', { isCounter: true }),
} as const;

export const FIGURES = {
  api: API,
  kafka: KAFKA,
  hdfs: HDFS,
  spark: SPARK,
  redis: REDIS,
  opensearch: OPENSEARCH,
} as const satisfies Record<EngineKind, Readonly<Record<string, Figure>>>;

/** Figures of each part of a service; the same table for those. */
export const PART_FIGURES = {
  route: {
    request_p50_seconds: figure('seconds', 'Half of the requests of the route.'),
    request_p95_seconds: figure('seconds', '95 % of the requests of the route.'),
    request_p99_seconds: figure('seconds', '99 % of the requests of the route.'),
  },
  broker: {},
  namenode: {
    heap_used_bytes: figure('bytes', 'Heap of the NameNode that is used.'),
    heap_limit_bytes: figure('bytes', 'Heap that the NameNode may use.'),
  },
  datanode: {
    blocks: figure('blocks', 'Blocks of the DataNode.'),
    capacity_bytes: figure('bytes', 'Capacity of the DataNode.'),
    used_bytes: figure('bytes', 'What the file system takes of it.'),
  },
  worker: {},
} as const satisfies Record<PartKind, Readonly<Record<string, Figure>>>;

/** Of a service, the others are named with those that come first. */
export const PARTS_MAX = 50;

export type FigureName<K extends EngineKind> = keyof (typeof FIGURES)[K] & string;
export type FigureValues<K extends EngineKind> = Readonly<Record<FigureName<K>, number | null>>;

/** How a value is by the threshold; without a value, or without a threshold, it is well. */
export function figureState(value: number | null, threshold: Threshold | undefined): FigureState {
  if (value === null || threshold === undefined) return 'ok';
  const isBeyond = (limit: number | null) =>
    limit !== null && (threshold.is === 'above' ? value > limit : value < limit);
  if (isBeyond(threshold.failing)) return 'failing';
  return isBeyond(threshold.warning) ? 'warning' : 'ok';
}
