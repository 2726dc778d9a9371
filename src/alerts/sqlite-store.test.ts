/** The store of alerts: what is in it survives, and messages wait exactly once. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Incident } from '../model/alerts.ts';
import { acknowledgeIncident, resolveIncident } from './incidents.ts';
import { openAlertStore } from './sqlite-store.ts';
import type { AlertStore } from './store.ts';
import { exampleIncident, MINUTE, START } from './testing/alerting.ts';

const ID = exampleIncident().incident_id;
const folder = () => mkdtempSync(join(tmpdir(), 'isobar-alerts-'));
const NOTHING = { incidents: [], messages: [], tracks: null, at: START };
const message = (channel: string, kind: 'opened' | 'resolved' = 'opened') => ({
  key: `${ID}.${kind}.1.${channel}`,
  incidentId: ID,
  channel,
  kind,
  number: 1,
});

/** When the next message of the channel is due; null when none waits. */
function nextAt(store: AlertStore, channel: string): number | null {
  return store.due(channel, Number.MAX_SAFE_INTEGER, 1)[0]?.nextAt ?? null;
}

async function opened(): Promise<AlertStore> {
  const store = openAlertStore(folder());
  await store.apply({
    ...NOTHING,
    incidents: [exampleIncident()],
    messages: [message('mail'), message('chat')],
  });
  return store;
}

