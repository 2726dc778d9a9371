import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRandom } from '../../test/support/random.ts';
import { CityForecaster, WIDTH } from './city-forecaster.ts';
import { CityStore } from './city-store.ts';
import { copyState, restoreState } from './state.ts';

const FIRST = Date.UTC(2020, 0, 1) / 3_600_000;

/** Now and then a value is missing. */
function hours(seed: number, count: number): Float64Array {
  const random = createRandom(seed);
  return Float64Array.from({ length: count * WIDTH }, (_, at) =>
    random() < 0.02 ? Number.NaN : 50 + 20 * Math.sin(at / 50) + 5 * random(),
  );
}

test('what was copied and restored at any hour goes on exactly as the one that was not', () => {
  // The learned model is there from the 91st day on.
  const all = hours(1, 97 * 24);
  const whole = new CityForecaster();
  whole.feed(FIRST, all);
  for (const at of [700, 95 * 24 + 5]) {
    const first = new CityForecaster();
    first.feed(FIRST, all.slice(0, at * WIDTH));
    const second = new CityForecaster();
    assert.ok(restoreState(second, copyState(first)));
    second.feed(FIRST + at, all.slice(at * WIDTH));
    assert.deepEqual(second.newest(), whole.newest());
    assert.deepEqual(second.hindcasts(), whole.hindcasts());
    assert.deepEqual(copyState(second), copyState(whole));
  }
});

test('a state of another length is refused, and changes nothing', () => {
  const city = new CityForecaster();
  city.feed(FIRST, hours(2, 100));
  const before = copyState(city);
  assert.equal(restoreState(city, before.slice(1)), false);
  assert.deepEqual(copyState(city), before);
});

test('the same hours fed again change nothing; others are counted once', () => {
  const city = new CityForecaster();
  const values = hours(3, 100);
  city.feed(FIRST, values);
  const before = copyState(city);
  city.feed(FIRST, values);
  assert.deepEqual(copyState(city), before);
  const corrected = values.slice(-2 * WIDTH);
  corrected[0] = 3;
  for (let again = 0; again < 2; again += 1) city.feed(FIRST + 98, corrected);
  assert.equal(city.newest().late, 1);
  assert.equal(city.hour, FIRST + 99);
});

test('drafts that killed processes left are removed, those of another process are not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-states-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['oslo.state.1-a.new', 'oslo.state.2-b.new']) {
    writeFileSync(join(folder, name), 'half');
  }
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  utimesSync(join(folder, 'oslo.state.1-a.new'), longAgo, longAgo);
  const store = new CityStore(folder);
  store.begin('oslo');
  store.save('oslo');
  assert.deepEqual(readdirSync(folder).sort(), ['oslo.state', 'oslo.state.2-b.new']);
});
