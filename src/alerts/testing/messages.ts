/** Messages for tests. */
import type { Incident } from '../../model/alerts.ts';
import type { AlertMessage } from '../channel.ts';

export const INCIDENT: Incident = {
  incident_id: 'inc-5f2c9a7b',
  rule: 'heat',
  rule_version: '1',
  severity: 'critical',
  state: 'open',
  city_id: 'new-york',
  city: 'New York',
  subjects: ['new-york'],
  summary: 'Temperature is 35.4 °C, above 35 °C',
  variable: 'temperature_c',
  value: 35.4,
  threshold: 35,
  unit: '°C',
  evidence: [
    { at: '2024-07-31T17:50:00Z', value: 34.9 },
    { at: '2024-07-31T18:00:00Z', value: null },
    { at: '2024-07-31T18:10:00Z', value: 35.4 },
  ],
  began_at: '2024-07-31T18:10:00Z',
  opened_at: '2024-07-31T18:20:00Z',
  acknowledged_at: null,
  acknowledged_by: null,
  note: null,
  resolved_at: null,
  inhibited_by: null,
  notified: [],
  simulated: false,
};

export const MESSAGE: AlertMessage = {
  key: 'inc-5f2c9a7b.ops.opened.1',
  kind: 'opened',
  incident: INCIDENT,
  url: 'https://weather.example.org/#incident=inc-5f2c9a7b&view=alerts',
};

export const messageOf = (
  changes: Partial<AlertMessage> = {},
  incident: Partial<Incident> = {},
): AlertMessage => ({ ...MESSAGE, ...changes, incident: { ...INCIDENT, ...incident } });

/** One for each form that a message has. */
export const CASES: Readonly<Record<string, AlertMessage>> = {
  opened: MESSAGE,
  reminder: messageOf(
    { key: 'inc-5f2c9a7b.ops.repeated.1', kind: 'repeated' },
    {
      state: 'acknowledged',
      acknowledged_at: '2024-07-31T18:30:00Z',
      acknowledged_by: 'Ana <ana@example.org>',
      note: 'Shade & water, see *plan* `B`',
    },
  ),
  resolved: messageOf(
    { key: 'inc-5f2c9a7b.ops.resolved.1', kind: 'resolved', url: null },
    { state: 'resolved', resolved_at: '2024-07-31T22:00:00Z', severity: 'warning' },
  ),
  'simulated-system': messageOf(
    { key: 'inc-77.ops.escalated.1', kind: 'escalated' },
    {
      incident_id: 'inc-77',
      rule: 'engines',
      severity: 'info',
      city_id: null,
      city: null,
      subjects: ['kafka', 'hdfs <!channel> @everyone'],
      summary: 'Two engines cannot be reached',
      variable: null,
      value: null,
      threshold: null,
      unit: null,
      evidence: [],
      simulated: true,
    },
  ),
};
