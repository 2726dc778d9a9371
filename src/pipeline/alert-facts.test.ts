import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { needsOf } from '../alerts/evaluate.ts';
import { loadConfig } from '../config/load.ts';
import type { City } from '../model/city.ts';
import { formatRecord } from '../model/observation.ts';
import type { Stretch } from '../model/outages.ts';
import { formatTime } from '../model/time-zone.ts';
import { observation } from '../table/testing/lake.ts';
import { openAlertFacts } from './alert-facts.ts';
import { openWorkspace } from './workspace.ts';

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const ZERO = Date.parse(observation('x', 0).observed_at);
const cityOf = (city_id: string): City => ({
  ...{ city_id, name: city_id, country: 'XX', time_zone: 'UTC' },
  latitude: 0,
  longitude: 0,
});

test('availability of a station leaves out what isobar did not ask for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-facts-'));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  try {
    await using workspace = await openWorkspace(config, false);
    const log = await workspace.log();
    // A day of hours: one city lacks six, another has been silent for months.
    for (let hour = 0; hour < 24; hour += 1) {
      if (hour >= 6 && hour < 12) continue;
      const value = formatRecord(observation('oslo', hour * HOUR_S, { interval_s: HOUR_S }));
      await log.append([{ key: 'oslo', value }]);
    }
    const old = observation('cairo', -100 * DAY_S, { interval_s: HOUR_S });
    await log.append([{ key: 'cairo', value: formatRecord(old) }]);
    const sink = await workspace.sink();
    for (let partition = 0; partition < log.partitionCount; partition += 1) {
      await sink.land(partition);
    }
    let stretches: Stretch[] = [];
    const cities = ['oslo', 'cairo', 'lima'].map(cityOf);
    const facts = () =>
      openAlertFacts(
        workspace,
        () => cities,
        async () => stretches,
      );
    const needs = needsOf([{ kind: 'availability', below_pct: 90, over: 'day' }]);
    const now = ZERO + 24 * HOUR_S * 1_000;

    const unknown = await facts();
    await unknown.refresh({ needs }, now);
    assert.equal(unknown.availability('oslo', 'day'), 75);
    assert.equal(unknown.availability('cairo', 'day'), 0);
    assert.equal(unknown.availability('lima', 'day'), null, 'nothing was expected of it');
    assert.equal(unknown.stoppedMs(ZERO, now), 0);

    const stretch = (from: number, to: number, activity: Stretch['activity']): Stretch => ({
      stretch_id: `${from}`,
      began_at: new Date(ZERO + from * HOUR_S * 1_000).toISOString(),
      ended_at: new Date(ZERO + to * HOUR_S * 1_000).toISOString(),
      activity,
      reason: '',
    });
    stretches = [
      stretch(-200 * 24, 6, 'collecting'),
      stretch(9, 10, 'paused'),
      stretch(10, 24, 'collecting'),
    ];
    const known = await facts();
    await known.refresh({ needs }, now);
    // Four of the six were missed while isobar did not run or was paused.
    assert.equal(known.availability('oslo', 'day'), (100 * 18) / 20);
    assert.equal(known.stoppedMs(ZERO, now), 4 * HOUR_S * 1_000);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('flags and events of the newest publication are those that rules look at', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-facts-'));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  try {
    await using workspace = await openWorkspace(config, false);
    const log = await workspace.log();
    const hours = 25 * 24;
    const values = Array.from({ length: hours }, (_, hour) => {
      const daily = 10 + 5 * Math.sin((2 * Math.PI * hour) / 24) + ((hour * 7) % 11) / 20;
      // A spike, and three hours that are far too cold.
      const isCold = hour >= hours - 60 && hour < hours - 57;
      const odd = hour === hours - 30 ? 35 : isCold ? -9 : 0;
      const changes = { temperature_c: daily + odd, interval_s: HOUR_S };
      return formatRecord(observation('oslo', hour * HOUR_S, changes));
    });
    await log.append(values.map((value) => ({ key: 'oslo', value })));
    const sink = await workspace.sink();
    for (let partition = 0; partition < log.partitionCount; partition += 1) {
      await sink.land(partition);
    }
    await workspace.cities.remember([{ ...cityOf('oslo'), source: 'openweather' }]);
    const facts = await openAlertFacts(
      workspace,
      () => [cityOf('oslo')],
      async () => [],
    );
    const now = ZERO + hours * HOUR_S * 1_000;
    const needs = needsOf([
      { kind: 'quality', within: '3d' },
      { kind: 'event', within: '3d' },
    ]);
    await facts.refresh({ needs }, now);
    assert.deepEqual([facts.flags('oslo'), facts.events('oslo')], [null, null]);
    const refresher = await workspace.refresher();
    await refresher.refresh();
    await refresher.check();
    assert.equal(await refresher.judge(1), 1);
    await refresher.refresh();
    await facts.refresh({ needs }, now);
    const spike = formatTime(new Date(now - 30 * HOUR_S * 1_000));
    assert.ok(facts.flags('oslo')?.some(({ observed_at }) => observed_at === spike));
    assert.deepEqual(
      facts.events('oslo')?.map((event) => event.class),
      ['sensor_fault', 'unexplained'],
    );
    assert.deepEqual([facts.flags('lima'), facts.events('lima')], [[], []]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
