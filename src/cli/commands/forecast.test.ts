import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeLatest } from '../../forecast/latest.ts';
import { openScores, skillOf } from '../../forecast/scores.ts';
import { openLocalStorage } from '../../lake/local.ts';
import { type CityForecast, HORIZONS } from '../../model/forecast.ts';
import { buildProgram } from '../program.ts';
import { openTestEnvironment } from '../testing/environment.ts';

const { signal } = new AbortController();
let data = '';
before(() => {
  data = mkdtempSync(join(tmpdir(), 'isobar-forecast-'));
});
after(() => rmSync(data, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<string> {
  const { environment, printed } = openTestEnvironment({ signal });
  const common = ['--data', data, '--log-level', 'error'];
  await buildProgram(environment).parseAsync([...args, ...common], { from: 'user' });
  return printed.stdout;
}

function forecast(city: string): CityForecast {
  const list = (by: number) => Array.from({ length: HORIZONS }, (_, at) => at + by);
  return {
    ...{ city_id: city, variable: 'temperature_c', issued_at: '2024-10-31T14:00:00Z' },
    ...{ learned_days: 9, needed_days: 28, late_hours: 0 },
    ...{ median: list(0), low: list(-1), high: list(1) },
    model: list(0).map(() => 'smoothing' as const),
    switches: [
      {
        ...{ horizon_h: 24, since: '2024-10-30T00:00:00Z', from_model: 'learned' },
        ...{ to_model: 'smoothing', from_mae: 1.5, to_mae: 1.4 },
      },
    ],
    skill: skillOf(openScores(), openScores()).map((skill) =>
      skill.horizon_h === 24 ? { ...skill, n: 9, mae: 1.44, persistence_mae: 2.61 } : skill,
    ),
  };
}

test('without a forecast it says so, and names a city that is unknown', async () => {
  await assert.rejects(run('forecast'), /there is not yet a forecast; `isobar status` says/);
  await assert.rejects(run('forecast', 'nowhere'), { code: 'CITY_UNKNOWN' });
});

test('prints the hours of a city, its errors and its changes of model', async () => {
  await using storage = await openLocalStorage(join(data, 'lake'));
  await writeLatest(storage, [forecast('oslo'), forecast('cairo')]);
  const one = await run('forecast', 'oslo');
  assert.match(
    one,
    /^oslo: Temperature, °C, issued 2024-10-31T14:00:00Z, learning: 9 of 28 days\n/,
  );
  assert.match(one, /\n2024-10-31T15:00:00Z +1 h +-1\.0 +0\.0 +1\.0 +smoothing\n/);
  assert.match(one, /\n2024-11-02T14:00:00Z +48 h +46\.0 +47\.0 +48\.0 +smoothing\n/);
  assert.match(one, /\n +24 h +9 +1\.44 +– +– +– +2\.61\n/);
  const changed = '24 h: smoothing since 2024-10-30T00:00:00Z (1.40 °C), learned before (1.50 °C)';
  assert.ok(one.includes(`\n${changed}\n`));
  const all = await run('forecast');
  assert.match(
    all,
    /\ncairo +2024-10-31T14:00:00Z +0\.0 +5\.0 +11\.0 +23\.0 +47\.0 +1\.44 +2\.61\n/,
  );
  const json = JSON.parse(await run('forecast', 'cairo', '--json'));
  assert.deepEqual([json.simulated, json.forecasts.length], [false, 1]);
});
