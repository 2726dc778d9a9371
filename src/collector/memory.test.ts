import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { silentLogger } from '../logger.ts';
import type { Observation } from '../model/observation.ts';
import { openCollectorMemory } from './memory.ts';

const observation = (observed_at: string, temperature_c: number | null): Observation => ({
  city_id: 'here',
  city: 'Here',
  country: '',
  observed_at,
  collected_at: observed_at,
  source: 'test',
  interval_s: 600,
  utc_offset_s: 0,
  provider_city_id: null,
  response: 'long',
  temperature_c,
});

describe('the collector’s memory', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'isobar-memory-'));
  });
  after(() => rm(root, { recursive: true }));

  test('knows the last answers of a city by time and content, also when opened again', () => {
    const folder = join(root, 'again');
    const times = [0, 10, 20, 30, 40].map((minute) => `2026-11-23T16:${minute || '00'}:00Z`);
    {
      using memory = openCollectorMemory(folder);
      assert.equal(memory.newestOf('here'), null);
      for (const time of times) {
        assert.equal(memory.knows(observation(time, 1)), false);
        memory.remember(observation(time, 1), 15_000);
      }
    }
    using memory = openCollectorMemory(folder);
    const known = times.map((time) => memory.knows(observation(time, 1)));
    assert.deepEqual(known, [false, true, true, true, true]);
    assert.equal(memory.knows(observation(times[4] ?? '', 2)), false);
    assert.equal(memory.knows(observation(times[4] ?? '', null)), false);
    assert.equal(memory.knows({ ...observation(times[4] ?? '', 1), collected_at: 'later' }), true);
    assert.deepEqual(memory.newestOf('here'), { observedAt: times[4], lagMs: 15_000 });
    assert.equal(memory.newestOf('there'), null);
  });

  test('a damaged file is begun anew, with a word about it', async () => {
    const folder = join(root, 'damaged');
    {
      using memory = openCollectorMemory(folder);
      memory.remember(observation('2026-11-23T16:00:00Z', 1), 0);
    }
    await writeFile(join(folder, 'answers.sqlite'), 'this is not a database '.repeat(400));
    const warnings: unknown[] = [];
    const logger = { ...silentLogger, warn: (...words: unknown[]) => void warnings.push(words) };
    using memory = openCollectorMemory(folder, logger);
    assert.equal(warnings.length, 1);
    assert.equal(memory.newestOf('here'), null);
    memory.remember(observation('2026-11-23T16:00:00Z', 1), 0);
    assert.ok(memory.knows(observation('2026-11-23T16:00:00Z', 1)));
  });
});
