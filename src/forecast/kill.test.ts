import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAULT_POINTS } from '../fault.ts';
import { forecastScoresPath, issuedPath } from '../lake/layout.ts';
import { openLocalStorage } from '../lake/local.ts';
import { dayOf } from './hour.ts';
import { readIssued } from './issued.ts';
import { readScores } from './score-book.ts';
import { fieldOf } from './scores.ts';
import { FIRST, KILL_CITIES, SIGNAL, weatherUpTo } from './testing/weather-source.ts';
import { verifyForecasts } from './verify.ts';

const CHILD = join(import.meta.dirname, 'testing', 'kill-child.ts');
const POINTS = FAULT_POINTS.filter((point) => point.startsWith('forecast.'));
/** So that two days are scored from the first kill on. */
const BEGIN = 20;

function run(folder: string, hour: number, fault: string) {
  const env = { ...process.env, ISOBAR_FAULT: fault };
  const child = spawnSync(process.execPath, [CHILD, folder, String(hour)], { env });
  if (fault === '') assert.equal(child.status, 0, child.stderr.toString());
  return child.signal;
}

test(`killed at each of ${POINTS.length} named steps, no score is lost or doubled`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-forecast-kill-'));
  try {
    run(folder, BEGIN, '');
    let hour = BEGIN;
    for (const point of POINTS) {
      hour += 1;
      // One that is reached only when a state is kept.
      if (point === 'forecast.before-state' && hour % 2 === 1) run(folder, hour++, '');
      assert.equal(run(folder, hour, point), 'SIGKILL', `${point} was not reached`);
      run(folder, hour, '');
    }
    await using storage = await openLocalStorage(join(folder, 'lake'));
    const { values } = weatherUpTo(hour);
    const report = await verifyForecasts({ storage, values, files: [], signal: SIGNAL });
    assert.deepEqual(report.differences, []);
    assert.equal(report.changedSince, 0);
    // One forecast each of three variables for each hour at which the program ran.
    const hours = hour - BEGIN + 1;
    assert.equal(report.forecasts, hours * KILL_CITIES.length * 3);
    let scored = 0;
    for (const day of new Set([dayOf(FIRST + BEGIN), dayOf(FIRST + hour)])) {
      for (const row of await readScores(storage, forecastScoresPath(day))) {
        if (row.variable === 'temperature_c') scored += fieldOf(row.sums, 'persistence', 1, 'n');
      }
    }
    assert.equal(scored, (hours - 1) * KILL_CITIES.length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what was changed in a file of forecasts or scores is found', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-forecast-verify-'));
  try {
    for (const hour of [BEGIN, BEGIN + 1]) run(folder, hour, '');
    await using storage = await openLocalStorage(join(folder, 'lake'));
    const { values } = weatherUpTo(BEGIN + 1);
    const verify = () => verifyForecasts({ storage, values, files: [], signal: SIGNAL });
    assert.deepEqual((await verify()).differences, []);
    const path = issuedPath(dayOf(FIRST + BEGIN), (FIRST + BEGIN) % 24, 0);
    const sound = await storage.read(path);
    assert.equal((await readIssued(storage, path)).length, 6);
    const changed = Buffer.from(Buffer.from(sound).toString().replace('"median":[', '"median":[9'));
    await storage.replace(path, changed);
    const [first = '', ...others] = (await verify()).differences;
    assert.match(first, /hour=20\.0\.jsonl: its checksum is another one/);
    // The scores do not follow from what is left.
    assert.ok(others.length > 0 && others.every((text) => text.includes('other sums')));
    await storage.replace(path, sound);
    await storage.putIfAbsent(path.replace('.0.jsonl', '.1.jsonl'), sound);
    assert.match((await verify()).differences.join('\n'), /oslo temperature_c was issued twice/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
