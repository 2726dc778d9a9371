/** NetworkPolicies as Kubernetes reads them: who may connect to what, by the manifests alone. */
import { BlockList, isIP } from 'node:net';
import type { Manifest, Peer, Selector } from './helm.ts';

/** A pod, or an address beyond the cluster. */
export interface Host {
  readonly name: string;
  readonly namespace?: string;
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly address?: string;
}

export interface Connection {
  readonly from: Host;
  readonly to: Host;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol?: string; readonly port?: number }[];
}

/** Whether both ends allow it: the egress of the one, the ingress of the other. */
export function isAllowed(manifests: readonly Manifest[], connection: Connection): boolean {
  const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
  return (
    allows(policies, connection, { end: 'from', type: 'Egress' }) &&
    allows(policies, connection, { end: 'to', type: 'Ingress' })
  );
}

function allows(
  policies: readonly Manifest[],
  connection: Connection,
  { end, type }: { readonly end: 'from' | 'to'; readonly type: 'Egress' | 'Ingress' },
): boolean {
  const pod = connection[end];
  const other = connection[end === 'from' ? 'to' : 'from'];
  const applied = policies.filter(
    ({ metadata, spec }) =>
      pod.namespace === metadata.namespace &&
      selects(spec.podSelector, pod.labels ?? {}) &&
      spec.policyTypes.includes(type),
  );
  // A pod that no policy selects is not isolated.
  if (applied.length === 0) return true;
  return applied.some(({ metadata, spec }) =>
    ((type === 'Egress' ? spec.egress : spec.ingress) ?? []).some((rule: Rule) => {
      const peers = type === 'Egress' ? rule.to : rule.from;
      const { ports } = rule;
      const isPeer =
        peers === undefined ||
        peers.length === 0 ||
        peers.some((peer) => matches(peer, other, metadata.namespace ?? ''));
      const isPort =
        ports === undefined ||
        ports.length === 0 ||
        ports.some(
          ({ protocol = 'TCP', port }) =>
            protocol === connection.protocol && (port === undefined || port === connection.port),
        );
      return isPeer && isPort;
    }),
  );
}

/** `namespace` is that of the policy. */
export function matches(peer: Peer, host: Host, namespace: string): boolean {
  const { ipBlock, namespaceSelector, podSelector } = peer;
  if (ipBlock !== undefined) {
    // Addresses of pods are not for policies to name.
    if (host.address === undefined) return false;
    const isIn = (cidr: string) => contains(cidr, host.address ?? '');
    return isIn(ipBlock.cidr) && !(ipBlock.except ?? []).some(isIn);
  }
  if (host.namespace === undefined) return false;
  const isNamespace =
    namespaceSelector === undefined
      ? host.namespace === namespace
      : selects(namespaceSelector, host.namespaceLabels ?? {});
  return isNamespace && (podSelector === undefined || selects(podSelector, host.labels ?? {}));
}

export function contains(cidr: string, address: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  const family = (text: string) => (isIP(text) === 6 ? 'ipv6' : 'ipv4');
  if (family(network) !== family(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family(network));
  return list.check(address, family(address));
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isOne = value !== undefined && values.includes(value);
      return operator === 'In' ? isOne : !isOne;
    })
  );
}
