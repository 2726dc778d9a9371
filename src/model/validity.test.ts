import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldProblem, rejectedField } from './validity.ts';
import { VARIABLE_NAMES, VARIABLES } from './variables.ts';

test('a value is usable within the range of its variable, limits included', () => {
  for (const name of VARIABLE_NAMES) {
    const { minimum, maximum } = VARIABLES[name];
    assert.equal(fieldProblem(name, minimum), null);
    assert.equal(fieldProblem(name, maximum), null);
    assert.match(fieldProblem(name, minimum - 0.001) ?? '', /^out of range/);
    assert.match(fieldProblem(name, maximum + 0.001) ?? '', /^out of range/);
  }
});

test('names what is wrong with a value', () => {
  assert.equal(fieldProblem('wind_gust_ms', Number.NaN), 'NaN');
  assert.equal(fieldProblem('wind_gust_ms', Infinity), 'out of range (0 to 150 m/s)');
  assert.equal(fieldProblem('wind_gust_ms', '12'), 'not a number');
  assert.equal(fieldProblem('wind_gust_ms', null), 'not a number');
});

test('keeps the beginning of a long text', () => {
  assert.equal(rejectedField('wind_gust_ms', 'x'.repeat(300), 'not a number').value.length, 256);
});
