import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { FIGURES, type Figure, PART_FIGURES } from '../../src/model/engine-figures.ts';
import { setLanguage, words } from '../words/words.ts';
import { formatFigure, limitOf } from './engine-values.ts';

afterEach(() => setLanguage('en'));

test('every figure has a name on the page, and no name is left over', () => {
  const names = Object.values(FIGURES).flatMap((figures) => Object.keys(figures));
  const { figures } = words.value.pipeline.engines;
  assert.deepEqual([...new Set(names)].sort(), Object.keys(figures).sort());
});

test('a figure is written in its unit', async () => {
  const cases = [
    [0.0123, 'seconds', '12 ms'],
    [0.0008, 'seconds', '0.8 ms'],
    [1.25, 'seconds', '1.3 s'],
    [700, 'seconds', '11 min'],
    [0.25, 'ratio', '25 %'],
    [0.012, 'ratio', '1.2 %'],
    [12.34, 'records/second', '12/s'],
    [1.25, 'records/second', '1.3/s'],
    [2_048, 'bytes/second', '2.0 KiB/s'],
    [1, '0 or 1', 'yes'],
    [0, '0 or 1', 'no'],
    [1_234, 'blocks', '1,234'],
    [null, 'blocks', '–'],
  ] as const;
  for (const [value, unit, text] of cases) assert.equal(formatFigure(value, unit), text);
  await setLanguage('de');
  assert.equal(formatFigure(1.25, 'seconds'), '1,3 s');
});

test('units are known to the page: a figure whose name ends in a unit has that unit', () => {
  const units = [...Object.values(FIGURES), ...Object.values(PART_FIGURES)].flatMap((figures) =>
    Object.entries<Figure>(figures),
  );
  for (const [name, { unit }] of units) {
    const [, last = ''] = /_(seconds|bytes|ratio)(?:_total)?$/.exec(name) ?? [];
    if (last !== '') assert.equal(unit, last, name);
    if (name.endsWith('per_second')) assert.match(unit, /\/second$/, name);
  }
});

test('the limit that was passed is named', () => {
  const figure = {
    name: 'lag_seconds',
    unit: 'seconds',
    help: '',
    value: 700,
    remedy: null,
    key: true,
    trend: { step_s: 60, values: [] },
    threshold: { is: 'above', warning: 600, failing: 3_600 },
  } as const;
  assert.equal(limitOf({ ...figure, state: 'ok' }), null);
  assert.equal(limitOf({ ...figure, state: 'warning' }), 600);
  assert.equal(limitOf({ ...figure, state: 'failing' }), 3_600);
});
