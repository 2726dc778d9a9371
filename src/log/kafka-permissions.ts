/** What processes need to be permitted at the brokers, and what a refused one lacks. */

export type Operation =
  | 'READ'
  | 'WRITE'
  | 'CREATE'
  | 'DELETE'
  | 'DESCRIBE'
  | 'DESCRIBE_CONFIGS'
  | 'ALTER';

export type ResourceType = 'topic' | 'group' | 'cluster';

export interface Permission {
  readonly resource_type: ResourceType;
  readonly resource_name: string;
  readonly operation: Operation;
}

export const KAFKA_ROLES = ['collect', 'land', 'analyze', 'serve', 'alerts', 'stream'] as const;
export type KafkaRole = (typeof KAFKA_ROLES)[number];

export interface NeededPermission extends Permission {
  readonly roles: readonly KafkaRole[];
  /** Without it figures are unknown, and all else works. */
  readonly only_figures: boolean;
}

export interface PermissionNames {
  readonly topic: string;
  readonly group: string;
  /** Where the stream writes its sums; null without a stream. */
  readonly hoursTopic: string | null;
  /** Whether `analyze` opens the log, which it does to export traces. */
  readonly analyzeTraces: boolean;
}

/** The name of the one cluster in permissions. */
export const CLUSTER = 'kafka-cluster';

/**
 * The least that these roles need. READ, WRITE and DELETE include DESCRIBE. CREATE is used once,
 * by the process that finds the topic missing.
 */
export function permissionsOf(
  roles: readonly KafkaRole[],
  names: PermissionNames,
): readonly NeededPermission[] {
  const needed = new Map<string, NeededPermission>();
  for (const role of roles) {
    for (const [type, name, operation, only_figures = false] of rowsOf(role, names)) {
      const key = `${type} ${name} ${operation}`;
      const before = needed.get(key);
      needed.set(key, {
        resource_type: type,
        resource_name: name,
        operation,
        roles: [...(before?.roles ?? []), role],
        only_figures: only_figures && (before?.only_figures ?? true),
      });
    }
  }
  return withoutIncluded([...needed.values()]);
}

type Row = readonly [ResourceType, string, Operation, boolean?];

function rowsOf(
  role: KafkaRole,
  { topic, group, hoursTopic, analyzeTraces }: PermissionNames,
): Row[] {
  const opening: Row[] = [
    ['topic', topic, 'CREATE'],
    ['topic', topic, 'DESCRIBE_CONFIGS'],
  ];
  const hours: Row[] =
    hoursTopic === null
      ? []
      : [
          ['topic', hoursTopic, 'CREATE'],
          ['topic', hoursTopic, 'READ'],
        ];
  const watching: Row[] = [
    ...opening,
    ['topic', topic, 'READ'],
    ['group', group, 'DESCRIBE', true],
    ['cluster', CLUSTER, 'DESCRIBE', true],
  ];
  switch (role) {
    case 'collect':
      return [...opening, ['topic', topic, 'WRITE']];
    case 'land':
      return [
        ...opening,
        ['topic', topic, 'READ'],
        ['topic', topic, 'DELETE'],
        ['group', group, 'READ'],
      ];
    case 'analyze':
      return analyzeTraces ? [...opening, ['topic', topic, 'DESCRIBE']] : [];
    case 'serve':
      return [...watching, ...hours];
    case 'alerts':
      return watching;
    case 'stream':
      return hoursTopic === null
        ? []
        : [...opening, ['topic', topic, 'READ'], ...hours, ['topic', hoursTopic, 'WRITE']];
  }
}

/** DESCRIBE is left out where READ of the same is there. */
function withoutIncluded(needed: readonly NeededPermission[]): readonly NeededPermission[] {
  return needed.filter(
    (one) =>
      !needed.some(
        (other) =>
          other !== one &&
          other.resource_type === one.resource_type &&
          other.resource_name === one.resource_name &&
          includes(other.operation, one.operation),
      ),
  );
}

/** Whether who is permitted the first is permitted the second. */
export function includes(operation: string, other: string): boolean {
  if (operation === 'ALL' || operation === other) return true;
  if (other === 'DESCRIBE') return ['READ', 'WRITE', 'DELETE', 'ALTER'].includes(operation);
  return other === 'DESCRIBE_CONFIGS' && operation === 'ALTER_CONFIGS';
}

/** Request of the protocol → what the broker then looks for, by the kind of its refusal. */
const CHECKED: Readonly<
  Record<string, Partial<Record<ResourceType, readonly [Operation, ResourceType]>>>
> = {
  Metadata: { topic: ['DESCRIBE', 'topic'] },
  CreateTopics: { topic: ['CREATE', 'topic'], cluster: ['CREATE', 'topic'] },
  DescribeConfigs: { topic: ['DESCRIBE_CONFIGS', 'topic'] },
  // An idempotent producer may write to some topic.
  InitProducerId: { cluster: ['WRITE', 'topic'] },
  Produce: { topic: ['WRITE', 'topic'], cluster: ['WRITE', 'topic'] },
  Fetch: { topic: ['READ', 'topic'] },
  ListOffsets: { topic: ['DESCRIBE', 'topic'] },
  DeleteRecords: { topic: ['DELETE', 'topic'] },
  OffsetCommit: { group: ['READ', 'group'], topic: ['READ', 'topic'] },
  OffsetFetch: { group: ['DESCRIBE', 'group'], topic: ['DESCRIBE', 'topic'] },
  FindCoordinator: { group: ['DESCRIBE', 'group'] },
  DescribeLogDirs: { cluster: ['DESCRIBE', 'cluster'] },
  DescribeAcls: { cluster: ['DESCRIBE', 'cluster'] },
  CreateAcls: { cluster: ['ALTER', 'cluster'] },
};

/** What a refusal such as TOPIC_AUTHORIZATION_FAILED of this request means. */
export function lackedBy(
  request: string,
  refusal: string,
): { readonly operation: Operation; readonly resource_type: ResourceType } | null {
  const type = /^(TOPIC|GROUP|CLUSTER)_AUTHORIZATION_FAILED$/.exec(refusal)?.[1]?.toLowerCase();
  const found = CHECKED[request]?.[type as ResourceType];
  return found === undefined ? null : { operation: found[0], resource_type: found[1] };
}
