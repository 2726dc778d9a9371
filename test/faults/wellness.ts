/** Waits until all is well again after a fault, as the services and the incidents say. */
import assert from 'node:assert/strict';
import type { EngineWatch } from '../../src/engines/watch.ts';
import { openLeasesReader } from '../../src/leases/leases-reader.ts';
import type { Incident } from '../../src/model/alerts.ts';
import type { Workspace } from '../../src/pipeline/workspace.ts';
import { EXPECTED, expectedRule } from './expected.ts';
import type { FaultName } from './faults.ts';
import { incidentOf, textOf } from './incidents.ts';
import type { Processes } from './processes.ts';

const WELL_S = 240;
/** So long without a finding, so that no rule is about to open an incident. */
const STEADY_S = 3;
const LOOK_MS = 1_000;
/** Until an incident that was opened is in the lake. */
const SHARED_S = 60;

export interface Wellness {
  readonly workspace: Workspace;
  readonly processes: Processes;
  /** Not disturbed by what is done to connections. */
  readonly watch: EngineWatch;
}

/** Resolves with the incidents of the lake once all of them are resolved. */
export async function untilWell(
  around: Wellness,
  fault: { readonly name: FaultName; readonly begin: number } | null,
): Promise<readonly Incident[]> {
  const deadline = performance.now() + WELL_S * 1_000;
  let wellSince: number | null = null;
  for (;;) {
    around.processes.assertAlive();
    const { findings, incidents } = await examine(around, fault);
    const now = performance.now();
    if (findings.length > 0) wellSince = null;
    else wellSince ??= now;
    if (wellSince !== null && now - wellSince >= STEADY_S * 1_000) return incidents;
    assert.ok(
      now < deadline,
      `${fault?.name ?? 'the start'}: not well after ${WELL_S} s: ${findings.join('; ')}`,
    );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function examine(
  { workspace, processes, watch }: Wellness,
  fault: { readonly name: FaultName; readonly begin: number } | null,
): Promise<{ readonly findings: readonly string[]; readonly incidents: readonly Incident[] }> {
  await watch.look();
  const findings = watch.list().flatMap(({ kind, state, figures, error }) => {
    // A warning of Spark outlasts its cause by minutes.
    if (state === 'ok' || (kind === 'spark' && state === 'warning')) return [];
    const bad = figures.filter((figure) => figure.state !== 'ok').map(({ name }) => name);
    return [`${kind} is ${state}: ${error?.message ?? bad.join(', ')}`];
  });
  try {
    const leases = await openLeasesReader({ storage: workspace.storage }).read();
    const isEvaluating = leases.some(
      ({ role, isSilent, text }) =>
        role === 'alert' && !isSilent && text.pid === processes.evaluatorPid(),
    );
    if (!isEvaluating) findings.push('the evaluator does not evaluate');
    const incidents = await workspace.incidents.read();
    for (const incident of incidents) {
      if (incident.resolved_at === null) findings.push(`${textOf(incident)} is open`);
    }
    if (fault !== null && isAwaited(fault, incidents)) {
      findings.push(`no incident of ${expectedRule(fault.name)} yet`);
    }
    return { findings, incidents };
  } catch (error) {
    return { findings: [...findings, String(error)], incidents: [] };
  }
}

/** Whether the incident of this fault may still come; one that does not is reported at the end. */
function isAwaited(
  fault: { readonly name: FaultName; readonly begin: number },
  incidents: readonly Incident[],
): boolean {
  const until = fault.begin + (EXPECTED[fault.name].withinS + SHARED_S) * 1_000;
  return (
    expectedRule(fault.name) !== null &&
    incidentOf(fault, incidents) === undefined &&
    Date.now() < until
  );
}
