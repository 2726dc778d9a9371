/** What a message says, in parts that each format puts together in its own way. */
import type { Incident, Severity } from '../model/alerts.ts';
import { formatTime, zoneOffsetSeconds } from '../model/time-zone.ts';
import { oneLine } from '../printable.ts';
import type { AlertMessage } from './channel.ts';
import { cut } from './escape.ts';

/** All texts are on one line, without characters that steer, and of limited length. */
export interface MessageText {
  readonly subject: string;
  /** Says that the data is made up; null when it is not. */
  readonly warning: string | null;
  readonly summary: string;
  /** Name and value of each fact. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** The values that caused it, oldest first. */
  readonly evidence: readonly string[];
  readonly url: string | null;
  /** The command that acknowledges it; null once it was acknowledged or is over, and for tests. */
  readonly acknowledge: string | null;
}

/** The `rule_version` of a test's incident: it is not stored, so it cannot be acknowledged. */
export const TEST_VERSION = '0';

const SUBJECT_MAX = 200;
const SUMMARY_MAX = 1_000;
const VALUE_MAX = 500;
const SUBJECTS_SHOWN = 10;
const EVIDENCE_SHOWN = 12;
const SIMULATED = 'SIMULATED: this is made-up data, not an observation.';

const BEGINNINGS = {
  opened: '',
  repeated: 'Reminder: ',
  escalated: 'Escalated: ',
  resolved: 'Resolved: ',
} as const satisfies Record<AlertMessage['kind'], string>;

/** `timeZone` is that of the incident's city, if it is known. */
export function messageText(message: AlertMessage, timeZone: string | null = null): MessageText {
  const { incident, kind, url } = message;
  const isStored = incident.rule_version !== TEST_VERSION;
  const isOpen = isStored && incident.state === 'open' && kind !== 'resolved';
  return {
    subject: subjectOf(message),
    warning: incident.simulated ? SIMULATED : null,
    // Receivers refuse texts that are blank.
    summary: line(isBlank(incident.summary) ? 'An incident' : incident.summary, SUMMARY_MAX),
    facts: factsOf(incident, timeZone).map(([name, value]) => [name, line(value, VALUE_MAX)]),
    evidence: incident.evidence.slice(-EVIDENCE_SHOWN).map(({ at, value }) => {
      const shown = value === null ? 'missing' : formatAmount(value, incident.unit);
      return line(`${timeOf(at)}: ${shown}`, VALUE_MAX);
    }),
    url: url !== null && /^https?:/.test(url) ? line(url, SUMMARY_MAX) : null,
    acknowledge: isOpen ? line(`isobar alerts ack ${incident.incident_id}`, VALUE_MAX) : null,
  };
}

/** `SIMULATED Reminder: CRITICAL heat, London: 31.2 °C is above 30 °C`; the city is named once. */
function subjectOf({ incident, kind }: AlertMessage): string {
  const simulated = incident.simulated ? 'SIMULATED ' : '';
  const severity = kind === 'resolved' ? '' : `${incident.severity.toUpperCase()} `;
  const city = incident.city === null ? '' : `, ${incident.city}`;
  const named = `${incident.city}: `;
  const isNamed = incident.city !== null && incident.summary.startsWith(named);
  const summary = isNamed ? incident.summary.slice(named.length) : incident.summary;
  const what = `${severity}${incident.rule}${city}: ${summary}`;
  return line(`${simulated}${BEGINNINGS[kind]}${what}`, SUBJECT_MAX);
}

function factsOf(incident: Incident, timeZone: string | null): [string, string][] {
  const { unit, subjects } = incident;
  const facts: [string, string | null][] = [
    ['Severity', incident.severity],
    ['Rule', incident.rule],
    ['City', incident.city ?? incident.city_id],
    ['Concerns', incident.city_id === null && subjects.length > 0 ? listOf(subjects) : null],
    ['Value', incident.value === null ? null : formatAmount(incident.value, unit)],
    ['Threshold', incident.threshold === null ? null : formatAmount(incident.threshold, unit)],
    ['Since', timeOf(incident.began_at, timeZone)],
    ['Resolved', incident.resolved_at && timeOf(incident.resolved_at, timeZone)],
    ['Acknowledged', incident.acknowledged_at && timeOf(incident.acknowledged_at, timeZone)],
    ['Acknowledged by', incident.acknowledged_by],
    ['Note', incident.note],
    ['Incident', incident.incident_id],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null && !isBlank(fact[1]));
}

const isBlank = (text: string) => text.trim() === '';

function listOf(subjects: readonly string[]): string {
  const more = subjects.length - SUBJECTS_SHOWN;
  const listed = subjects.slice(0, SUBJECTS_SHOWN).join(', ');
  return more > 0 ? `${listed} and ${more} more` : listed;
}

/** `31.2 °C`: two digits after the point at most, more only for what is smaller. */
export function formatAmount(value: number, unit: string | null): string {
  const rounded = Math.abs(value) < 0.1 ? Number(value.toPrecision(2)) : Number(value.toFixed(2));
  return unit === null || unit === '' ? `${rounded}` : `${rounded} ${unit}`;
}

/** `2024-10-31 14:00 UTC (2024-10-31 10:00 in the city)` */
function timeOf(time: string, timeZone: string | null = null): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const utc = `${minutesOf(at)} UTC`;
  if (timeZone === null) return utc;
  const local = new Date(at.getTime() + zoneOffsetSeconds(timeZone, at) * 1_000);
  return `${utc} (${minutesOf(local)} in the city)`;
}

const minutesOf = (at: Date) => formatTime(at).slice(0, 16).replace('T', ' ');

function line(text: string, max: number): string {
  return cut(oneLine(text), max);
}

/** The whole message as lines of text; what is beyond the limit is cut from the values. */
export function plainText(text: MessageText): string {
  const lines = [
    ...(text.warning === null ? [] : [text.warning, '']),
    ...[text.summary, ''],
    ...text.facts.map(([name, value]) => `${name}: ${value}`),
    ...(text.evidence.length === 0
      ? []
      : ['', 'Values:', ...text.evidence.map((one) => `  ${one}`)]),
    ...(text.url === null ? [] : ['', text.url]),
    ...(text.acknowledge === null ? [] : ['', `Acknowledge: ${text.acknowledge}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** For formats with colours. */
const COLOURS: Readonly<Record<Severity | 'resolved', number>> = {
  critical: 0xc62828,
  warning: 0xef6c00,
  info: 0x1565c0,
  resolved: 0x2e7d32,
};

export function colourOf({ kind, incident }: AlertMessage): number {
  return COLOURS[kind === 'resolved' ? 'resolved' : incident.severity];
}
