/** Incidents: made from transitions, and joined when two processes know different parts of one. */
import { createHash } from 'node:crypto';
import type { Incident, IncidentState, Notified } from '../model/alerts.ts';
import { formatTime } from '../model/time-zone.ts';
import type { Transition } from './evaluate.ts';

const SUBJECTS_MAX = 100;
const NOTE_CHARACTERS_MAX = 500;

/** The same for the same rule, subject and begin, whichever process makes it. */
export function incidentId(rule: string, subject: string, beganAt: string): string {
  const text = JSON.stringify([rule, subject, beganAt]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export function openIncident(
  { rule, city, verdict, since, at }: Transition,
  inhibitedBy: string | null,
  simulated: boolean,
): Incident {
  const beganAt = timeText(since);
  return {
    incident_id: incidentId(rule.name, city?.city_id ?? '', beganAt),
    rule: rule.name,
    rule_version: rule.version,
    severity: rule.severity,
    state: 'open',
    city_id: city?.city_id ?? null,
    city: city?.name ?? null,
    subjects: city === null ? verdict.subjects.slice(0, SUBJECTS_MAX) : [city.city_id],
    summary: city === null ? verdict.summary : `${city.name}: ${verdict.summary}`,
    variable: verdict.variable,
    value: verdict.value,
    threshold: verdict.threshold,
    unit: verdict.unit,
    evidence: verdict.evidence.map(({ at: time, value }) => ({
      at: timeText(time),
      value,
    })),
    began_at: beganAt,
    opened_at: timeText(at),
    acknowledged_at: null,
    acknowledged_by: null,
    note: null,
    resolved_at: null,
    inhibited_by: inhibitedBy,
    notified: [],
    simulated,
  };
}

export function resolveIncident(incident: Incident, at: number): Incident {
  if (incident.resolved_at !== null) return incident;
  return { ...incident, resolved_at: timeText(at), state: 'resolved' };
}

/** The first acknowledgement counts. One of a resolved incident is noted too. */
export function acknowledgeIncident(
  incident: Incident,
  by: string,
  note: string | null,
  at: number,
): Incident {
  if (incident.acknowledged_at !== null) return incident;
  const acknowledged = {
    ...incident,
    acknowledged_at: timeText(at),
    acknowledged_by: by.slice(0, NOTE_CHARACTERS_MAX),
    note: note?.slice(0, NOTE_CHARACTERS_MAX) ?? null,
  };
  return { ...acknowledged, state: stateOf(acknowledged) };
}

function stateOf(incident: Pick<Incident, 'resolved_at' | 'acknowledged_at'>): IncidentState {
  if (incident.resolved_at !== null) return 'resolved';
  return incident.acknowledged_at === null ? 'open' : 'acknowledged';
}

/**
 * What two processes know of one incident together, in whatever order they are joined: the first
 * acknowledgement, the first end, every message.
 */
export function joinIncidents(a: Incident, b: Incident): Incident {
  const first = before(a, b) ? a : b;
  const acknowledged = earlier(a, b, 'acknowledged_at');
  const resolved = earlier(a, b, 'resolved_at');
  const joined = {
    ...first,
    acknowledged_at: acknowledged.acknowledged_at,
    acknowledged_by: acknowledged.acknowledged_by,
    note: acknowledged.note,
    resolved_at: resolved.resolved_at,
    inhibited_by: a.inhibited_by === null || b.inhibited_by === null ? null : first.inhibited_by,
    notified: joinNotified(a.notified, b.notified),
  };
  return { ...joined, state: stateOf(joined) };
}

/** A total order of what does not change once the incident is open. */
function before(a: Incident, b: Incident): boolean {
  if (a.opened_at !== b.opened_at) return Date.parse(a.opened_at) < Date.parse(b.opened_at);
  return fixedParts(a) <= fixedParts(b);
}

function fixedParts(incident: Incident): string {
  const { notified: _, acknowledged_at: __, acknowledged_by: ___, note: ____, ...rest } = incident;
  const { resolved_at: _____, state: ______, inhibited_by, ...fixed } = rest;
  return JSON.stringify([fixed, inhibited_by]);
}

function earlier(a: Incident, b: Incident, name: 'acknowledged_at' | 'resolved_at'): Incident {
  const [timeA, timeB] = [a[name], b[name]];
  if (timeA === null || timeB === null) return timeA === null ? b : a;
  if (timeA !== timeB) return Date.parse(timeA) < Date.parse(timeB) ? a : b;
  const texts = [a, b].map(({ acknowledged_by, note }) => JSON.stringify([acknowledged_by, note]));
  return (texts[0] ?? '') <= (texts[1] ?? '') ? a : b;
}

const NOTIFIED_ORDER: readonly Notified['state'][] = ['waiting', 'given_up', 'sent'];

type Notification = Omit<Notified, 'state' | 'at'>;

export function notifiedKey({ channel, kind, number }: Notification): string {
  return `${kind}.${number}.${channel}`;
}

/** `AlertMessage.key` */
export function messageKey(incidentId: string, notification: Notification): string {
  return `${incidentId}.${notifiedKey(notification)}`;
}

function joinNotified(a: readonly Notified[], b: readonly Notified[]): Notified[] {
  const joined = new Map<string, Notified>();
  for (const one of [...a, ...b]) {
    const key = notifiedKey(one);
    const known = joined.get(key);
    if (known === undefined || isFarther(one, known)) joined.set(key, one);
  }
  return [...joined.values()].sort((x, y) => (notifiedKey(x) < notifiedKey(y) ? -1 : 1));
}

function isFarther(a: Notified, b: Notified): boolean {
  const order = NOTIFIED_ORDER.indexOf(a.state) - NOTIFIED_ORDER.indexOf(b.state);
  return order !== 0 ? order > 0 : Date.parse(a.at) < Date.parse(b.at);
}

/** To the second, so that texts are in the order of their times. */
export function timeText(at: number): string {
  return formatTime(new Date(Math.floor(at / 1_000) * 1_000));
}
