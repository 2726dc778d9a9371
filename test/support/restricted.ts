/** The pod security standard "restricted" of Kubernetes, and what we ask beyond it. */
import type { Pod } from './helm.ts';

const VOLUMES = [
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim'],
  ...['projected', 'secret'],
];

/** What a pod does that it must not, a sentence each. */
export function restrictedProblems({ spec }: Pod): string[] {
  const problems: string[] = [];
  const refuse = (isWrong: boolean, what: string) => {
    if (isWrong) problems.push(what);
  };
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace']) {
    refuse(spec[name] === true, name);
  }
  refuse(spec.automountServiceAccountToken !== false, 'it gets a token for the API of Kubernetes');
  refuse(spec.enableServiceLinks !== false, 'variables of services would be taken for settings');
  for (const { name, ...source } of spec.volumes ?? []) {
    const kinds = Object.keys(source).filter((kind) => !VOLUMES.includes(kind));
    refuse(kinds.length > 0, `volume ${name}: ${kinds}`);
  }
  const pod = spec.securityContext ?? {};
  refuse((pod.sysctls ?? []).length > 0, 'sysctls');
  refuse(pod.seccompProfile?.type !== 'RuntimeDefault', 'seccompProfile');
  refuse(pod.runAsNonRoot !== true, 'runAsNonRoot');
  refuse(!(pod.runAsUser > 0 && pod.runAsGroup > 0), 'runAsUser and runAsGroup');
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  refuse(containers.length === 0, 'it has no container');
  for (const { name, ports = [], securityContext: own = {}, resources = {} } of containers) {
    const of = (what: string) => `container ${name}: ${what}`;
    refuse(own.privileged !== false, of('privileged'));
    refuse(own.allowPrivilegeEscalation !== false, of('allowPrivilegeEscalation'));
    refuse(own.readOnlyRootFilesystem !== true, of('readOnlyRootFilesystem'));
    refuse(own.capabilities?.drop?.join() !== 'ALL', of('capabilities that are not dropped'));
    refuse((own.capabilities?.add ?? []).length > 0, of('capabilities that are added'));
    refuse(own.runAsNonRoot === false || own.runAsUser === 0, of('runs as root'));
    refuse((own.procMount ?? 'Default') !== 'Default', of('procMount'));
    refuse(own.seccompProfile !== undefined, of('another seccompProfile'));
    refuse(resources.limits?.memory === undefined, of('no limit of memory'));
    refuse(
      ports.some((port: { hostPort?: number }) => port.hostPort !== undefined),
      of('hostPort'),
    );
  }
  return problems;
}
