/** Rules, observations and facts for tests of the alerts. */
import type { AlertRule, Incident } from '../../model/alerts.ts';
import { DEFAULT_CITIES } from '../../model/city.ts';
import type { Status } from '../../model/status.ts';
import type { EvaluationFacts } from '../evaluate.ts';
import type { Values } from '../judging.ts';
import type { SystemFacts } from '../judging-system.ts';
import { compileRules, type Rule } from '../rules.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const START = Date.parse('2026-03-01T00:00:00Z');
export const CITIES = DEFAULT_CITIES;

export const NO_FACTS: EvaluationFacts = {
  usual: () => null,
  anomalies: () => [],
  flags: () => null,
  events: () => null,
  availability: () => null,
  forecast: () => null,
  stoppedMs: () => 0,
};

export const FROST: AlertRule = {
  name: 'frost',
  when: { kind: 'value', variable: 'temperature_c', below: 0, clear: 1 },
  channels: ['mail'],
};

/** The rule alone, without the built-in ones. */
export function ruleOf(rule: AlertRule): Rule {
  const found = compileRules([rule], ['mail']).find(({ name }) => name === rule.name);
  if (found === undefined) throw new Error(`${rule.name} is not enabled`);
  return found;
}

export function observed(cityId: string, minutes: number, values: Values) {
  return { cityId, point: { at: START + minutes * MINUTE, values } };
}

export function exampleIncident(changes: Partial<Incident> = {}): Incident {
  return {
    incident_id: '0123456789abcdef',
    rule: 'frost',
    rule_version: 'abcdef01',
    severity: 'warning',
    state: 'open',
    city_id: 'london',
    city: 'London',
    subjects: ['london'],
    summary: 'London: temperature -2.1 °C, below 0.0 °C',
    variable: 'temperature_c',
    value: -2.1,
    threshold: 0,
    unit: '°C',
    evidence: [{ at: '2026-03-01T00:00:00Z', value: -2.1 }],
    began_at: '2026-03-01T00:00:00Z',
    opened_at: '2026-03-01T00:10:00Z',
    acknowledged_at: null,
    acknowledged_by: null,
    note: null,
    resolved_at: null,
    inhibited_by: null,
    notified: [],
    simulated: false,
    ...changes,
  };
}

export function systemFacts(status: Status, changes: Partial<SystemFacts> = {}): SystemFacts {
  return { status, engines: [], rejectedLastHour: {}, now: START, ...changes };
}
