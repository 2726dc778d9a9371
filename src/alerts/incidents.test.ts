/** Two processes that know different parts of one incident agree, in whatever order they are joined. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Incident } from '../model/alerts.ts';
import { acknowledgeIncident, joinIncidents, resolveIncident } from './incidents.ts';
import { exampleIncident, START } from './testing/alerting.ts';

const minute = fc.integer({ min: 0, max: 3 }).map((minutes) => START + minutes * 60_000);
const notified = fc.record({
  channel: fc.constantFrom('mail', 'chat'),
  kind: fc.constantFrom('opened' as const, 'resolved' as const),
  number: fc.constant(1),
  state: fc.constantFrom('waiting' as const, 'sent' as const, 'given_up' as const),
  at: fc.constantFrom('2026-03-01T00:10:00Z', '2026-03-01T00:20:00Z'),
});
const incidents: fc.Arbitrary<Incident> = fc
  .record({
    acknowledged: fc.option(fc.tuple(fc.constantFrom('ann', 'ben'), minute)),
    resolved: fc.option(minute),
    value: fc.constantFrom(-1, -2),
    inhibited_by: fc.constantFrom(null, 'collecting-fails'),
    notified: fc.uniqueArray(notified, { selector: ({ channel, kind }) => `${kind}.${channel}` }),
  })
  .map(({ acknowledged, resolved, ...changes }) => {
    const opened = exampleIncident(changes);
    const seen = acknowledged
      ? acknowledgeIncident(opened, acknowledged[0], null, acknowledged[1])
      : opened;
    return resolved === null ? seen : resolveIncident(seen, resolved);
  });
/** `notified` is a set. */
const sorted = (incident: Incident) => ({
  ...incident,
  notified: incident.notified.map((one) => JSON.stringify(one)).sort(),
});
const join = (a: Incident, b: Incident) => sorted(joinIncidents(a, b));

test('joining is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(incidents, incidents, incidents, (a, b, c) => {
      assert.deepEqual(join(a, b), join(b, a));
      assert.deepEqual(join(joinIncidents(a, b), c), join(a, joinIncidents(b, c)));
      assert.deepEqual(join(a, a), sorted(a));
      assert.deepEqual(join(joinIncidents(a, b), b), join(a, b));
    }),
    { numRuns: 1_000 },
  );
});

test('an acknowledgement and an end are never lost, and the first of each counts', () => {
  fc.assert(
    fc.property(incidents, incidents, (a, b) => {
      const joined = joinIncidents(a, b);
      for (const name of ['acknowledged_at', 'resolved_at'] as const) {
        const times = [a[name], b[name]].filter((time) => time !== null).sort();
        assert.equal(joined[name], times[0] ?? null);
      }
      const isSent = (incident: Incident) =>
        incident.notified.filter(({ state }) => state === 'sent').length;
      assert.ok(isSent(joined) >= Math.max(isSent(a), isSent(b)));
    }),
  );
});
