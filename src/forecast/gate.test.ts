import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HORIZONS, MODELS } from '../model/forecast.ts';
import { Gate } from './gate.ts';

const [PERSISTENCE, SMOOTHING] = [MODELS.indexOf('persistence'), MODELS.indexOf('smoothing')];
/** Something is said by these models, nothing by the others. */
function saidBy(...models: readonly number[]): Float64Array {
  const said = new Float64Array(MODELS.length * HORIZONS).fill(Number.NaN);
  for (const model of models) said.fill(7, model * HORIZONS, (model + 1) * HORIZONS);
  return said;
}

test('what a model said before it had learned does not count for long', () => {
  const gate = new Gate();
  for (let hour = 0; hour < 400; hour += 1) {
    gate.add(PERSISTENCE, 0, 1);
    gate.add(SMOOTHING, 0, hour < 100 ? 5 : 0.1);
  }
  assert.equal(gate.choose(400, 0, saidBy(PERSISTENCE, SMOOTHING)), SMOOTHING);
});

test('one good forecast is not enough, and a week is', () => {
  const gate = new Gate();
  for (let hour = 0; hour < 1_000; hour += 1) gate.add(PERSISTENCE, 0, 1);
  const said = saidBy(PERSISTENCE, SMOOTHING);
  for (let hour = 0; hour < 7 * 24; hour += 1) {
    assert.equal(gate.choose(1_000 + hour, 0, said), PERSISTENCE);
    gate.add(SMOOTHING, 0, 0.01);
  }
  assert.equal(gate.choose(1_200, 0, said), SMOOTHING);
});

test('in the first days the best of those that have said something is served', () => {
  const gate = new Gate();
  for (let hour = 0; hour < 48; hour += 1) {
    gate.add(PERSISTENCE, 0, 2);
    if (hour >= 24) gate.add(SMOOTHING, 0, 1);
  }
  assert.equal(gate.choose(48, 0, saidBy(PERSISTENCE, SMOOTHING)), SMOOTHING);
  assert.equal(gate.choose(48, 0, saidBy(PERSISTENCE)), PERSISTENCE);
});
