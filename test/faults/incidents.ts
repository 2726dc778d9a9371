/** Whether the incidents of the alert rules are those of the faults: each seen, none made up. */
import type { Incident } from '../../src/model/alerts.ts';
import { allowedRules, EXPECTED, expectedRule } from './expected.ts';
import type { FaultName } from './faults.ts';

/** Milliseconds since 1970. */
export interface PastFault {
  readonly name: FaultName;
  readonly begin: number;
  readonly end: number;
  /** When the services were well again, and no incident was open. */
  readonly wellAt: number;
}

/** Times of incidents are whole seconds. */
const SECOND_MS = 1_000;

/** The incident that the fault had to open; undefined when it is not there, or was opened too late. */
export function incidentOf(
  { name, begin }: Pick<PastFault, 'name' | 'begin'>,
  incidents: readonly Incident[],
): Incident | undefined {
  const rule = expectedRule(name);
  const latest = begin + EXPECTED[name].withinS * SECOND_MS;
  return incidents.find((one) => {
    const at = Date.parse(one.opened_at);
    return one.rule === rule && at > begin - SECOND_MS && at <= latest;
  });
}

/** What is wrong, a line each; empty when every incident has its fault, and every fault its own. */
export function problemsOf(
  faults: readonly PastFault[],
  incidents: readonly Incident[],
): readonly string[] {
  return [
    ...faults.flatMap((fault) => missingOf(fault, incidents)),
    ...incidents.flatMap((incident) => unexplainedOf(incident, faults)),
    ...incidents.flatMap(unresolvedOf),
    ...doubledOf(incidents),
  ];
}

function missingOf(fault: PastFault, incidents: readonly Incident[]): string[] {
  const rule = expectedRule(fault.name);
  if (rule === null || incidentOf(fault, incidents) !== undefined) return [];
  const { withinS } = EXPECTED[fault.name];
  return [`${timeOf(fault.begin)} ${fault.name}: no incident of ${rule} within ${withinS} s`];
}

function unexplainedOf(incident: Incident, faults: readonly PastFault[]): string[] {
  const at = Date.parse(incident.opened_at);
  const during = faults.find(({ begin, wellAt }) => at > begin - SECOND_MS && at <= wellAt);
  if (during !== undefined && allowedRules(during.name).includes(incident.rule)) return [];
  const when = during === undefined ? 'without a fault' : `during "${during.name}"`;
  return [`${textOf(incident)}: opened ${when}`];
}

function unresolvedOf(incident: Incident): string[] {
  return incident.resolved_at === null ? [`${textOf(incident)}: not resolved`] : [];
}

function doubledOf(incidents: readonly Incident[]): string[] {
  const sorted = incidents.toSorted((a, b) => Date.parse(a.opened_at) - Date.parse(b.opened_at));
  return sorted.flatMap((incident, at) => {
    const openBefore = sorted.slice(0, at).find(
      (one) =>
        one.rule === incident.rule &&
        one.city_id === incident.city_id &&
        // One may begin in the second in which the other ended.
        (one.resolved_at === null || Date.parse(one.resolved_at) > Date.parse(incident.opened_at)),
    );
    return openBefore === undefined
      ? []
      : [`${textOf(incident)}: while ${openBefore.incident_id} of the same rule was open`];
  });
}

export function textOf({ incident_id, rule, opened_at, resolved_at, summary }: Incident): string {
  return `${rule} ${incident_id} (${opened_at} to ${resolved_at ?? 'now'}: ${summary})`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString().slice(0, 19);
}

/** Which incidents it opened, for its line of the report. */
export function incidentText(
  fault: Pick<PastFault, 'name' | 'begin'>,
  incidents: readonly Incident[],
): string {
  const own = incidentOf(fault, incidents);
  const rules = incidents
    .filter((one) => Date.parse(one.opened_at) >= fault.begin && one !== own)
    .map(({ rule }) => rule);
  const beside = rules.length === 0 ? '' : `, and ${rules.join(', ')}`;
  if (own === undefined) return `no incident of its own${beside}`;
  const after = ((Date.parse(own.opened_at) - fault.begin) / SECOND_MS).toFixed(0);
  return `${own.rule} after ${after} s${beside}`;
}

/** Lines for people: each kind of fault with its rule, and the incidents that came beside those. */
export function summaryOf(
  faults: readonly PastFault[],
  incidents: readonly Incident[],
): readonly string[] {
  const lines: string[] = [];
  const expected = new Set<Incident>();
  for (const [name, those] of Map.groupBy(faults, (fault) => fault.name)) {
    const rule = expectedRule(name);
    const found = those.flatMap((fault) => {
      const incident = rule === null ? undefined : incidentOf(fault, incidents);
      if (incident === undefined) return [];
      expected.add(incident);
      return [(Date.parse(incident.opened_at) - fault.begin) / SECOND_MS];
    });
    const most = Math.max(0, ...found).toFixed(0);
    lines.push(
      rule === null
        ? `${those.length} × ${name}: no incident expected, ${EXPECTED[name].why}`
        : `${those.length} × ${name}: ${found.length} of ${rule}, after ${most} s at most`,
    );
  }
  const others = incidents.filter((incident) => !expected.has(incident));
  for (const [rule, those] of Map.groupBy(others, (incident) => incident.rule)) {
    const kinds = those.map((incident) => {
      const at = Date.parse(incident.opened_at);
      return (
        faults.find(({ begin, wellAt }) => at > begin - SECOND_MS && at <= wellAt)?.name ?? '?'
      );
    });
    lines.push(`${those.length} more of ${rule}: ${[...new Set(kinds)].join(', ')}`);
  }
  return lines;
}
