import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleStatus } from '../api/testing/status.ts';
import { IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { startAlertLoop } from './alert-loop.ts';
import { openAlertStore } from './sqlite-store.ts';
import type { AlertStore } from './store.ts';
import {
  CITIES,
  exampleIncident,
  FROST,
  MINUTE,
  NO_FACTS,
  observed,
  ruleOf,
  START,
} from './testing/alerting.ts';

/** A loop of one rule that looks only when it is asked to, at the time of the last observation. */
async function startLoop(store: AlertStore) {
  let now = START;
  const loop = await startAlertLoop({
    ...{ rules: [ruleOf({ ...FROST, resolve_after: '0s' })], store, cities: () => CITIES },
    facts: { ...NO_FACTS, refresh: async () => {} },
    status: async () => exampleStatus(),
    engines: () => [],
    history: async () => [],
    refreshMs: () => null,
    onChange: () => {},
    simulated: false,
    lookMs: 3_600_000,
    logger: silentLogger,
    clock: () => now,
  });
  const take = async (minutes: number, city: string, temperature_c: number) => {
    now = START + minutes * MINUTE;
    loop.observe([observed(city, minutes, { temperature_c })]);
    await loop.look();
  };
  return { loop, take };
}

test('what could not be written while the disk was full is written afterwards', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-alert-loop-'));
  let isFull = false;
  using store = openAlertStore(folder);
  const apply = store.apply.bind(store);
  store.apply = (change) =>
    isFull ? Promise.reject(new IsobarError('DISK_FULL', folder)) : apply(change);
  const { loop, take } = await startLoop(store);
  const states = () =>
    store.incidents({ limit: 10 }).map(({ city_id, state }) => `${city_id} ${state}`);
  try {
    await take(0, 'london', -2);
    assert.deepEqual(states(), ['london open']);

    isFull = true;
    await take(10, 'london', 5);
    await take(20, 'berlin', -3);
    // This one begins and ends before anything can be written again.
    await take(30, 'paris', -4);
    await take(40, 'paris', 4);
    assert.equal(loop.failure?.code, 'DISK_FULL');
    assert.deepEqual(states(), ['london open']);

    isFull = false;
    await loop.look();
    assert.equal(loop.failure, null);
    assert.deepEqual(states(), ['berlin open', 'london resolved']);
    const waiting = store.due('mail', Number.MAX_SAFE_INTEGER, 10);
    assert.deepEqual(waiting.map(({ kind, incident }) => `${incident.city_id} ${kind}`).sort(), [
      'berlin opened',
      'london opened',
      'london resolved',
    ]);

    await take(50, 'berlin', 3);
    assert.deepEqual(states(), ['berlin resolved', 'london resolved']);
  } finally {
    await loop.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what another process opened is gone on with: not opened again, and resolved here', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-alert-loop-'));
  using store = openAlertStore(folder);
  const { loop, take } = await startLoop(store);
  const found = () =>
    store
      .incidents({ limit: 10 })
      .map(({ incident_id, state }) => `${incident_id} ${state}`)
      .sort();
  const opened = (city_id: string) =>
    exampleIncident({ incident_id: `of ${city_id}`, city_id, opened_at: '2026-03-01T00:00:00Z' });
  try {
    // They come from the lake once it is back: whoever opened them has gone.
    await store.join([opened('london'), opened('berlin')]);
    await take(10, 'london', -4);
    assert.deepEqual(found(), ['of berlin open', 'of london open']);
    await take(20, 'berlin', 5);
    assert.deepEqual(found(), ['of berlin resolved', 'of london open']);
    await take(30, 'london', 5);
    assert.deepEqual(found(), ['of berlin resolved', 'of london resolved']);
    await take(40, 'london', -4);
    assert.equal(found().length, 3);
  } finally {
    await loop.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