describe('the store of alerts', () => {
  test('keeps incidents, messages and tracks over a restart', async () => {
    const place = folder();
    const track = { phase: 'pending', since: START, clearSince: null, at: START } as const;
    const tracks = [{ rule: 'frost', version: '1', subject: 'london', track }];
    {
      using store = openAlertStore(place);
      const incidents = [exampleIncident()];
      await store.apply({ ...NOTHING, incidents, messages: [message('mail')], tracks });
    }
    using store = openAlertStore(place);
    const found = store.incident(ID);
    assert.deepEqual({ ...found, notified: [] }, exampleIncident());
    assert.deepEqual(found?.notified, [
      { channel: 'mail', kind: 'opened', number: 1, state: 'waiting', at: '2026-03-01T00:00:00Z' },
    ]);
    assert.deepEqual(store.tracks(), tracks);
    assert.deepEqual(
      store.due('mail', START, 10).map(({ key }) => key),
      [`${ID}.opened.1.mail`],
    );
  });

  test('a message that was put in twice waits once, and one that was sent does not come back', async () => {
    using store = await opened();
    await store.apply({ ...NOTHING, messages: [message('mail')] });
    assert.equal(store.due('mail', START, 10).length, 1);
    await store.sent(`${ID}.opened.1.mail`, START);
    await store.apply({ ...NOTHING, messages: [message('mail')] });
    assert.equal(store.due('mail', START, 10).length, 0);
    assert.equal(store.due('chat', START, 10).length, 1);
  });

  test('one that its channel wants again is one message, and no change of the incident', async () => {
    using store = await opened();
    const again = {
      ...message('mail'),
      key: `${ID}.repeated.0.mail`,
      kind: 'repeated',
      number: 0,
    } as const;
    const { revision } = store.unshared(1)[0] ?? { revision: 0 };
    for (const minute of [1, 2, 3]) {
      const at = START + minute * MINUTE;
      await store.apply({ ...NOTHING, messages: [again], at });
      assert.equal(store.due('mail', at, 10).length, 2);
      await store.sent(again.key, at);
      assert.equal(store.due('mail', at, 10).length, 1);
    }
    assert.equal(store.incident(ID)?.notified.length, 3);
    assert.equal(store.unshared(1)[0]?.revision, revision);
  });

  test('a message that failed waits until its time; given up, it goes to the fallback once', async () => {
    using store = await opened();
    const key = `${ID}.opened.1.mail`;
    await store.failed(key, START + MINUTE, 'no answer');
    assert.equal(store.due('mail', START, 10).length, 0);
    assert.equal(nextAt(store, 'mail'), START + MINUTE);
    assert.equal(store.due('mail', START + MINUTE, 10)[0]?.attempts, 1);
    await store.givenUp(key, START, 'refused', 'sms');
    await store.givenUp(key, START, 'refused', 'sms');
    assert.equal(nextAt(store, 'mail'), null);
    assert.deepEqual(
      store.due('sms', START, 10).map((entry) => entry.key),
      [`${ID}.opened.1.sms`],
    );
  });

  test('what another process sent is not sent again; what waits there is sent here', async () => {
    using store = openAlertStore(folder());
    const notified = (['mail', 'chat'] as const).map((channel) => ({
      channel,
      kind: 'opened' as const,
      number: 1,
      state: channel === 'mail' ? ('sent' as const) : ('waiting' as const),
      at: '2026-03-01T00:10:00Z',
    }));
    await store.join([exampleIncident({ notified })]);
    await store.apply({ ...NOTHING, messages: [message('mail'), message('chat')] });
    assert.equal(store.due('mail', START, 10).length, 0);
    assert.equal(store.due('chat', START, 10).length, 1);
  });

  test('what was shared is not shared again until it changes, also while it is being shared', async () => {
    using store = await opened();
    const [first] = store.unshared(10);
    const { revision } = first ?? assert.fail('nothing to share');
    await store.apply({ ...NOTHING, incidents: [resolveIncident(exampleIncident(), START)] });
    await store.markShared([{ id: ID, revision }]);
    const [second] = store.unshared(10);
    assert.equal(second?.incident.state, 'resolved');
    await store.markShared([{ id: ID, revision: second.revision }]);
    assert.deepEqual(store.unshared(10), []);
    // A copy of our own says nothing new.
    await store.join([{ ...second.incident }]);
    assert.deepEqual(store.unshared(10), []);
    await store.sent(`${ID}.opened.1.mail`, START);
    assert.equal(store.unshared(10).length, 1);
  });

  test('lists by state, rule, city and time, newest first, page by page', async () => {
    using store = openAlertStore(folder());
    const incidents = Array.from({ length: 25 }, (_, index): Incident => {
      const opened_at = new Date(START + Math.floor(index / 2) * MINUTE).toISOString();
      const incident = exampleIncident({
        incident_id: `id-${index}`,
        opened_at,
        city_id: index % 3 === 0 ? 'tokyo' : 'london',
        severity: index % 5 === 1 || index === 0 ? 'critical' : 'warning',
      });
      return index % 5 === 0 ? acknowledgeIncident(incident, 'ann', null, START) : incident;
    });
    await store.apply({ ...NOTHING, incidents });
    const ids: string[] = [];
    for (let last: Incident | undefined; ; ) {
      const after = last && { openedAt: last.opened_at, incidentId: last.incident_id };
      const page = store.incidents({ limit: 4, ...(after && { after }) });
      ids.push(...page.map(({ incident_id }) => incident_id));
      last = page.at(-1);
      if (page.length < 4) break;
    }
    const expected = incidents
      .toSorted(
        (a, b) =>
          Date.parse(b.opened_at) - Date.parse(a.opened_at) ||
          (a.incident_id < b.incident_id ? 1 : -1),
      )
      .map(({ incident_id }) => incident_id);
    assert.deepEqual(ids, expected);
    assert.equal(store.incidents({ states: ['acknowledged'], limit: 100 }).length, 5);
    assert.equal(store.incidents({ cities: ['tokyo'], limit: 100 }).length, 9);
    const from = new Date(START + 10 * MINUTE).toISOString();
    assert.equal(store.incidents({ from, limit: 100 }).length, 5);
    assert.deepEqual(store.counts(), {
      open: 20,
      acknowledged: 5,
      resolved: 0,
      critical: 5,
    });
  });

  test('forgets what is resolved and old, and nothing else', async () => {
    using store = await opened();
    assert.equal(await store.forget('2027-01-01T00:00:00Z'), 0);
    await store.apply({ ...NOTHING, incidents: [resolveIncident(exampleIncident(), START)] });
    assert.equal(await store.forget('2026-01-01T00:00:00Z'), 0);
    assert.equal(await store.forget('2027-01-01T00:00:00Z'), 1);
    assert.equal(store.incident(ID), null);
    assert.equal(nextAt(store, 'mail'), null);
  });

  test('a silence ends by itself and by request', async () => {
    using store = openAlertStore(folder());
    const silence = {
      silence_id: 's1',
      rule: null,
      city_id: 'london',
      from: START,
      until: START + 10 * MINUTE,
      by: 'ann',
      note: 'moving the station',
    };
    await store.silence(silence);
    assert.deepEqual(store.silences(START), [silence]);
    assert.deepEqual(store.silences(START + 10 * MINUTE), []);
    assert.equal(await store.endSilence('s1', START + MINUTE), true);
    assert.deepEqual(store.silences(START + MINUTE), []);
    assert.equal(await store.endSilence('other', START), false);
  });

  test('a damaged file is named, with what to do', () => {
    const place = folder();
    writeFileSync(
      join(place, 'alerts.sqlite'),
      'not a database, and long enough to be read as one'.repeat(40),
    );
    assert.throws(() => openAlertStore(place), { code: 'ALERTS_CORRUPT' });
  });
});
