/** The real Helm, built from Go modules, and what it renders of the chart. */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments } from 'yaml';
import { bringOnce } from '../../src/cluster/bring-once.ts';

const root = join(import.meta.dirname, '..', '..');
export const CHART = join(root, 'deploy', 'helm', 'isobar');
/** The namespace of the release, which is called the same. */
export const NAMESPACE = 'weather';
const VERSION = '3.22.0';
const PLACE = join(root, '.cache', `helm-${VERSION}`);

const run = promisify(execFile);

/** The program; null without Go. It is built once, in some minutes. */
export async function findHelm(): Promise<string | null> {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
  } catch {
    return null;
  }
  await bringOnce(PLACE, async (draft) => {
    const args = ['install', '-trimpath', '-ldflags=-s -w', `helm.sh/helm/v3/cmd/helm@v${VERSION}`];
    await run('go', args, { env: { ...process.env, GOBIN: draft } });
    return draft;
  });
  return join(PLACE, 'helm');
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  // biome-ignore lint/suspicious/noExplicitAny: manifests are read by their shape in Kubernetes.
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}

/** What `helm template` prints; rejects with what Helm says is wrong. */
export async function renderChart(helm: string, args: readonly string[]): Promise<string> {
  // Built without Helm's own build files it would take Kubernetes for version 1.20.
  const fixed = ['--namespace', NAMESPACE, '--kube-version', '1.30.0'];
  const { stdout } = await run(helm, ['template', NAMESPACE, CHART, ...fixed, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((one) => one !== null);
}

/** `{"spec": …, "metadata": …}` of each workload, by role. */
export function podsOf(manifests: readonly Manifest[]): ReadonlyMap<string, Pod> {
  const pods = manifests.filter(({ spec }) => spec?.template?.spec !== undefined);
  return new Map(
    pods.map(({ spec }) => {
      const pod = spec.template as Pod;
      return [pod.metadata.labels['app.kubernetes.io/component'] ?? '', pod];
    }),
  );
}

export interface Pod {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: the same.
  readonly spec: any;
}

type Tree = { readonly [name: string]: unknown };

/** The chart's values with those of a file, as Helm merges them. */
export function valuesWith(file: string | null): Values {
  const read = (path: string) => parse(readFileSync(path, 'utf8')) as Tree;
  const own = read(join(CHART, 'values.yaml'));
  return (file === null ? own : merge(own, read(file))) as unknown as Values;
}

function merge(base: Tree, other: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(other)) {
    const before = merged[name];
    merged[name] = isTree(before) && isTree(value) ? merge(before, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface Values {
  readonly config: Tree;
  readonly secrets: Readonly<Record<string, { readonly secret: string; readonly key: string }>>;
  readonly roles: Readonly<Record<string, { readonly enabled: boolean }>>;
  readonly network: {
    readonly callers: Readonly<Record<string, readonly Peer[]>>;
    readonly services: Readonly<Record<string, readonly Place[]>>;
  };
}

export interface Place {
  readonly ports: readonly number[];
  readonly to: readonly Peer[];
}

export interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/** The value of a setting by its path; undefined when it is not set. */
export function settingIn({ config }: Values, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (isTree(at) ? at[name] : undefined), config);
}
