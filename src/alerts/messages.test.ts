/** Who is sent what about an incident, and how often. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AlertRule, Incident } from '../model/alerts.ts';
import { formatTime } from '../model/time-zone.ts';
import { acknowledgeIncident, notifiedKey, resolveIncident } from './incidents.ts';
import { dueMessages, type PlanFacts } from './messages.ts';
import { exampleIncident, FROST, HOUR, MINUTE, ruleOf, START } from './testing/alerting.ts';

const OPENED = START + 10 * MINUTE;

/** Sends what is due every minute: `opened mail 0`, with the minutes since it opened. */
function follow(
  rule: AlertRule,
  minutes: number,
  change: (incident: Incident, minute: number) => Incident = (incident) => incident,
  facts: Partial<PlanFacts> = {},
): string[] {
  let incident = exampleIncident();
  const sent: string[] = [];
  for (let minute = 0; minute <= minutes; minute++) {
    const now = OPENED + minute * MINUTE;
    incident = change(incident, minute);
    const plan = { rule: ruleOf(rule), silences: [], ...facts, now };
    for (const { kind, channel, number } of dueMessages(incident, plan)) {
      sent.push(`${kind} ${channel} ${minute}`);
      const at = formatTime(new Date(now));
      const one = { channel, kind, number, state: 'sent' as const, at };
      const others = incident.notified.filter((other) => notifiedKey(other) !== notifiedKey(one));
      incident = { ...incident, notified: [...others, one] };
    }
  }
  return sent;
}

describe('messages about an incident', () => {
  test('each channel of the rule is sent its begin and its end once', () => {
    const rule = { ...FROST, channels: ['mail', 'chat'] };
    const end = (incident: Incident, minute: number) =>
      minute === 30 ? resolveIncident(incident, OPENED + 30 * MINUTE) : incident;
    assert.deepEqual(follow(rule, 120, end), [
      'opened mail 0',
      'opened chat 0',
      'resolved mail 30',
      'resolved chat 30',
    ]);
  });

  test('it is repeated until it is acknowledged', () => {
    const acknowledge = (incident: Incident, minute: number) =>
      minute === 130 ? acknowledgeIncident(incident, 'ann', null, START) : incident;
    assert.deepEqual(follow({ ...FROST, repeat: '1h' }, 300, acknowledge), [
      'opened mail 0',
      'repeated mail 60',
      'repeated mail 120',
    ]);
  });

  test('it is escalated once when it is not acknowledged in time', () => {
    const rule = { ...FROST, escalate: { after: '30m', channels: ['sms'] } };
    assert.deepEqual(follow(rule, 120), ['opened mail 0', 'escalated sms 30']);
    const acknowledge = (incident: Incident, minute: number) =>
      minute === 29 ? acknowledgeIncident(incident, 'ann', null, START) : incident;
    assert.deepEqual(follow(rule, 120, acknowledge), ['opened mail 0']);
  });

  test('a silence holds messages back until it ends', () => {
    const silence = {
      silence_id: 's',
      rule: 'frost',
      city_id: null,
      from: START,
      until: OPENED + HOUR,
      by: 'ann',
      note: null,
    };
    assert.deepEqual(follow(FROST, 90, undefined, { silences: [silence] }), ['opened mail 60']);
    const other = { ...silence, city_id: 'tokyo' };
    assert.deepEqual(follow(FROST, 90, undefined, { silences: [other] }), ['opened mail 0']);
  });

  test('nothing is sent of what another incident explains, nor of its end', () => {
    const inhibit = (incident: Incident, minute: number) =>
      minute === 0
        ? { ...incident, inhibited_by: 'collecting-fails' }
        : minute === 50
          ? resolveIncident(incident, OPENED + 50 * MINUTE)
          : incident;
    assert.deepEqual(follow(FROST, 90, inhibit), []);
  });

  test('a channel that needs an open incident again gets it, acknowledged or not', () => {
    const facts = { refreshMs: (channel: string) => (channel === 'mail' ? 20 * MINUTE : null) };
    const acknowledge = (incident: Incident, minute: number) =>
      minute === 5 ? acknowledgeIncident(incident, 'ann', null, START) : incident;
    assert.deepEqual(follow(FROST, 45, acknowledge, facts), [
      'opened mail 0',
      'repeated mail 20',
      'repeated mail 40',
    ]);
  });

  test('of a rule that has gone only the end is sent', () => {
    assert.deepEqual(follow(FROST, 10, undefined, { rule: null }), []);
  });
});
