/** Which messages about an incident are due: decided from what is recorded of it alone. */
import type { Incident, MessageKind, Notified } from '../model/alerts.ts';
import { messageKey } from './incidents.ts';
import type { Rule } from './rules.ts';

export interface Silence {
  readonly silence_id: string;
  /** Null: all rules. */
  readonly rule: string | null;
  /** Null: all cities, and the system. */
  readonly city_id: string | null;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly by: string;
  readonly note: string | null;
}

export interface DueMessage {
  /** `AlertMessage.key` */
  readonly key: string;
  readonly channel: string;
  readonly kind: MessageKind;
  /** 0: the one that is sent again and again because its channel wants it. */
  readonly number: number;
}

export interface PlanFacts {
  /** Null when the rule has gone: then only the end is sent. */
  readonly rule: Rule | null;
  readonly silences: readonly Silence[];
  readonly now: number;
  /** Channels that want an open incident again after this time, whatever the rule says. */
  readonly refreshMs?: (channel: string) => number | null;
}

/** In the order in which they are to be sent. Nothing while the incident is silenced or inhibited. */
export function dueMessages(incident: Incident, facts: PlanFacts): DueMessage[] {
  const { rule, now } = facts;
  const isOver = incident.resolved_at !== null;
  if (isOver) return resolved(incident);
  if (rule === null || incident.inhibited_by !== null || isSilenced(incident, facts)) return [];
  const messages = rule.channels
    .filter((channel) => countOf(incident, 'opened', channel) === 0)
    .map((channel) => message(incident, 'opened', 1, channel));
  if (messages.length > 0) return messages;
  return [...repeated(incident, facts), ...escalated(incident, rule, now)];
}

export function isSilenced(
  incident: Pick<Incident, 'rule' | 'city_id'>,
  { silences, now }: Pick<PlanFacts, 'silences' | 'now'>,
): boolean {
  return silences.some(
    ({ rule, city_id, from, until }) =>
      (rule === null || rule === incident.rule) &&
      (city_id === null || city_id === incident.city_id) &&
      from <= now &&
      now < until,
  );
}

/** To each channel that was sent the begin, or has it waiting. */
function resolved(incident: Incident): DueMessage[] {
  const begun = incident.notified.filter(({ kind }) => kind === 'opened' || kind === 'escalated');
  return [...new Set(begun.map(({ channel }) => channel))]
    .filter((channel) => countOf(incident, 'resolved', channel) === 0)
    .map((channel) => message(incident, 'resolved', 1, channel));
}

function repeated(incident: Incident, { rule, now, refreshMs }: PlanFacts): DueMessage[] {
  return (rule?.channels ?? []).flatMap((channel) => {
    const refresh = refreshMs?.(channel) ?? null;
    const repeat = incident.acknowledged_at === null ? (rule?.repeatMs ?? null) : null;
    const everyMs = refresh ?? repeat;
    const last = lastOf(incident, channel);
    if (everyMs === null || last === null || now - last < everyMs) return [];
    const number = refresh === null ? countOf(incident, 'repeated', channel) + 1 : 0;
    return [message(incident, 'repeated', number, channel)];
  });
}

function escalated(incident: Incident, { escalate }: Rule, now: number): DueMessage[] {
  if (escalate === null || incident.acknowledged_at !== null) return [];
  const first = Math.min(
    ...incident.notified.filter(({ kind }) => kind === 'opened').map(({ at }) => Date.parse(at)),
  );
  if (!(now - Math.max(first, Date.parse(incident.opened_at)) >= escalate.afterMs)) return [];
  return escalate.channels
    .filter((channel) => countOf(incident, 'escalated', channel) === 0)
    .map((channel) => message(incident, 'escalated', 1, channel));
}

function countOf({ notified }: Incident, kind: MessageKind, channel: string): number {
  return notified.filter((one) => one.kind === kind && one.channel === channel).length;
}

function lastOf({ notified }: Incident, channel: string): number | null {
  const times = notified
    .filter((one): one is Notified => one.channel === channel && one.kind !== 'escalated')
    .map(({ at }) => Date.parse(at));
  return times.length === 0 ? null : Math.max(...times);
}

function message(
  incident: Incident,
  kind: MessageKind,
  number: number,
  channel: string,
): DueMessage {
  const notification = { channel, kind, number };
  return { key: messageKey(incident.incident_id, notification), ...notification };
}
