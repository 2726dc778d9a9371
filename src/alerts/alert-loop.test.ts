import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleStatus } from '../api/testing/api.ts';
import { IsobarError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { startAlertLoop } from './alert-loop.ts';
import { openAlertStore } from './sqlite-store.ts';
import { CITIES, FROST, MINUTE, NO_FACTS, observed, ruleOf, START } from './testing/alerting.ts';

test('what could not be written while the disk was full is written afterwards', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-alert-loop-'));
  let isFull = false;
  let now = START;
  using store = openAlertStore(folder);
  const apply = store.apply.bind(store);
  store.apply = (change) =>
    isFull ? Promise.reject(new IsobarError('DISK_FULL', folder)) : apply(change);
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
