/** Who could try to connect to what with some values of the chart, and whether the table allows it. */
import { NAMESPACE, type Peer, type Pod, settingIn, type Values } from './helm.ts';
import { type Connection, contains, type Host, matches } from './network-policies.ts';
import { servicesOf, type Topology } from './topology.ts';

/** Ports that no service has: SSH, what many try, the API of Kubernetes, of a kubelet. */
const OTHER_PORTS = [22, 80, 6443, 10250];
const LABEL = 'kubernetes.io/metadata.name';

export function podHost(role: string, { metadata }: Pod): Host {
  return {
    name: role,
    namespace: NAMESPACE,
    namespaceLabels: { [LABEL]: NAMESPACE },
    labels: metadata.labels,
  };
}

/** One host for each peer that the values name, and for each exception of it. */
export function namedHosts({ network }: Values): Host[] {
  const places = Object.entries(network.services).flatMap(([name, list]) =>
    list.flatMap(({ to }) => to.map((peer) => [name, peer] as const)),
  );
  const callers = Object.entries(network.callers).flatMap(([name, peers]) =>
    peers.map((peer) => [name, peer] as const),
  );
  return [...places, ...callers].flatMap(([name, peer]) => hostsOf(name, peer));
}

/** Those that nothing names: they look alike, but for one label or number. */
export function strangers(named: readonly Host[]): Host[] {
  const elsewhere = named
    .filter(({ namespace }) => namespace !== undefined)
    .map((host) => ({
      ...host,
      name: `${host.name} of a namespace of others`,
      namespace: 'others',
      namespaceLabels: { [LABEL]: 'others' },
    }));
  const unlike = named
    .filter(({ namespace }) => namespace !== undefined)
    .map((host) => ({ ...host, name: `neighbour of ${host.name}`, labels: { app: 'other' } }));
  const addresses = ['169.254.169.254', '10.96.0.1', '192.168.1.1', '203.0.113.9', 'fd00::1'];
  return [
    ...elsewhere,
    ...unlike,
    { name: 'a pod beside', namespace: NAMESPACE, namespaceLabels: { [LABEL]: NAMESPACE } },
    ...addresses.map((address) => ({ name: address, address })),
  ];
}

function hostsOf(name: string, { podSelector, namespaceSelector, ipBlock }: Peer): Host[] {
  if (ipBlock !== undefined) {
    const { cidr, except = [] } = ipBlock;
    const inside = [firstOf(cidr), '198.51.100.7', '8.8.4.4', '10.30.1.77'].find(
      (address) => contains(cidr, address) && !except.some((one) => contains(one, address)),
    );
    if (inside === undefined) throw new Error(`${cidr}: the test has no address in it`);
    return [
      { name: `${name} ${cidr}`, address: inside },
      ...except.map((one) => ({ name: `${name} without ${one}`, address: firstOf(one) })),
    ];
  }
  const namespaceLabels = namespaceSelector?.matchLabels ?? { [LABEL]: NAMESPACE };
  const { matchLabels = {}, matchExpressions = [] } = podSelector ?? {};
  const chosen = matchExpressions.map(({ key, values = [] }) => [key, values[0] ?? ''] as const);
  return [
    {
      name,
      namespace: namespaceLabels[LABEL] ?? 'labelled',
      namespaceLabels,
      labels: { ...matchLabels, ...Object.fromEntries(chosen) },
    },
  ];
}

/** `10.20.0.0/28` → `10.20.0.1`; the address itself where there is only one. */
function firstOf(cidr: string): string {
  const [network = '', bits = ''] = cidr.split('/');
  if (['32', '128'].includes(bits)) return network;
  return network.includes(':') ? `${network}1` : network.replace(/\d+$/, (last) => `${+last + 1}`);
}

/** All ports that occur anywhere, and some that do not. */
export function portsTried(topology: Topology, values: Values): number[] {
  const services = Object.values(topology.services).flatMap(({ ports }) => ports);
  const places = Object.values(values.network.services).flat();
  const own = ownPorts(values);
  const all = [...services, ...places.flatMap(({ ports }) => ports), ...own.all, ...OTHER_PORTS];
  return [...new Set(all)].sort((a, b) => a - b);
}

function ownPorts(values: Values) {
  const api = Number(settingIn(values, 'api.port'));
  const redirect = Number(settingIn(values, 'api.tls.redirect_port') ?? 0);
  const health = Number(settingIn(values, 'health.port'));
  return { api, redirect, all: [api, redirect, health].filter((port) => port > 0) };
}

/** By the table and the values alone; `roles` are those that run. */
export function isExpected(
  topology: Topology,
  values: Values,
  roles: readonly string[],
  { from, to, port, protocol }: Connection,
): boolean {
  const isRole = ({ name }: Host) => roles.includes(name);
  if (isRole(to)) return !isRole(from) && mayCall(topology, values, { from, to, port, protocol });
  return servicesOf(topology, from.name, values).some((service) => {
    const { protocols = ['TCP'] } = topology.services[service] ?? {};
    const places = values.network.services[service] ?? [];
    return (
      protocols.includes(protocol) &&
      places.some(
        ({ ports, to: peers }) =>
          ports.includes(port) && peers.some((peer) => matches(peer, to, NAMESPACE)),
      )
    );
  });
}

function mayCall(
  topology: Topology,
  values: Values,
  { from, to, port, protocol }: Connection,
): boolean {
  if (protocol !== 'TCP') return false;
  const { api, redirect } = ownPorts(values);
  return Object.entries(topology.callers).some(([caller, line]) => {
    const ports = caller === 'visitors' && redirect > 0 ? [api, redirect] : [api];
    const peers = values.network.callers[caller] ?? [];
    return (
      line.to === to.name &&
      ports.includes(port) &&
      peers.some((peer) => matches(peer, from, NAMESPACE))
    );
  });
}
