/** Permissions at the brokers (ACLs), by their admin protocol. */
import {
  type Acl,
  AclOperations,
  AclPermissionTypes,
  type AclTarget,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { type KafkaClient, openClient } from './kafka-client.ts';
import { includes, type NeededPermission, type Permission } from './kafka-permissions.ts';

/** `denied`: a rule of the brokers forbids it, whatever else permits it. */
export type AclState = 'there' | 'missing' | 'denied';

export interface CheckedPermission extends NeededPermission {
  readonly state: AclState;
}

/** Administers the permissions of one principal, such as `User:isobar`. */
export class KafkaAcls implements AsyncDisposable {
  readonly #client: KafkaClient;
  readonly #principal: string;

  constructor(client: KafkaClient, principal: string) {
    this.#client = client;
    this.#principal = principal;
  }

  /** Rejects with LOG_FORBIDDEN, LOG_NO_AUTHORIZER, or as the log does. */
  async check(needed: readonly NeededPermission[]): Promise<readonly CheckedPermission[]> {
    const found = [
      ...(await this.#read(this.#principal)),
      // Those of everyone.
      ...(await this.#read('User:*')),
    ];
    return needed.map((one) => ({ ...one, state: stateOf(one, found) }));
  }

  /** Makes what is missing, and resolves with how it is then. */
  async apply(needed: readonly NeededPermission[]): Promise<readonly CheckedPermission[]> {
    const before = await this.check(needed);
    const creations = before
      .filter(({ state }) => state === 'missing')
      .map((one) => aclOf(one, this.#principal));
    if (creations.length === 0) return before;
    await this.#client.persist('making permissions', () =>
      this.#client.admin.createAcls({ creations }),
    );
    // Brokers learn of it from the controller, one after the other.
    return this.#client.persist('looking at permissions', async () => {
      const after = await this.check(needed);
      if (after.some(({ state }) => state === 'missing')) throw new Error('they are not there yet');
      return after;
    });
  }

  async #read(principal: string): Promise<readonly Acl[]> {
    const filter = {
      resourceType: ResourceTypes.ANY,
      resourceName: null,
      resourcePatternType: ResourcePatternTypes.ANY,
      principal,
      host: null,
      operation: AclOperations.ANY,
      permissionType: AclPermissionTypes.ANY,
    };
    const resources = await this.#client.persist('looking at permissions', () =>
      this.#client.admin.describeAcls({ filter }),
    );
    return resources.flatMap(({ acls, ...resource }) =>
      acls.map((acl) => ({ ...acl, ...resource, resourcePatternType: patternOf(resource) })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

/** With the login of the configuration, which must be that of an administrator. */
export async function openAcls(
  config: Config['log']['kafka'],
  principal: string,
): Promise<KafkaAcls> {
  return new KafkaAcls(await openClient(config), principal);
}

const TYPES = {
  topic: ResourceTypes.TOPIC,
  group: ResourceTypes.GROUP,
  cluster: ResourceTypes.CLUSTER,
} as const;

const NAMES = new Map<number, string>(
  Object.entries(AclOperations).map(([name, code]) => [code, name]),
);

export function aclOf({ resource_type, resource_name, operation }: Permission, principal: string) {
  return {
    resourceType: TYPES[resource_type],
    resourceName: resource_name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal,
    // Whoever connects from several machines has several addresses.
    host: '*',
    operation: AclOperations[operation],
    permissionType: AclPermissionTypes.ALLOW,
  } satisfies Acl;
}

/** By version 3 of the protocol the library (2.12.1) gives it another name than it declares. */
function patternOf(resource: AclTarget): AclTarget['resourcePatternType'] {
  const { patternType } = resource as { readonly patternType?: AclTarget['resourcePatternType'] };
  return patternType ?? resource.resourcePatternType;
}

/** As the brokers decide: a rule that denies counts more than any that permits. */
function stateOf(needed: Permission, acls: readonly Acl[]): AclState {
  const about = acls.filter((acl) => isAbout(acl, needed));
  const named = (acl: Acl) => NAMES.get(acl.operation) ?? '';
  const denies = (acl: Acl) => ['ALL', needed.operation].includes(named(acl));
  if (about.some((acl) => acl.permissionType === AclPermissionTypes.DENY && denies(acl))) {
    return 'denied';
  }
  const permits = (acl: Acl) =>
    acl.permissionType === AclPermissionTypes.ALLOW &&
    acl.host === '*' &&
    includes(named(acl), needed.operation);
  return about.some(permits) ? 'there' : 'missing';
}

function isAbout(acl: Acl, { resource_type, resource_name }: Permission): boolean {
  if (acl.resourceType !== TYPES[resource_type]) return false;
  if (acl.resourcePatternType === ResourcePatternTypes.PREFIXED) {
    return resource_name.startsWith(acl.resourceName);
  }
  return acl.resourceName === resource_name || acl.resourceName === '*';
}
